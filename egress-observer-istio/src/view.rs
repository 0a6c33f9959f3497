//! The cluster as far as it is known: an immutable snapshot that everything downstream reads.

pub mod live;
mod roster;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
};

use ipnet::IpNet;

use self::roster::Roster;
pub use crate::manifests::ManifestError;
pub use crate::mesh::ROOT_NAMESPACE;
use crate::{
    injection::{
        desired::Today,
        pod::{self, Pod},
        setup::Membership,
    },
    manifests::{self, Object},
    mesh::{self, Mesh},
    objects::{self, Metadata, PodTemplate},
    registry::{Registry, SidecarScope, Viewer},
    vocabulary::{Policy, Reason, Scope},
};

/// One consistent view of pods and mesh configuration.
#[derive(Debug, Default)]
pub struct Snapshot {
    pods: Roster,
    mesh: Mesh,
    /// What the mesh knows.
    pub registry: Registry,
    cluster_ranges: Vec<IpNet>,
    /// Whether objects of the registry may be missing.
    registry_unknown: bool,
    /// Whether pods may be missing.
    pods_unknown: bool,
}

/// How many objects of each kind a snapshot was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Pods.
    pub pods: usize,
    /// ConfigMaps of Istio.
    pub config_maps: usize,
    /// ServiceEntries.
    pub service_entries: usize,
}

impl Snapshot {
    /// The state that the files describe.
    pub fn from_files(
        paths: &[PathBuf],
        cluster_ranges: &[IpNet],
    ) -> Result<(Self, ObjectCounts), ManifestError> {
        Ok(Self::from_objects(
            manifests::objects(paths)?,
            cluster_ranges,
        ))
    }

    /// The state that these objects describe.
    pub fn from_objects(objects: Vec<Object>, cluster_ranges: &[IpNet]) -> (Self, ObjectCounts) {
        let mut snapshot = Self {
            cluster_ranges: cluster_ranges.to_vec(),
            ..Self::default()
        };
        let mut counts = ObjectCounts::default();
        let mut pods = Vec::new();
        let mut around = Surroundings::default();
        let mut service_entries = Vec::new();
        for object in objects {
            match object {
                Object::Pod(object) => {
                    counts.pods += 1;
                    pods.push(object);
                }
                Object::ConfigMap(object) => {
                    counts.config_maps += usize::from(snapshot.mesh.apply(&object));
                }
                Object::ServiceEntry(object) => {
                    counts.service_entries += 1;
                    service_entries.push(object);
                }
                Object::MutatingWebhookConfiguration(object) => {
                    snapshot.mesh.apply_webhook(&object.metadata);
                }
                Object::Service(object) => {
                    around.add_service(&object);
                    snapshot.registry.set_service(&object);
                }
                Object::Namespace(object) => {
                    let name = object.metadata.name.clone();
                    around.namespaces.insert(name, object.metadata);
                }
                Object::Workload(object) => around.add_workload(&object),
                Object::ProxyConfig(object) => around.proxy_configs.push(object),
                Object::Sidecar(object) => snapshot.registry.set_sidecar(&object),
                Object::VirtualService(object) => snapshot.registry.set_virtual_service(&object),
                Object::DestinationRule(object) => snapshot.registry.set_destination_rule(&object),
                Object::Addressing(_) => {}
            }
        }
        snapshot.set_defaults();
        for object in &service_entries {
            let object = with_selected_pods(object, pods.iter());
            snapshot.registry.set_service_entry(&object);
        }
        // Pods last: what they are depends on the rest.
        for object in pods {
            snapshot.add_pod(&object, &around);
        }
        (snapshot, counts)
    }

    /// Tells the registry what the mesh's configuration says about all objects.
    fn set_defaults(&mut self) {
        if let Some(mesh) = self.mesh.config("") {
            let export_to = &mesh.default_service_export_to;
            self.registry.set_defaults(&mesh.root_namespace, export_to);
        }
    }

    fn add_pod(&mut self, object: &objects::Pod, around: &Surroundings) {
        let pod = around.pod(object, &self.mesh);
        pod.warn_if_unreadable(None);
        // Files that people write for a try have no uid; a name is as good there.
        let key = if pod.uid.is_empty() {
            pod.to_string()
        } else {
            pod.uid.clone()
        };
        self.pods.set(key, pod);
    }

