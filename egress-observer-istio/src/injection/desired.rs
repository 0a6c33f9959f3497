//! What today's configuration would set up for a pod if it were made anew.
//!
//! The injector decides by labels (`pkg/kube/inject/inject.go` `injectRequired`, and the selectors
//! of its webhooks) and renders a template (`manifests/charts/istio-control/istio-discovery/files/
//! injection-template.yaml`): annotations replace the mesh's values, also with empty text.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use crate::{
    injection::{
        pod::PROXY,
        policy::Injection,
        setup::{
            self, CniPlugin, EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INTERCEPTION_MODE,
            INTERFACES, Injected, Membership, STATUS, Setup, TRAFFIC, container, unreadable,
        },
    },
    mesh::{Injector, Mesh, ProxyConfigText},
    objects::{self, Metadata, PodSpec, PodTemplate},
    rules::{
        Backend, CaptureConfig, Setting, Version,
        flags::{self, Surroundings, Variable},
    },
    vocabulary::Reason,
};

/// What the injector and istio-cni look at, besides the pod.
#[derive(Clone, Copy)]
pub struct Today<'a> {
    pub mesh: &'a Mesh,
    pub namespaces: &'a HashMap<String, Metadata>,
    pub proxy_configs: &'a [objects::ProxyConfig],
    pub cluster_dns: &'a [IpAddr],
}

const TEMPLATES: &str = "inject.istio.io/templates";
const PROXY_CONFIG: &str = "proxy.istio.io/config";
const UID_RANGE: &str = "openshift.io/sa.scc.uid-range";

/// What would be set up for the pod: by its workload's template, where that is known, else by the
/// pod itself. Under the CNI plugin the injector writes its own values into a pod's annotations:
/// without the template, one that is not today's value may be an order or a leftover, and what
/// would be set up is not known.
pub fn desired(
    pod: &objects::PodObject,
    applied: &Setup,
    ips: &[IpAddr],
    template: Option<&PodTemplate>,
    today: Today<'_>,
) -> Setup {
    let (metadata, spec) = match template {
        Some(template) => (&template.metadata, &template.spec),
        None => (&pod.metadata, &pod.spec),
    };
    let namespace = super::pod::namespace(&pod.metadata.namespace);
    let wanted = Wanted {
        metadata,
        spec,
        namespace: &namespace,
        labels: today.namespaces.get(&*namespace),
        from_template: template.is_some(),
        applied,
        ips,
        today,
    };
    wanted.setup()
}

/// Whether two setups make the same rules; `None` if one is not known. Versions and the order of
/// lists do not matter.
pub fn same(a: &Membership, b: &Membership) -> Option<bool> {
    use Membership as M;
    Some(match (a, b) {
        (M::Unknown(_), _) | (_, M::Unknown(_)) => return None,
        (M::Sidecar(a), M::Sidecar(b)) => same_rules(a, b),
        (M::Outside(_), M::Outside(_)) | (M::NotRedirected, M::NotRedirected) => true,
        (M::Ambient(a), M::Ambient(b)) => a == b,
        (M::Sidecar(_) | M::NotRedirected | M::Ambient(_) | M::Outside(_), _) => false,
    })
}

fn same_rules(a: &CaptureConfig, b: &CaptureConfig) -> bool {
    let ranges = |ranges: &crate::rules::Ranges| {
        let mut list: Vec<_> = ranges.list().iter().map(ipnet::IpNet::trunc).collect();
        list.sort_unstable();
        list.dedup();
        (ranges.is_all(), list)
    };
    let ports = |ports: &crate::rules::Ports| {
        let ends = |range: &crate::rules::PortRange| (*range.start(), *range.end());
        let mut list: Vec<_> = ports.list().iter().map(ends).collect();
        list.sort_unstable();
        list.dedup();
        list
    };
    let lists = |config: &CaptureConfig| {
        (
            ranges(&config.include),
            ranges(&config.exclude),
            ports(&config.include_ports),
            ports(&config.exclude_ports),
        )
    };
    // Everything that has no order, compared as it is.
    let rest = |config: &CaptureConfig| CaptureConfig {
        version: None,
        include: crate::rules::Ranges::default(),
        exclude: crate::rules::Ranges::default(),
        include_ports: crate::rules::Ports::default(),
        exclude_ports: crate::rules::Ports::default(),
        ..config.clone()
    };
    lists(a) == lists(b) && rest(a) == rest(b)
}

