//! What was set up for a pod when it started: its place in the mesh and the rules in its network
//! namespace, from its own spec.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use crate::{
    injection::{
        annotations::validate_for_cni,
        pod::{INIT, PROXY},
    },
    objects::{self, Container},
    rules::{
        Backend, CaptureConfig, Decision, Dialled, DnsCapture, Ports, Ranges, Rule, Setting,
        Version,
        ambient::{self, AmbientConfig},
        decide, elements,
        flags::{self, Surroundings, Variable},
    },
    vocabulary::Reason,
};

/// Where a pod stands to the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// A sidecar, with rules made from this.
    Sidecar(Box<CaptureConfig>),
    /// A proxy that nothing is redirected to.
    NotRedirected,
    /// ztunnel.
    Ambient(AmbientConfig),
    /// Outside the mesh, for this reason.
    Outside(Reason),
    /// Not to be told, for this reason.
    Unknown(Reason),
}

impl Membership {
    /// Why the pod is outside the mesh, if it is.
    pub fn outside(&self) -> Option<Reason> {
        match self {
            Self::Outside(reason) => Some(*reason),
            Self::Sidecar(_) | Self::NotRedirected | Self::Ambient(_) | Self::Unknown(_) => None,
        }
    }
}

/// Where a pod stands, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where it stands.
    pub membership: Membership,
    /// The rules that were made if annotations were changed after the start.
    pub before_change: Option<Box<CaptureConfig>>,
    /// The object and field that decided, for people.
    pub source: String,
    /// Where each setting comes from, as far as that is not `source`.
    pub origins: Vec<(Setting, String)>,
    /// Who would inject the pod, and how; only where that is desired and leads to rules.
    pub injected: Option<Injected>,
    /// What people should know: text that Istio ignores, settings without effect, problems.
    pub notes: Vec<String>,
}

/// Who injects a pod, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The control plane's revision, or a tag that stands for it; empty for the default one.
    pub revision: String,
    /// Whether the CNI plugin makes the rules, not `istio-init`.
    pub by_cni: bool,
}

impl Setup {
    pub fn new(membership: Membership, source: impl Into<String>) -> Self {
        Self {
            membership,
            before_change: None,
            source: source.into(),
            origins: Vec::new(),
            injected: None,
            notes: Vec::new(),
        }
    }

    /// What happens to a connection of the application.
    pub fn decide(&self, dialled: &Dialled<'_>) -> Decision {
        let direct = |reason| Decision::direct(reason, Rule::None);
        match &self.membership {
            Membership::Sidecar(config) => {
                let decision = decide(config, dialled);
                match &self.before_change {
                    Some(before) => {
                        let before = decide(before, dialled);
                        before.or(decision, Reason::AnnotationsChanged, Rule::None)
                    }
                    None => decision,
                }
            }
            Membership::NotRedirected => direct(Reason::InterceptionNone),
            Membership::Ambient(config) => ambient::decide(*config, dialled, 0),
            Membership::Outside(reason) => direct(*reason),
            Membership::Unknown(reason) => Decision::unknown(*reason, Rule::None),
        }
    }

    /// The rules' settings, if there are any.
    pub fn config(&self) -> Option<&CaptureConfig> {
        match &self.membership {
            Membership::Sidecar(config) => Some(config),
            Membership::NotRedirected
            | Membership::Ambient(_)
            | Membership::Outside(_)
            | Membership::Unknown(_) => None,
        }
    }

    /// Where a setting comes from.
    pub fn origin(&self, setting: Setting) -> &str {
        let found = self.origins.iter().find(|(known, _)| *known == setting);
        found.map_or(self.source.as_str(), |(_, origin)| origin)
    }
}

pub const VALIDATION: &str = "istio-validation";
pub const STATUS: &str = "sidecar.istio.io/status";
pub const INTERCEPTION_MODE: &str = "sidecar.istio.io/interceptionMode";
pub const INJECT: &str = "sidecar.istio.io/inject";
const REDIRECTION: &str = "ambient.istio.io/redirection";
pub const AMBIENT_DNS: &str = "ambient.istio.io/dns-capture";