    /// The pod with this `metadata.uid`, for a while also one that is gone.
    pub fn pod(&self, uid: &str) -> Option<&Arc<Pod>> {
        self.pods.get(uid)
    }

    /// Whether objects of the registry may be missing: what it does not know may be known to the mesh.
    pub fn registry_unknown(&self) -> bool {
        self.registry_unknown
    }

    /// Why a connection of nobody has no owner.
    pub fn why_unattributed(&self) -> Reason {
        if self.pods_unknown {
            Reason::NotSynced
        } else {
            Reason::NotAttributed
        }
    }

    /// Every pod that is there, in no order.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.there()
    }

    /// Namespace and name of every workload.
    pub fn workloads(&self) -> HashSet<(&str, &str)> {
        self.pods
            .all()
            .map(|pod| (&*pod.namespace, &*pod.workload))
            .collect()
    }

    /// What a pod's sidecar does with destinations that the mesh does not know.
    pub fn policy(&self, pod: &Pod) -> Option<Policy> {
        self.policy_and_source(pod).0
    }

    /// The same, and what says so: the Sidecar that applies, if it says anything, else the mesh's
    /// configuration. ztunnel lets everything through.
    pub fn policy_and_source(&self, pod: &Pod) -> (Option<Policy>, Option<String>) {
        if let Membership::Ambient(_) = pod.applied.membership {
            let source = "ztunnel, which lets everything through".to_owned();
            return (Some(Policy::AllowAny), Some(source));
        }
        let sidecar = self.sidecar(pod);
        if let Some(sidecar) = sidecar
            && let Some(policy) = &sidecar.outbound_traffic_policy
        {
            let policy = mesh::policy(Some(&policy.mode)).ok();
            return (policy, Some(sidecar.object.to_string()));
        }
        let source = self.mesh.config_name(&pod.revision);
        (self.mesh.policy(&pod.revision), source)
    }

    /// The Sidecar that applies to a pod. Gateways have none.
    fn sidecar(&self, pod: &Pod) -> Option<&SidecarScope> {
        let redirected = matches!(pod.applied.membership, Membership::Sidecar(_));
        redirected.then(|| self.registry.sidecar_for(&pod.namespace, &pod.labels))?
    }

    /// Whose view of the registry a pod has.
    pub fn viewer<'a>(&'a self, pod: &'a Pod) -> Viewer<'a> {
        let config = pod.applied.config();
        Viewer {
            namespace: &pod.namespace,
            sidecar: self.sidecar(pod),
            dns_capture: config.is_some_and(|config| config.dns.is_some()),
        }
    }

    /// The mesh's configuration.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Whether the last state of a ConfigMap of Istio cannot be read, so that the one before counts.
    pub fn mesh_is_unreadable(&self) -> bool {
        self.mesh.is_unreadable()
    }

    /// How far away a destination is from a pod.
    pub fn scope(&self, pod: &Pod, ip: IpAddr) -> Scope {
        if pod.ips.contains(&ip) {
            Scope::Local
        } else if pod.host_ip == Some(ip) {
            Scope::Node
        } else {
            self.scope_from_anywhere(ip)
        }
    }

    /// The same for a source that is not known.
    pub fn scope_from_anywhere(&self, ip: IpAddr) -> Scope {
        let link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        if ip.is_loopback() || link_local {
            Scope::Local
        } else if self.pods.has_address(ip)
            || self.cluster_ranges.iter().any(|range| range.contains(&ip))
        {
            Scope::Cluster
        } else {
            Scope::External
        }
    }
}

