//! A pod: who it is, what its containers are, and what is set up for it.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::IpAddr,
    sync::Arc,
};

use tracing::warn;

pub use super::identity::{uid, workload as workload_of};
use super::{
    applied::applied,
    containers::{containers, declared},
    desired::desired,
    identity::{owners, workload},
    renewed::Renewed,
    same::same,
    setup::{Membership, Setup},
    spec::{container, release, truthy, version},
    today::Today,
};
pub use super::{
    beginning::Beginning,
    containers::{Container, ContainerRole, DeclaredContainer, ProxyPresence, Rules},
    desired::AmbientNow,
    identity::{MIRROR, named_namespace, namespace},
    listeners::Listeners,
    names::{INIT, PROXY},
    policy::AmbientLabel,
};
use crate::{
    objects::{
        self, PodTemplate,
        istiod::{DUAL_STACK, V4_FOR_V6_ONLY},
    },
    rules::{Release, Version, flags},
    vocabulary::{Actor, Reason},
};

/// A `Pod` is a pod of this node, or of the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// The id that its cgroups are named by: `metadata.uid`, for a static pod the hash of its file.
    pub uid: String,
    /// The pod's namespace; `default` where the object does not say.
    pub namespace: Arc<str>,
    /// The pod's `metadata.name`.
    pub name: Arc<str>,
    /// The workload that the pod belongs to, as Istio's telemetry names it.
    pub workload: Arc<str>,
    /// The kind of that workload; `None` if it is the pod itself.
    pub workload_kind: Option<String>,
    /// The pod's addresses, the first one first; empty as long as it has none.
    pub ips: Vec<IpAddr>,
    /// The address of the pod's node.
    pub host_ip: Option<IpAddr>,
    /// The control plane revision that injected the pod; empty for the default one.
    pub revision: String,
    /// The pod's `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// What was set up for the pod when it started.
    pub applied: Setup,
    /// Whether the pod's proxy has `DNS_AUTO_ALLOCATE`: names lead to addresses that istiod
    /// allocates.
    pub auto_allocate: bool,
    /// The release of the pod's proxy, by the tag of its image; `None` if the tag does not say.
    pub release: Option<Release>,
    /// What would be set up for the pod if it was made anew today.
    pub desired: Setup,
    /// The address families that the proxy's outbound listener hears.
    pub listeners: Listeners,
    /// What labels say today about ambient mode, which needs no restart.
    pub ambient: AmbientNow,
    /// Whether the proxy is a container like the application's, which starts after the init
    /// containers.
    pub proxy_starts_late: bool,
    /// The containers that the pod's spec has, the application's first.
    pub declared: Vec<DeclaredContainer>,
    /// What the workload's template gives a new pod; `None` if no template is known.
    pub renewed: Option<Renewed>,
    /// The containers that the pod's status names, by their ids without the runtime's prefix.
    pub containers: HashMap<String, Container>,
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Pod {
    /// Reads an object.
    ///
    /// `template` finds the template of a workload by namespace, kind and name.
    pub(crate) fn new<'a>(
        object: &objects::PodObject,
        template: impl Fn((&str, &str, &str)) -> Option<&'a PodTemplate>,
        today: Today<'_>,
    ) -> Self {
        let status = &object.status;
        let ips = status.pod_ips.iter().map(|entry| entry.ip.as_str());
        let ips = ips.chain([status.pod_ip.as_str()]);
        let ips: Vec<IpAddr> = ips.filter_map(|ip| ip.parse().ok()).collect();
        let metadata = &object.metadata;
        let applied = applied(object, &ips, today);
        let workload: Arc<str> = workload(object).into();
        let owners = owners(object, &workload);
        let namespace = namespace(&metadata.namespace);
        let mut makers = owners.iter();
        let template = makers.find_map(|(kind, name)| template((&namespace, kind, name)));
        let (desired, ambient) = desired(object, &applied, &ips, template, today);
        let renewed = template.map(|template| Renewed {
            labels: template.metadata.labels.clone(),
            declared: declared(&template.spec),
        });
        let declared = declared(&object.spec);
        let workload_kind = owners.iter().rfind(|(_, name)| *name == &*workload);
        Self {
            uid: uid(metadata).to_owned(),
            namespace,
            name: metadata.name.as_str().into(),
            workload_kind: workload_kind.map(|(kind, _)| (*kind).to_owned()),
            labels: metadata.labels.clone(),
            host_ip: status.host_ip.parse().ok(),
            revision: revision(metadata).to_owned(),
            listeners: listeners(object, &ips, today),
            applied,
            auto_allocate: auto_allocate(&object.spec),
            release: release(&[container(&object.spec, PROXY)]),
            desired,
            ambient,
            containers: containers(object, &declared),
            declared,
            proxy_starts_late: object.spec.containers.iter().any(|own| own.name == PROXY),
            renewed,
            workload: Arc::clone(&workload),
            ips,
        }
    }

    /// Names settings that cannot be read in the log, unless they are what they were before.
    pub(crate) fn warn_if_unreadable(&self, before: Option<&Self>) {
        if self.applied.membership == Membership::Unknown(Reason::UnreadableConfig)
            && before.is_none_or(|before| before.applied != self.applied)
        {
            let problem = self.applied.notes.join("; ");
            warn!(pod = %self, %problem, "capture settings cannot be read");
        }
    }

    /// Whether today's configuration would set up something else, so that a restart would change
    /// it; `None` if that cannot be told.
    pub fn stale(&self) -> Option<bool> {
        same(&self.desired.membership, &self.applied.membership).map(|same| !same)
    }

    /// Whether the proxy hears a connection to this address once it is captured. ztunnel hears all.
    pub fn hears(&self, ip: IpAddr) -> bool {
        self.applied.config().is_none() || self.listeners.hear(ip)
    }

    /// The pod as it runs on where labels changed: ambient mode comes and goes with them, everything else
    /// that was set up at its start stays.
    pub fn relabelled(&self, before: &Self) -> Setup {
        let asked = AmbientLabel::Asked;
        let as_before = (self.ambient.label == asked) == (before.ambient.label == asked);
        let has_proxy = match before.applied.membership {
            Membership::Sidecar(_) | Membership::NotRedirected | Membership::Unknown(_) => true,
            Membership::Ambient(_) | Membership::Outside(_) => false,
        };
        match &self.ambient.setup {
            _ if has_proxy || as_before => before.applied.clone(),
            Some(setup) => setup.clone(),
            None => Setup::outside(Reason::NoSidecar, "no label asks for ambient mode any more"),
        }
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
        ContainerRole {
            actor,
            rules: match container {
                Some(_) if !proxy => self.rules_of_any(),
                Some(_) | None => Rules::Made,
            },
            proxy: ProxyPresence::Runs,
        }
    }

    /// What can be said of the rules for any of its containers.
    fn rules_of_any(&self) -> Rules {
        let has = |rules| self.declared.iter().any(|own| own.role.rules == rules);
        if has(Rules::NotYet) {
            Rules::Unknown
        } else if has(Rules::MadeLater) {
            Rules::MadeLater
        } else {
            Rules::Made
        }
    }
}

fn auto_allocate(spec: &objects::PodSpec) -> bool {
    let proxy = container(spec, PROXY);
    proxy.is_some_and(|proxy| truthy(proxy, "ISTIO_META_DNS_AUTO_ALLOCATE"))
}

/// The revision that injected a pod; empty for the default one.
fn revision(metadata: &objects::Metadata) -> &str {
    let revision = metadata.annotations.get("istio.io/rev");
    revision.map_or("", String::as_str)
}

fn listeners(object: &objects::PodObject, ips: &[IpAddr], today: Today<'_>) -> Listeners {
    let proxy = container(&object.spec, PROXY);
    let version = version(&[proxy]);
    let flag = |name: &str, since: u16| {
        let text = today
            .mesh
            .istiod_variable(revision(&object.metadata), name)?;
        let known = version.is_none_or(|version| version >= Version(since));
        Some(flags::parse_bool(text) == Some(true) && known)
    };
    let v4_for_v6_only = flag(V4_FOR_V6_ONLY, 20) == Some(true);
    Listeners::new(proxy, ips, flag(DUAL_STACK, 17), v4_for_v6_only)
}

#[cfg(test)]
mod tests;
