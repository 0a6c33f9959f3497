//! A pod: who it is, and what its containers are.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::IpAddr,
    sync::Arc,
};

use tracing::warn;

use crate::{
    injection::{
        desired::{self, Today, desired},
        restart::Renewed,
        setup::{Membership, Setup, applied},
    },
    objects::{self, Metadata, PodSpec, PodTemplate},
    vocabulary::{Actor, Reason},
};

/// A pod of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// What its cgroups are named by: `metadata.uid`, for a static pod the hash of its file.
    pub uid: String,
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: String,
    /// The workload it belongs to, as Istio names it.
    pub workload: Arc<str>,
    /// The kind of that workload; `None` if it is the pod itself.
    pub workload_kind: Option<String>,
    /// Its addresses, the first one first.
    pub ips: Vec<IpAddr>,
    /// Its node's address.
    pub host_ip: Option<IpAddr>,
    /// The control plane revision that injected it; empty for the default one.
    pub revision: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// What was set up for it when it started.
    pub applied: Setup,
    /// What would be set up today.
    pub desired: Setup,
    /// Whether its proxy starts after the init containers: a container like the application's.
    pub proxy_starts_late: bool,
    /// Its containers as the spec has them, the application's first.
    pub declared: Vec<DeclaredContainer>,
    /// What its workload's template gives a new pod, if the template is known.
    pub renewed: Option<Renewed>,
    /// By container id, without the runtime's prefix.
    pub containers: HashMap<String, Container>,
}

/// A container that the status names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub role: ContainerRole,
}

/// What a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRole {
    /// Whom its connections count for.
    pub actor: Actor,
    /// Whether the pod's rules were there when it ran.
    pub rules: Rules,
}

/// A container of the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredContainer {
    /// `name`.
    pub name: String,
    /// What it is.
    pub role: ContainerRole,
    /// `securityContext.runAsUser`, its own or the pod's; else the image decides.
    pub uid: Option<u32>,
    /// `securityContext.runAsGroup` likewise.
    pub gid: Option<u32>,
}

/// Whether a pod's rules were there when a container ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// They were.
    Made,
    /// It ran before they were made.
    NotYet,
    /// It may be one of those that ran before.
    Unknown,
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Name of the proxy's container.
pub const PROXY: &str = "istio-proxy";
/// Name of the init container that makes the rules.
pub const INIT: &str = "istio-init";