/// An entry with a `workloadSelector`: the pods of its namespace that have these labels are its
/// endpoints (`pilot/pkg/serviceregistry/serviceentry/controller.go`).
fn with_selected_pods<'a, 'p>(
    object: &'a objects::ServiceEntry,
    pods: impl Iterator<Item = &'p objects::Pod>,
) -> Cow<'a, objects::ServiceEntry> {
    let Some(selector) = &object.spec.workload_selector else {
        return Cow::Borrowed(object);
    };
    let namespace = pod::namespace(&object.metadata.namespace);
    let selected = pods.filter(|pod| {
        let labels = &pod.metadata.labels;
        let has = |(key, value)| labels.get(key) == Some(value);
        pod::namespace(&pod.metadata.namespace) == namespace && selector.labels.iter().all(has)
    });
    let addresses = selected.flat_map(|pod| {
        let all = pod.status.pod_ips.iter().map(|entry| &entry.ip);
        all.chain([&pod.status.pod_ip]).filter(|ip| !ip.is_empty())
    });
    let mut object = object.clone();
    let endpoints = addresses.map(|ip| objects::WorkloadEntry {
        address: ip.clone(),
        ..objects::WorkloadEntry::default()
    });
    object.spec.endpoints.extend(endpoints);
    Cow::Owned(object)
}

/// What pods depend on, besides the mesh's configuration.
#[derive(Debug, Default)]
struct Surroundings {
    namespaces: HashMap<String, Metadata>,
    proxy_configs: Vec<objects::ProxyConfig>,
    /// Addresses of the cluster's DNS Service.
    cluster_dns: Vec<IpAddr>,
    /// By namespace, kind and name.
    templates: HashMap<(String, String, String), PodTemplate>,
}

impl Surroundings {
    /// A pod, and what it would be set up to today.
    fn pod(&self, object: &objects::Pod, mesh: &Mesh) -> Pod {
        let today = Today {
            mesh,
            namespaces: &self.namespaces,
            proxy_configs: &self.proxy_configs,
            cluster_dns: &self.cluster_dns,
        };
        Pod::new(object, |owner| self.template(owner), today)
    }

    /// `kube-dns`, as the DNS Service is called by its label whatever serves it.
    fn add_service(&mut self, object: &objects::Service) {
        let metadata = &object.metadata;
        let dns = metadata.namespace == "kube-system"
            && (metadata.name == "kube-dns"
                || metadata.labels.get("k8s-app").map(String::as_str) == Some("kube-dns"));
        if dns {
            let addresses = object
                .spec
                .cluster_ips
                .iter()
                .chain([&object.spec.cluster_ip]);
            for ip in addresses.filter_map(|ip| ip.parse().ok()) {
                if !self.cluster_dns.contains(&ip) {
                    self.cluster_dns.push(ip);
                }
            }
        }
    }

    fn add_workload(&mut self, object: &objects::Workload) {
        if let Some(template) = object.template() {
            let metadata = &object.metadata;
            let key = (
                pod::namespace(&metadata.namespace).to_string(),
                object.kind.clone(),
                metadata.name.clone(),
            );
            self.templates.insert(key, template.clone());
        }
    }

    fn template(&self, (namespace, kind, name): (&str, &str, &str)) -> Option<&PodTemplate> {
        let key = (namespace.to_owned(), kind.to_owned(), name.to_owned());
        self.templates.get(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_go_from_the_pod_outwards() {
        let pod = |uid: &str, ip: &str| {
            let value = serde_json::json!({
                "metadata": {"name": uid, "uid": uid},
                "status": {"podIPs": [{"ip": ip}], "hostIP": "192.0.2.1"},
            });
            Object::Pod(serde_json::from_value(value).unwrap())
        };
        let ranges = ["10.96.0.0/12".parse().unwrap()];
        let (snapshot, counts) = Snapshot::from_objects(
            vec![pod("a", "172.16.0.5"), pod("b", "172.16.0.6")],
            &ranges,
        );
        assert_eq!(counts.pods, 2);
        let a = snapshot.pod("a").unwrap();
        let cases = [
            ("127.0.0.1", Scope::Local),
            ("169.254.169.254", Scope::Local),
            ("172.16.0.5", Scope::Local),
            ("192.0.2.1", Scope::Node),
            ("172.16.0.6", Scope::Cluster),
            ("10.96.0.10", Scope::Cluster),
            ("172.16.0.7", Scope::External),
            ("2001:db8::1", Scope::External),
        ];
        for (ip, scope) in cases {
            assert_eq!(snapshot.scope(a, ip.parse().unwrap()), scope, "{ip}");
        }
    }
}