/// What was applied to the pod, from its own spec, in this order:
///
/// 1. the node's network: never injected;
/// 2. no proxy: ambient, if ztunnel took it, else outside;
/// 3. a proxy that is no sidecar (`proxy router`), or none that would take connections
///    (`DISABLE_ENVOY`): nothing is redirected;
/// 4. `istio-init`: what its command line and environment say, unless it failed;
/// 5. `interceptionMode: NONE`: nothing is redirected;
/// 6. `istio-validation`, or the annotations that the injector writes for the CNI plugin: what
///    these say;
/// 7. nothing of that: nothing is redirected.
pub fn applied(object: &objects::PodObject, ips: &[IpAddr], cluster_dns: &[IpAddr]) -> Setup {
    let spec = &object.spec;
    let annotations = &object.metadata.annotations;
    if spec.host_network {
        let outside = Membership::Outside(Reason::HostNetwork);
        return Setup::new(outside, "spec.hostNetwork: true");
    }
    let Some(proxy) = container(spec, PROXY) else {
        return match annotations.get(REDIRECTION).map(String::as_str) {
            Some(state @ ("enabled" | "pending")) => Setup::new(
                Membership::Ambient(ambient_config(annotations)),
                format!("annotation {REDIRECTION} {state:?}"),
            ),
            _ => Setup::new(
                Membership::Outside(Reason::NoSidecar),
                format!("no container {PROXY}"),
            ),
        };
    };
    let not_redirected = |source: String| Setup::new(Membership::NotRedirected, source);
    if let Some(source) = not_a_sidecar(proxy) {
        return not_redirected(source);
    }
    if truthy(proxy, "DISABLE_ENVOY") {
        return not_redirected(format!("container {PROXY}: DISABLE_ENVOY"));
    }
    let nameservers = nameservers(spec, cluster_dns);
    if let Some(init) = container(spec, INIT) {
        let failed = object.status.init_container_statuses.iter().any(|status| {
            let terminated = status.state.terminated.as_ref();
            status.name == INIT && terminated.is_some_and(|ended| ended.exit_code != 0)
        });
        let source = format!("init container {INIT}: its arguments");
        if failed {
            return unreadable(
                source,
                &format!("{INIT} failed: the pod has no complete rules"),
            );
        }
        return by_init(init, proxy, ips, nameservers, source);
    }
    let mode = interception_mode(annotations, proxy);
    if mode.as_deref() == Some("NONE") {
        return not_redirected(format!("annotation {INTERCEPTION_MODE} \"NONE\""));
    }
    let validation = container(spec, VALIDATION);
    let by_cni = annotations.contains_key(STATUS) && annotations.contains_key(INTERCEPTION_MODE);
    if validation.is_none() && !by_cni {
        return not_redirected(format!("no {INIT}, and nothing for the CNI plugin"));
    }
    if let Some(skipped) = skipped_by_cni(object) {
        return not_redirected(format!("the CNI plugin skips it: {skipped}"));
    }
    by_cni_plugin(object, proxy, validation, ips)
}

/// Says so of a proxy that is another's than a sidecar's: a gateway's, ztunnel's.
pub fn not_a_sidecar(proxy: &Container) -> Option<String> {
    match proxy.args.as_slice() {
        [first, role, ..] if first == "proxy" && role != "sidecar" => {
            Some(format!("container {PROXY}: args \"proxy {role}\""))
        }
        _ => None,
    }
}

pub fn container<'a>(spec: &'a objects::PodSpec, name: &str) -> Option<&'a Container> {
    let all = spec.init_containers.iter().chain(&spec.containers);
    all.into_iter().find(|container| container.name == name)
}

/// Why the CNI plugin makes no rules for a pod with a proxy (`cni/pkg/plugin/plugin.go`).
fn skipped_by_cni(object: &objects::PodObject) -> Option<String> {
    let metadata = &object.metadata;
    // The plugin's default; others may be configured.
    if metadata.namespace == "kube-system" {
        return Some("namespace kube-system".to_owned());
    }
    // The label wins over the annotation.
    let inject = metadata
        .labels
        .get(INJECT)
        .or(metadata.annotations.get(INJECT));
    if inject.map(|value| flags::parse_bool(value)) == Some(Some(false)) {
        return Some(format!("{INJECT} is false"));
    }
    (!metadata.annotations.contains_key(STATUS)).then(|| format!("no annotation {STATUS}"))
}

/// The mode as the injector wrote it where nobody can change it, else the annotation.
fn interception_mode(annotations: &BTreeMap<String, String>, proxy: &Container) -> Option<String> {
    variable(proxy, "ISTIO_META_INTERCEPTION_MODE")
        .or_else(|| annotations.get(INTERCEPTION_MODE).cloned())
}

/// What istio-cni makes for ztunnel (`cni/pkg/config/config.go`): DNS capture from 1.25 on unless
/// an annotation says otherwise, IPv6 always.
pub fn ambient_config(annotations: &BTreeMap<String, String>) -> AmbientConfig {
    let dns = annotations.get(AMBIENT_DNS);
    AmbientConfig {
        dns: dns.and_then(|text| flags::parse_bool(text)).unwrap_or(true),
        ..AmbientConfig::default()
    }
}