impl Pod {
    /// Reads an object.
    /// `template` finds the template of a workload by namespace, kind and name.
    pub fn new<'a>(
        object: &objects::Pod,
        template: impl Fn((&str, &str, &str)) -> Option<&'a PodTemplate>,
        today: Today<'_>,
    ) -> Self {
        let status = &object.status;
        let ips: Vec<IpAddr> = status
            .pod_ips
            .iter()
            .map(|entry| entry.ip.as_str())
            .chain([status.pod_ip.as_str()])
            .filter_map(|ip| ip.parse().ok())
            .collect();
        let metadata = &object.metadata;
        let applied = applied(object, &ips, today.cluster_dns);
        let workload: Arc<str> = workload(object).into();
        let owners = owners(object, &workload);
        let mut makers = owners.iter();
        let template =
            makers.find_map(|(kind, name)| template((&namespace(&metadata.namespace), kind, name)));
        let desired = desired(object, &applied, &ips, template, today);
        let renewed = template.map(|template| Renewed {
            labels: template.metadata.labels.clone(),
            declared: declared(&template.spec),
        });
        let declared = declared(&object.spec);
        let workload_kind = owners.iter().rfind(|(_, name)| *name == &*workload);
        Self {
            uid: uid(metadata).to_owned(),
            namespace: namespace(&metadata.namespace),
            name: metadata.name.clone(),
            workload_kind: workload_kind.map(|(kind, _)| (*kind).to_owned()),
            labels: metadata.labels.clone(),
            host_ip: status.host_ip.parse().ok(),
            revision: metadata
                .annotations
                .get("istio.io/rev")
                .cloned()
                .unwrap_or_default(),
            applied,
            desired,
            containers: containers(object, &declared),
            declared,
            proxy_starts_late: object.spec.containers.iter().any(|own| own.name == PROXY),
            renewed,
            workload: Arc::clone(&workload),
            ips,
        }
    }

    /// Names settings that cannot be read in the log, unless they are what they were before.
    pub fn warn_if_unreadable(&self, before: Option<&Self>) {
        if self.applied.membership == Membership::Unknown(Reason::UnreadableConfig)
            && before.is_none_or(|before| before.applied != self.applied)
        {
            let problem = self.applied.notes.join("; ");
            warn!(pod = %self, %problem, "capture settings cannot be read");
        }
    }

    /// Whether today's configuration would set up something else: a restart would change it.
    /// `None` if that cannot be told.
    pub fn stale(&self) -> Option<bool> {
        desired::same(&self.desired.membership, &self.applied.membership).map(|same| !same)
    }

    /// Whom a connection counts for. Where the container is not known, the proxy's user tells it:
    /// Istio gives no other container that user. A container that the status does not name (yet)
    /// may have run before the rules, in a pod that has such.
    pub fn role(&self, container: Option<&str>, uid: u32, gid: u32) -> ContainerRole {
        if let Some(container) = container.and_then(|id| self.containers.get(id)) {
            return container.role;
        }
        let config = self.applied.config();
        let proxy = config.is_some_and(|config| {
            config.proxy_uids.contains(&uid) || config.proxy_gids.contains(&gid)
        });
        let actor = if proxy { Actor::Proxy } else { Actor::App };
        let mut declared = self.declared.iter();
        let has_early = declared.any(|container| container.role.rules == Rules::NotYet);
        let early = container.is_some() && has_early && !proxy;
        let rules = if early { Rules::Unknown } else { Rules::Made };
        ContainerRole { actor, rules }
    }
}

/// What a pod's cgroups are named by: the API server gives a static pod's mirror another uid than
/// the kubelet uses.
pub fn uid(metadata: &Metadata) -> &str {
    let mirror = metadata.annotations.get("kubernetes.io/config.mirror");
    mirror.unwrap_or(&metadata.uid)
}

/// An absent namespace is `default`, as `kubectl` has it.
pub fn namespace(namespace: &str) -> Arc<str> {
    named_namespace(namespace).into()
}

/// The same without a copy.
pub fn named_namespace(namespace: &str) -> &str {
    if namespace.is_empty() {
        "default"
    } else {
        namespace
    }
}

/// The owner that Istio's telemetry names (`pkg/kube/inject` and the proxy's
/// `workload.name`): a ReplicaSet's Deployment, a Job's CronJob, else the controller, else the pod.
fn workload(object: &objects::Pod) -> String {
    let metadata = &object.metadata;
    let owners = &metadata.owner_references;
    let Some(owner) = owners
        .iter()
        .find(|owner| owner.controller)
        .or(owners.first())
    else {
        return metadata.name.clone();
    };
    let hash = metadata.labels.get("pod-template-hash");
    let deployment =
        hash.and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
    match (owner.kind.as_str(), deployment) {
        ("ReplicaSet", Some(deployment)) => deployment.to_owned(),
        ("Job", _) => cron_job(&owner.name).unwrap_or(&owner.name).to_owned(),
        _ => owner.name.clone(),
    }
}

/// Who may hold the pod's template: what makes new pods first, then what made this one.
fn owners<'a>(object: &'a objects::Pod, workload: &'a str) -> Vec<(&'a str, &'a str)> {
    let owners = &object.metadata.owner_references;
    let Some(owner) = owners
        .iter()
        .find(|owner| owner.controller)
        .or(owners.first())
    else {
        return Vec::new();
    };
    let maker = match owner.kind.as_str() {
        "ReplicaSet" => Some("Deployment"),
        "Job" => Some("CronJob"),
        _ => None,
    };
    let maker = maker.map(|kind| (kind, workload));
    maker
        .into_iter()
        .chain([(owner.kind.as_str(), owner.name.as_str())])
        .collect()
}