/// A pod to be made.
pub struct Wanted<'a> {
    pub metadata: &'a Metadata,
    pub spec: &'a PodSpec,
    pub namespace: &'a str,
    /// The namespace's own metadata, if it is known.
    pub labels: Option<&'a Metadata>,
    from_template: bool,
    /// What was set up for the pod that runs.
    pub applied: &'a Setup,
    ips: &'a [IpAddr],
    pub today: Today<'a>,
}

impl Wanted<'_> {
    fn setup(&self) -> Setup {
        let outside = |reason, why: String| Setup::new(Membership::Outside(reason), why);
        if self.spec.host_network {
            return outside(Reason::HostNetwork, "spec.hostNetwork: true".to_owned());
        }
        let (revision, because) = match self.injection() {
            Injection::Yes(revision, because) => (revision, because),
            Injection::Unknown(missing) => {
                let unknown = Membership::Unknown(Reason::NotSynced);
                return Setup::new(unknown, format!("not known without {missing}"));
            }
            Injection::No(because, said) => {
                if let Some(own) = self.with_its_own_proxy(&because) {
                    return own;
                }
                if let Some(ambient) = self.ambient() {
                    return ambient;
                }
                let reason = if said {
                    Reason::InjectionDisabled
                } else {
                    Reason::NoSidecar
                };
                return outside(reason, because);
            }
        };
        let Some(injector) = self.today.mesh.injector(&revision) else {
            let name = if revision.is_empty() {
                String::new()
            } else {
                format!("-{revision}")
            };
            return Setup::new(
                Membership::Unknown(Reason::NotSynced),
                format!("not known without the ConfigMap istio-sidecar-injector{name}"),
            );
        };
        if let Some(because) = self.refused(injector) {
            return outside(Reason::InjectionDisabled, because);
        }
        let mut setup = self.rendered(injector, &revision);
        // No news to a pod that has a sidecar.
        if self.applied.config().is_none() {
            setup.notes.push(format!("injected because of {because}"));
        }
        setup
    }

    /// A pod that is not injected and has a proxy all the same: a gateway, or injected by hand
    /// (`istioctl kube-inject`). Its template is the truth; without one, a sidecar may have come
    /// from the injector of another day.
    fn with_its_own_proxy(&self, because: &str) -> Option<Setup> {
        let proxy = container(self.spec, PROXY)?;
        if let Some(source) = setup::not_a_sidecar(proxy) {
            return Some(Setup::new(Membership::NotRedirected, source));
        }
        if !self.from_template {
            return Some(Setup::new(
                Membership::Unknown(Reason::NotSynced),
                format!(
                    "{because}, and its sidecar may be its own: not known without its template"
                ),
            ));
        }
        let pod = objects::PodObject {
            metadata: self.metadata.clone(),
            spec: self.spec.clone(),
            status: objects::PodStatus::default(),
        };
        Some(setup::applied(&pod, self.ips, self.today.cluster_dns))
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.get(name).map(String::as_str)
    }

    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.get(name).map(String::as_str)
    }

    /// `ProxyConfig` from the mesh, from objects and from the annotation, the lowest first
    /// (`pilot/pkg/model/proxy_config.go`).
    fn proxy_config(&self, revision: &str) -> Result<ProxyConfigText, String> {
        let mesh = self.today.mesh.config(revision);
        let mut config = mesh
            .map(|mesh| mesh.default_config.clone())
            .unwrap_or_default();
        let root = mesh.map_or("", |mesh| mesh.root_namespace.as_str());
        let root = if root.is_empty() {
            crate::mesh::ROOT_NAMESPACE
        } else {
            root
        };
        let objects = |namespace: &str, selected: bool| {
            let namespace = namespace.to_owned();
            self.today.proxy_configs.iter().filter(move |object| {
                let selector = object.spec.selector.as_ref();
                let labels = selector.map(|selector| &selector.match_labels);
                let has =
                    |(key, value): (&String, &String)| self.metadata.labels.get(key) == Some(value);
                object.metadata.namespace == namespace
                    && match labels {
                        Some(labels) if !labels.is_empty() => selected && labels.iter().all(has),
                        Some(_) | None => !selected,
                    }
            })
        };
        for object in objects(root, false).chain(objects(self.namespace, false)) {
            config
                .proxy_metadata
                .extend(object.spec.environment_variables.clone());
        }
        if let Some(text) = self.annotation(PROXY_CONFIG) {
            let own: ProxyConfigText = serde_saphyr::from_str(text)
                .map_err(|problem| format!("annotation {PROXY_CONFIG}: {problem}"))?;
            config.interception_mode = own.interception_mode.or(config.interception_mode);
            config.proxy_metadata.extend(own.proxy_metadata);
        }
        for object in objects(self.namespace, true) {
            config
                .proxy_metadata
                .extend(object.spec.environment_variables.clone());
        }
        Ok(config)
    }

    /// What the template renders, and what is made of it.
    fn rendered(&self, injector: &Injector, revision: &str) -> Setup {
        let source = format!("ConfigMap {}", injector.name);
        let templates = self.annotation(TEMPLATES).unwrap_or("sidecar");
        if let Some(other) = templates
            .split(',')
            .map(str::trim)
            .find(|name| *name == "gateway" || name.starts_with("grpc-"))
        {
            let because = format!("annotation {TEMPLATES}: the template {other} redirects nothing");
            return Setup::new(Membership::NotRedirected, because);
        }
        let config = match self.proxy_config(revision) {
            Ok(config) => config,
            Err(problem) => return unreadable(source, &problem),
        };
        let cni = injector.values.pilot.cni.enabled || injector.values.istio_cni.enabled;
        let by_cni = cni || self.was_by_cni();
        // The injector itself writes this annotation for the CNI plugin.
        let own_mode = self
            .annotation(INTERCEPTION_MODE)
            .filter(|_| !self.may_be_written(by_cni));
        let mode = own_mode
            .or(config.interception_mode.as_deref())
            .unwrap_or("REDIRECT");
        if mode == "NONE" {
            return Setup::new(Membership::NotRedirected, "interceptionMode NONE");
        }
        let values = match self.values(injector, by_cni) {
            Ok(values) => values,
            Err(setup) => return *setup,
        };
        if let Some(problem) = values.iter().find_map(Chosen::refused) {
            let refused = format!("the injector refuses the pod: {problem}");
            return unreadable(source, &refused);
        }
        let metadata = &config.proxy_metadata;
        let made = if cni {
            self.by_cni(injector, &values, metadata)
        } else {
            self.by_init(injector, revision, &values, metadata)
        };
        match made {
            Ok(setup) => {
                let origins = values
                    .into_iter()
                    .map(|value| (value.setting, value.origin));
                Setup {
                    origins: origins.collect(),
                    injected: Some(Injected {
                        revision: revision.to_owned(),
                        by_cni: cni,
                    }),
                    source,
                    ..setup
                }
            }
            Err(problem) => unreadable(source, &problem),
        }
    }

    /// Whether the pod that runs got its rules from the CNI plugin.
    fn was_by_cni(&self) -> bool {
        container(self.spec, setup::VALIDATION).is_some()
            || self.annotation(STATUS).is_some()
                && self
                    .annotation(INTERCEPTION_MODE)
                    .is_some_and(|mode| mode != "NONE")
                && container(self.spec, super::pod::INIT).is_none()
    }

    /// Whether an annotation of the pod may have been written by the injector.
    fn may_be_written(&self, by_cni: bool) -> bool {
        by_cni && !self.from_template && self.was_by_cni()
    }

    /// The lists: a pod's annotation before the mesh's value.
    fn values(&self, injector: &Injector, by_cni: bool) -> Result<Vec<Chosen>, Box<Setup>> {
        let proxy = &injector.values.global.proxy;
        let lists = [
            (
                INCLUDE,
                Setting::Include,
                &proxy.include_ip_ranges,
                "includeIPRanges",
            ),
            (
                EXCLUDE,
                Setting::Exclude,
                &proxy.exclude_ip_ranges,
                "excludeIPRanges",
            ),
            (
                INCLUDE_PORTS,
                Setting::IncludePorts,
                &proxy.include_outbound_ports,
                "includeOutboundPorts",
            ),
            (
                EXCLUDE_PORTS,
                Setting::ExcludePorts,
                &proxy.exclude_outbound_ports,
                "excludeOutboundPorts",
            ),
        ];
        let mut values = Vec::new();
        for (name, setting, mesh, field) in lists {
            let key = format!("{TRAFFIC}{name}");
            let annotation = self.annotation(&key);
            // The injector never writes empty text.
            let written = annotation.is_some_and(|text| !text.is_empty() && text != mesh);
            if written && self.may_be_written(by_cni) {
                let unknown = Membership::Unknown(Reason::AnnotationOrigin);
                return Err(Box::new(Setup::new(
                    unknown,
                    format!(
                        "annotation {key}: the pod's own, or what the injector once wrote from the \
                         mesh's values? Its workload's template would tell"
                    ),
                )));
            }
            values.push(Chosen {
                name,
                setting,
                origin: match annotation {
                    Some(text) => format!("annotation {key} {text:?}"),
                    None => format!(
                        "ConfigMap {}: values: global.proxy.{field} {mesh:?}",
                        injector.name
                    ),
                },
                by_annotation: annotation.is_some(),
                text: annotation.unwrap_or(mesh).to_owned(),
            });
        }
        if let Some(text) = self.annotation(&format!("{TRAFFIC}{INTERFACES}")) {
            values.push(Chosen {
                name: INTERFACES,
                setting: Setting::Interfaces,
                origin: format!("annotation {TRAFFIC}{INTERFACES} {text:?}"),
                by_annotation: true,
                text: text.to_owned(),
            });
        }
        Ok(values)
    }

    /// The version that would be injected: the injector's, else the one that runs.
    fn version(&self, injector: &Injector) -> Option<Version> {
        let running = self.applied.config().map(|config| config.version);
        Version::of_tag(&injector.values.global.tag)
            .or_else(|| running.unwrap_or(Some(Version::CURRENT)))
    }

    /// The proxy's user: the mesh's values do not change what the running pod has; OpenShift gives
    /// each namespace its own (`pkg/kube/inject/openshift.go`).
    fn proxy_ids(&self, injector: &Injector) -> (Vec<u32>, Vec<u32>) {
        if let Some(config) = self.applied.config() {
            return (config.proxy_uids.clone(), config.proxy_gids.clone());
        }
        let openshift = injector.values.global.platform == "openshift";
        let range = self.labels.filter(|_| openshift);
        let range = range.and_then(|namespace| namespace.annotations.get(UID_RANGE));
        let own = container(self.spec, PROXY).and_then(|proxy| proxy.security_context.run_as_user);
        let uid = own.filter(|uid| *uid != 0).or_else(|| {
            // `first/number`, or `first-last`.
            let range = range?;
            if let Some((_, last)) = range.split_once('-') {
                return last.parse().ok();
            }
            let (first, number) = range.split_once('/')?;
            first
                .parse::<u32>()
                .ok()?
                .checked_add(number.parse::<u32>().ok()?)?
                .checked_sub(1)
        });
        let ids = vec![uid.unwrap_or(1337)];
        (ids.clone(), ids)
    }

    fn by_cni(
        &self,
        injector: &Injector,
        values: &[Chosen],
        metadata: &BTreeMap<String, String>,
    ) -> Result<Setup, String> {
        // An empty value of the mesh is no annotation.
        let annotations = values
            .iter()
            .filter(|value| value.by_annotation || !value.text.is_empty())
            .map(|value| (format!("{TRAFFIC}{}", value.name), value.text.clone()))
            .collect();
        let on =
            |name: &str| metadata.get(name).map(|text| flags::parse_bool(text)) == Some(Some(true));
        let (uids, gids) = self.proxy_ids(injector);
        let plugin = CniPlugin {
            version: self.version(injector),
            backend: Backend::of(injector.values.global.native_nftables),
            uid: uids.first().copied(),
            gid: gids.first().copied(),
            dns: on("ISTIO_META_DNS_CAPTURE"),
            ipv6: setup::has_ipv6(self.ips, on("ISTIO_DUAL_STACK")),
        };
        plugin.setup(&annotations, String::new())
    }

    /// Through the command line that the template renders.
    fn by_init(
        &self,
        injector: &Injector,
        revision: &str,
        values: &[Chosen],
        metadata: &BTreeMap<String, String>,
    ) -> Result<Setup, String> {
        let mesh = self.today.mesh.config(revision);
        let port = |port: Option<u16>, default: u16| port.unwrap_or(default).to_string();
        let ids = |ids: Vec<u32>| {
            let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
            ids.join(",")
        };
        let (uids, gids) = self.proxy_ids(injector);
        let outbound = mesh.and_then(|mesh| mesh.proxy_listen_port);
        let inbound = mesh.and_then(|mesh| mesh.proxy_inbound_listen_port);
        let mut args = vec![
            ("-p", port(outbound, 15_001)),
            ("-z", port(inbound, 15_006)),
            ("-u", ids(uids)),
            ("-g", ids(gids)),
        ];
        for value in values {
            let flag = match value.name {
                INCLUDE => "-i",
                EXCLUDE => "-x",
                INCLUDE_PORTS => "-q",
                EXCLUDE_PORTS => "-o",
                _ => "-c",
            };
            args.push((flag, value.text.clone()));
        }
        let mut words: Vec<&str> = args
            .iter()
            .flat_map(|(flag, value)| [*flag, value.as_str()])
            .collect();
        if injector.values.global.native_nftables {
            words.push("--native-nftables");
        }
        let env: Vec<_> = metadata
            .iter()
            .map(|(name, value)| Variable {
                name,
                value: Some(value),
            })
            .collect();
        let around = Surroundings {
            version: self.version(injector),
            env: &env,
            nameservers: setup::nameservers(self.spec, self.today.cluster_dns),
        };
        let parsed = flags::parse(&words, &around).map_err(|problem| problem.to_string())?;
        let config = CaptureConfig {
            ipv6: setup::has_ipv6(self.ips, parsed.dual_stack),
            ..parsed.config
        };
        let mut setup = Setup::new(Membership::Sidecar(Box::new(config)), String::new());
        setup.notes = parsed.notes;
        Ok(setup)
    }
}

/// A list, and where it comes from.
struct Chosen {
    /// As in the annotation.
    name: &'static str,
    setting: Setting,
    origin: String,
    by_annotation: bool,
    text: String,
}

impl Chosen {
    /// Why the injector refuses an annotation (`pkg/kube/inject/validate.go`): it reads them more
    /// strictly than the program reads its flags.
    fn refused(&self) -> Option<String> {
        if !self.by_annotation {
            return None;
        }
        let problem = super::annotations::validate(self.name, &self.text).err()?;
        Some(format!("annotation {TRAFFIC}{}: {problem}", self.name))
    }
}