/// The pod's nameservers as far as its spec tells, and whether there may be others. With
/// `ClusterFirst` the kubelet adds the cluster's, which may be a cache on the node.
pub fn nameservers(spec: &objects::PodSpec, cluster_dns: &[IpAddr]) -> (Vec<IpAddr>, bool) {
    let own = spec
        .dns_config
        .nameservers
        .iter()
        .filter_map(|ip| ip.parse().ok());
    let (cluster, others) = match spec.dns_policy.as_str() {
        "None" => (&[][..], false),
        "Default" => (&[][..], true),
        _ => (cluster_dns, true),
    };
    (cluster.iter().copied().chain(own).collect(), others)
}

fn variable(container: &Container, name: &str) -> Option<String> {
    let entry = container
        .env
        .iter()
        .rev()
        .find(|entry| entry.name == name)?;
    entry.value_from.is_none().then(|| entry.value.clone())
}

fn truthy(container: &Container, name: &str) -> bool {
    variable(container, name).and_then(|value| flags::parse_bool(&value)) == Some(true)
}

/// Istio's version: that of the first image that is given. `None` for one whose tag does not say.
pub fn version(containers: &[Option<&Container>]) -> Option<Version> {
    let images = containers
        .iter()
        .flatten()
        .map(|container| container.image.as_str());
    let mut images = images.filter(|image| !image.is_empty()).peekable();
    if images.peek().is_none() {
        // Files that people write for a try; a pod of a cluster has one.
        return Some(Version::CURRENT);
    }
    // `auto` stands for the injector's choice in what people write.
    images.find_map(Version::of_image)
}

/// Whether there are IPv6 rules: by the first address, or with dual stack by any
/// (`getLocalIP` in `tools/common/config/config.go`).
pub fn has_ipv6(ips: &[IpAddr], dual_stack: bool) -> bool {
    let looked_at = if dual_stack { ips.len() } else { 1 };
    ips.iter().take(looked_at).any(IpAddr::is_ipv6)
}

fn by_init(
    init: &Container,
    proxy: &Container,
    ips: &[IpAddr],
    nameservers: (Vec<IpAddr>, bool),
    source: String,
) -> Setup {
    let env: Vec<_> = init
        .env
        .iter()
        .map(|entry| Variable {
            name: &entry.name,
            value: entry.value_from.is_none().then_some(&entry.value),
        })
        .collect();
    let around = Surroundings {
        version: version(&[Some(init), Some(proxy)]),
        env: &env,
        nameservers,
    };
    let words = flags::arguments(&init.command, &init.args);
    match flags::parse(&words, &around) {
        Ok(parsed) => {
            let config = CaptureConfig {
                ipv6: has_ipv6(ips, parsed.dual_stack),
                ..parsed.config
            };
            let origins = parsed.origins.into_iter();
            Setup {
                origins: origins
                    .map(|(setting, origin)| (setting, format!("init container {INIT}: {origin}")))
                    .collect(),
                notes: parsed.notes,
                ..Setup::new(Membership::Sidecar(Box::new(config)), source)
            }
        }
        Err(flags::FlagError::NotApplied(flag)) => Setup::new(
            Membership::NotRedirected,
            format!("init container {INIT}: {flag}"),
        ),
        Err(problem) => unreadable(source, &problem),
    }
}

pub fn unreadable(source: String, problem: &dyn fmt::Display) -> Setup {
    let mut setup = Setup::new(Membership::Unknown(Reason::UnreadableConfig), source);
    setup.notes.push(problem.to_string());
    setup
}

/// Annotations that the CNI plugin reads, without their common beginning.
pub const TRAFFIC: &str = "traffic.sidecar.istio.io/";
pub const INCLUDE: &str = "includeOutboundIPRanges";
pub const EXCLUDE: &str = "excludeOutboundIPRanges";
pub const INCLUDE_PORTS: &str = "includeOutboundPorts";
pub const EXCLUDE_PORTS: &str = "excludeOutboundPorts";
pub const INTERFACES: &str = "excludeInterfaces";

fn by_cni_plugin(
    object: &objects::PodObject,
    proxy: &Container,
    validation: Option<&Container>,
    ips: &[IpAddr],
) -> Setup {
    let source = "annotations, as the CNI plugin reads them".to_owned();
    let args = validation.map_or_else(Vec::new, |validation| {
        flags::arguments(&validation.command, &validation.args)
    });
    let plugin = CniPlugin {
        version: version(&[validation, Some(proxy)]),
        backend: Backend::of(args.contains(&"--native-nftables")),
        uid: proxy.security_context.run_as_user,
        gid: proxy.security_context.run_as_group,
        dns: truthy(proxy, "ISTIO_META_DNS_CAPTURE"),
        ipv6: has_ipv6(ips, truthy(proxy, "ISTIO_DUAL_STACK")),
    };
    let annotations = &object.metadata.annotations;
    match plugin.setup(annotations, source.clone()) {
        Ok(mut setup) => {
            let rendered = rendered(annotations, &args);
            if rendered != *annotations
                && let Ok(before) = plugin.setup(&rendered, source)
                && let Membership::Sidecar(config) = before.membership
            {
                setup.notes.push(format!(
                    "the arguments of {VALIDATION} say something else than the annotations: these \
                     were changed after the pod was made, or the template is not Istio's"
                ));
                setup.before_change = Some(config);
            }
            setup
        }
        Err(problem) => unreadable(source, &problem),
    }
}