/// A CronJob names its Jobs after itself and the scheduled minute: 8 to 10 digits.
fn cron_job(job: &str) -> Option<&str> {
    let (name, minute) = job.rsplit_once('-')?;
    let digits = minute.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (8..=10).contains(&minute.len())).then_some(name)
}

/// The containers of the spec, the application's first.
fn declared(spec: &PodSpec) -> Vec<DeclaredContainer> {
    let init = &spec.init_containers;
    // Those before istio-init ran without rules. The injector puts it last where the proxy is no
    // init container itself.
    let rules_made = init.iter().position(|container| container.name == INIT);
    let of_pod = &spec.security_context;
    let declare = |container: &objects::Container, actor, rules| {
        let own = &container.security_context;
        DeclaredContainer {
            name: container.name.clone(),
            role: ContainerRole { actor, rules },
            uid: own.run_as_user.or(of_pod.run_as_user),
            gid: own.run_as_group.or(of_pod.run_as_group),
        }
    };
    let actor = |name: &str, other| if name == PROXY { Actor::Proxy } else { other };
    let main = spec
        .containers
        .iter()
        .map(|container| declare(container, actor(&container.name, Actor::App), Rules::Made));
    let init = init.iter().enumerate().map(|(place, container)| {
        // With a restart policy it runs beside the application.
        let beside = container.restart_policy == "Always";
        let role = if beside { Actor::App } else { Actor::Init };
        let early = rules_made.is_some_and(|made| place < made);
        let rules = if early { Rules::NotYet } else { Rules::Made };
        declare(container, actor(&container.name, role), rules)
    });
    let mut all: Vec<_> = main.chain(init).collect();
    all.sort_by_key(|container| container.role.actor);
    all
}