/// The annotations as the injector's template left them, by the arguments that it rendered for
/// `istio-validation` from the same values. Two differences are usual: an empty list of the mesh
/// is no annotation, and neither is an absent one.
fn rendered(annotations: &BTreeMap<String, String>, args: &[&str]) -> BTreeMap<String, String> {
    let mut rendered = annotations.clone();
    for (flag, name) in [
        ("-i", INCLUDE),
        ("-x", EXCLUDE),
        ("-q", INCLUDE_PORTS),
        ("-o", EXCLUDE_PORTS),
    ] {
        let mut pairs = args.windows(2);
        let Some([_, value]) = pairs.find(|pair| pair.first() == Some(&flag)) else {
            continue;
        };
        let key = format!("{TRAFFIC}{name}");
        if rendered.contains_key(&key) || !value.is_empty() {
            rendered.insert(key, (*value).to_owned());
        }
    }
    rendered
}

/// What the CNI plugin makes rules from, besides annotations.
pub struct CniPlugin {
    pub version: Option<Version>,
    pub backend: Backend,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub dns: bool,
    pub ipv6: bool,
}

impl CniPlugin {
    /// What it makes of annotations, with its own defaults
    /// (`cni/pkg/plugin/sidecar_redirect.go`): one that is there counts even if empty, and one that
    /// cannot be read keeps the pod from starting, which is the error. Its ports are fixed; it
    /// captures all DNS or none.
    pub fn setup(
        &self,
        annotations: &BTreeMap<String, String>,
        source: String,
    ) -> Result<Setup, String> {
        let mut setup = Setup::new(Membership::NotRedirected, source);
        let mut annotation =
            |name: &str, default: &str, setting: Setting| -> Result<String, String> {
                let key = format!("{TRAFFIC}{name}");
                let Some(text) = annotations.get(&key) else {
                    let origin =
                        format!("no annotation {key}: the CNI plugin's default {default:?}");
                    setup.origins.push((setting, origin));
                    return Ok(default.to_owned());
                };
                setup
                    .origins
                    .push((setting, format!("annotation {key} {text:?}")));
                validate_for_cni(name, text)
                    .map_err(|problem| format!("annotation {key}: {problem}"))?;
                Ok(text.clone())
            };
        let include = annotation(INCLUDE, "*", Setting::Include)?;
        let exclude = annotation(EXCLUDE, "", Setting::Exclude)?;
        let include_ports = annotation(INCLUDE_PORTS, "", Setting::IncludePorts)?;
        let exclude_ports = annotation(EXCLUDE_PORTS, "15020", Setting::ExcludePorts)?;
        let interfaces = annotation(INTERFACES, "", Setting::Interfaces)?;
        // What the plugin has accepted, the rules accept.
        let ranges = |text: &str| match Ranges::parse(text, self.version) {
            Ok((ranges, _)) => Ok(ranges),
            Err(problem) => Err(problem.to_string()),
        };
        let ports =
            |text: &str| Ports::parse(text, self.backend).map_err(|problem| problem.to_string());
        // The user and group of the container count from 1.19 on, included ports from 1.14 on,
        // devices from 1.17 on.
        let since = |minor| self.version.is_none_or(|version| version >= Version(minor));
        let id = |id: Option<u32>| {
            let id = id.filter(|id| *id != 0 && since(19));
            vec![id.unwrap_or(1337)]
        };
        let from = |minor, text: String| if since(minor) { text } else { String::new() };
        let config = CaptureConfig {
            version: self.version,
            backend: self.backend,
            ipv6: self.ipv6,
            proxy_uids: id(self.uid),
            proxy_gids: id(self.gid),
            exclude_interfaces: elements(&from(17, interfaces)).map(str::to_owned).collect(),
            exclude_ports: ports(&exclude_ports)?,
            dns: self.dns.then_some(DnsCapture::All),
            include_ports: ports(&from(14, include_ports))?,
            exclude: ranges(&exclude)?,
            include: ranges(&include)?,
            ..CaptureConfig::default()
        };
        setup.membership = Membership::Sidecar(Box::new(config));
        Ok(setup)
    }
}