/// The containers that the status names, by their ids.
fn containers(object: &objects::Pod, declared: &[DeclaredContainer]) -> HashMap<String, Container> {
    let status = &object.status;
    let ephemeral = ContainerRole {
        actor: Actor::App,
        rules: Rules::Made,
    };
    status
        .container_statuses
        .iter()
        .chain(&status.init_container_statuses)
        .chain(&status.ephemeral_container_statuses)
        .filter_map(|status| {
            // `containerd://<id>`; empty until the container was created.
            let (_, id) = status.container_id.split_once("://")?;
            let declared = declared
                .iter()
                .find(|container| container.name == status.name);
            let container = Container {
                name: status.name.as_str().into(),
                role: declared.map_or(ephemeral, |container| container.role),
            };
            Some((id.to_owned(), container))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        mesh::Mesh,
        rules::{CaptureConfig, ports, ranges},
    };

    fn pod(value: Value) -> Pod {
        let today = Today {
            mesh: &Mesh::default(),
            namespaces: &HashMap::new(),
            proxy_configs: &[],
            cluster_dns: &[],
        };
        Pod::new(&serde_json::from_value(value).unwrap(), |_| None, today)
    }

    fn injected(init: Value) -> Value {
        json!({
            "metadata": {
                "name": "sleep-7d5b8c-x2x4z", "namespace": "shop", "uid": "u",
                "labels": {"pod-template-hash": "7d5b8c"},
                "annotations": {"sidecar.istio.io/status": "{}"},
                "ownerReferences": [
                    {"kind": "ReplicaSet", "name": "sleep-7d5b8c", "controller": true}
                ],
            },
            "spec": {
                "initContainers": [{"name": "own-init"}, init],
                "containers": [
                    {"name": "sleep"},
                    {"name": "istio-proxy", "args": ["proxy", "sidecar"]}
                ],
            },
            "status": {
                "podIPs": [{"ip": "10.0.0.5"}],
                "initContainerStatuses": [{"name": "own-init", "containerID": "containerd://aa"}],
                "containerStatuses": [
                    {"name": "sleep", "containerID": "containerd://bb"},
                    {"name": "istio-proxy", "containerID": "cri-o://cc"}
                ],
            },
        })
    }

    #[test]
    fn istio_init_tells_what_was_applied() {
        let args = [
            "istio-iptables",
            "-p",
            "15001",
            "-u",
            "1337",
            "-i",
            "10.0.0.0/8",
            "-x",
            "",
        ];
        let pod = pod(injected(json!({"name": "istio-init", "args": args})));
        let config = pod.applied.config().unwrap();
        assert_eq!(config.include, ranges("10.0.0.0/8"));
        assert_eq!(&*pod.workload, "sleep");
    }

    #[test]
    fn containers_are_told_apart() {
        let pod = pod(injected(
            json!({"name": "istio-init", "args": ["istio-iptables"]}),
        ));
        let role = |actor, rules| ContainerRole { actor, rules };
        assert_eq!(pod.role(Some("aa"), 0, 0), role(Actor::Init, Rules::NotYet));
        assert_eq!(pod.role(Some("bb"), 1337, 0), role(Actor::App, Rules::Made));
        assert_eq!(
            pod.role(Some("cc"), 1337, 1337),
            role(Actor::Proxy, Rules::Made)
        );
        assert_eq!(
            pod.role(Some("dd"), 1337, 1337),
            role(Actor::Proxy, Rules::Made)
        );
        assert_eq!(
            pod.role(Some("dd"), 1000, 1000),
            role(Actor::App, Rules::Unknown)
        );
        assert_eq!(pod.role(None, 1000, 1000), role(Actor::App, Rules::Made));
    }

    #[test]
    fn the_cni_plugin_has_defaults_of_its_own() {
        let mut object = injected(json!({"name": "istio-validation"}));
        let annotations = &mut object["metadata"]["annotations"];
        annotations["sidecar.istio.io/interceptionMode"] = "REDIRECT".into();
        annotations["traffic.sidecar.istio.io/excludeOutboundIPRanges"] = "10.1.0.0/16".into();
        let pod = pod(object);
        let expected = CaptureConfig {
            exclude: ranges("10.1.0.0/16"),
            exclude_ports: ports("15020"),
            ..CaptureConfig::default()
        };
        assert_eq!(pod.applied.config(), Some(&expected));
    }

    #[test]
    fn pods_outside_the_mesh_say_why() {
        let plain = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a"}]}});
        assert_eq!(
            pod(plain).applied.membership,
            Membership::Outside(Reason::NoSidecar)
        );
        let host = json!({"metadata": {"name": "a"}, "spec": {"hostNetwork": true}});
        assert_eq!(
            pod(host).applied.membership,
            Membership::Outside(Reason::HostNetwork)
        );
        let annotations = json!({"ambient.istio.io/redirection": "enabled"});
        let ambient = json!({"metadata": {"name": "a", "annotations": annotations}});
        let expected = Membership::Ambient(crate::rules::ambient::AmbientConfig::default());
        assert_eq!(pod(ambient).applied.membership, expected);
    }

    #[test]
    fn a_static_pod_is_known_by_the_hash_of_its_file() {
        let annotations = json!({"kubernetes.io/config.mirror": "0123456789abcdef"});
        let mirror = json!({"metadata": {"name": "a", "uid": "u", "annotations": annotations}});
        assert_eq!(pod(mirror).uid, "0123456789abcdef");
    }

    #[test]
    fn settings_that_cannot_be_read_are_not_guessed() {
        let args = json!(["istio-iptables", "-i", "everything"]);
        let pod = pod(injected(json!({"name": "istio-init", "args": args})));
        assert_eq!(
            pod.applied.membership,
            Membership::Unknown(Reason::UnreadableConfig)
        );
    }

    #[test]
    fn workloads_are_named_as_istio_names_them() {
        let owned = |kind: &str, name: &str| {
            let owners = json!([{"kind": kind, "name": name, "controller": true}]);
            let object = json!({"metadata": {"name": "p", "ownerReferences": owners}});
            pod(object).workload.to_string()
        };
        assert_eq!(owned("StatefulSet", "db"), "db");
        assert_eq!(owned("Job", "backup-29100480"), "backup");
        assert_eq!(owned("Job", "migrate-2"), "migrate-2");
        assert_eq!(
            pod(json!({"metadata": {"name": "bare"}})).workload.as_ref(),
            "bare"
        );
    }
}
