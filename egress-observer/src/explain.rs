//! Why a pod's connection to a destination goes the way it goes: what today's configuration would
//! do, what the pod was set up to do, what the sidecar makes of it, and the ways out. A pure
//! function of a snapshot.

mod advice;
mod answer;
mod anywhere;
mod destination;
pub(crate) mod recorded;
pub mod text;

pub use self::{
    advice::{Advice, Method},
    answer::{Declared, Destination, Explanation, Other, Source, Stand},
    destination::{To, ToError},
};
use crate::api_version::API_VERSION;
use egress_observer_istio::{
    injection::{
        pod::{ContainerRole, DeclaredContainer, Pod},
        setup::Setup,
    },
    judgement::{Asker, ClientSocket, Endpoint, Evidence, Judgement, Stage, assess},
    registry::{Hit, Match, NearMiss, ObjectKind, ObjectRef, RegistryQuery},
    rules::{CaptureConfig, Decision, Rule},
    view::Snapshot,
    vocabulary::{Actor, Expected, Policy, PortProtocol, Protocol, Reason, RegistryMatch},
};

/// Who connects, as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// The container's name.
    pub container: Option<String>,
    /// Its socket.
    pub socket: ClientSocket,
}

/// A question that has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// No such container.
    #[error("--container {name}: pod {pod} has no such container; it has {known}")]
    NoContainer {
        /// The pod.
        pod: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// Answers about one pod, with everything that is the same for all destinations prepared.
pub struct Explainer<'a> {
    snapshot: &'a Snapshot,
    pod: &'a Pod,
    role: ContainerRole,
    container: Option<&'a DeclaredContainer>,
    asker: Asker<'a>,
    uid: Option<u32>,
    gid: Option<u32>,
    policy: Option<Policy>,
    policy_source: Option<String>,
    stale: Option<bool>,
    notes: Vec<String>,
}

impl<'a> Explainer<'a> {
    /// Answers about a pod. Without a container it is the first one of the application.
    pub fn new(snapshot: &'a Snapshot, pod: &'a Pod, who: Who) -> Result<Self, Unanswered> {
        let container = match who.container {
            Some(name) => Some(named(pod, &name)?),
            None => {
                let mut apps = pod.declared.iter();
                apps.find(|container| container.role.actor == Actor::App)
            }
        };
        let role = container.map_or_else(|| pod.role(None, u32::MAX, u32::MAX), |c| c.role);
        let socket = owned(who.socket, pod, role, container);
        let (uid, gid) = (socket.uid, socket.gid);
        let (policy, policy_source) = snapshot.policy_and_source(pod);
        Ok(Self {
            snapshot,
            pod,
            role,
            container,
            asker: Asker::new(snapshot, pod, role, socket),
            uid,
            gid,
            policy,
            policy_source,
            stale: pod.stale(),
            notes: notes(pod, uid),
        })
    }

    /// Which part of the pod connects.
    pub fn actor(&self) -> Actor {
        self.role.actor
    }

    /// The judgement over a destination. Where several names lead to it: what is the same for all.
    pub fn judged(&self, to: &Endpoint, names: &[impl AsRef<str>]) -> Judgement<'a> {
        assess(self.snapshot, &self.asker, to, names, Evidence::AsApplied)
    }

    /// The answer about a destination.
    pub fn explain(&self, to: &To, protocol: Protocol) -> Explanation {
        let names: Vec<&str> = to.host.as_deref().into_iter().collect();
        let dialled = to.endpoint(protocol);
        let judged = self.judged(&dialled, &names);
        let asked = Endpoint {
            ip: judged.ip,
            ..dialled
        };
        let applied = judged.applied;
        let desired = self.asker.decide(Stage::Desired, &asked);
        let mut explanation = Explanation {
            api_version: API_VERSION,
            kind: "Explanation",
            pod: self.pod.to_string(),
            workload: self.pod.workload.to_string(),
            source: Source {
                container: self.container.map(|container| container.name.clone()),
                actor: self.role.actor,
                uid: self.uid,
                gid: self.gid,
            },
            destination: Destination {
                host: to.host.clone(),
                ip: asked.ip,
                port: asked.port,
                protocol: asked.protocol,
                scope: judged.scope,
            },
            desired: stand(&self.pod.desired, desired),
            applied: stand(&self.pod.applied, applied),
            stale: self.stale,
            registry: declared(&judged, self.others(&judged, to, &asked)),
            policy: self.policy,
            policy_source: self.policy_source.clone(),
            verdict: judged.verdict,
            reason: judged.reason,
            outcome: String::new(),
            void: self.void(&judged),
            notes: self.notes.clone(),
            advice: Vec::new(),
        };
        if applied.reason == Reason::AddressNeeded {
            let cases = anywhere::cases(&self.asker, &self.pod.applied, &asked);
            explanation.notes.extend(cases);
        }
        explanation.outcome =
            text::outcome(&explanation, &judged.matched, self.pod.proxy_starts_late);
        explanation.advice = advice::advice(&explanation, self.pod);
        explanation
    }

    /// What would apply to the destination, and does not because it goes around the sidecar.
    fn void(&self, judged: &Judgement<'_>) -> Vec<String> {
        let Match::Declared(hit) = &judged.matched else {
            return Vec::new();
        };
        if judged.applied.expected != Expected::Direct {
            return Vec::new();
        }
        let entry =
            (hit.entry.object.kind == ObjectKind::ServiceEntry).then(|| hit.entry.object.clone());
        let routes = self.snapshot.registry.routes(self.asker.viewer(), hit.host);
        let objects = entry.into_iter().chain(routes);
        objects
            .map(|object: ObjectRef| object.to_string())
            .collect()
    }

    /// Entries that one would think of. What is known needs no excuse from the rest.
    fn others(&self, judged: &Judgement<'_>, to: &To, asked: &Endpoint) -> Vec<Other> {
        if matches!(judged.matched, Match::Declared(_)) {
            return Vec::new();
        }
        let asked = RegistryQuery {
            ip: asked.ip,
            host: to.host.as_deref(),
            port: asked.port,
            protocol: asked.protocol,
        };
        let misses = self
            .snapshot
            .registry
            .near_misses(self.asker.viewer(), &asked);
        misses.iter().map(other).collect()
    }
}

/// The container that is called so.
fn named<'a>(pod: &'a Pod, name: &str) -> Result<&'a DeclaredContainer, Unanswered> {
    let mut declared = pod.declared.iter();
    let found = declared.find(|container| container.name == name);
    found.ok_or_else(|| Unanswered::NoContainer {
        pod: pod.to_string(),
        name: name.to_owned(),
        known: names(&pod.declared),
    })
}

/// The socket with its user and group where they are not given: those of the spec; the proxy's for
/// the proxy.
fn owned(
    socket: ClientSocket,
    pod: &Pod,
    role: ContainerRole,
    container: Option<&DeclaredContainer>,
) -> ClientSocket {
    let proxy = pod.applied.config().filter(|_| role.actor == Actor::Proxy);
    let of_proxy = |ids: fn(&CaptureConfig) -> &Vec<u32>| {
        proxy.and_then(|config| ids(config).first().copied())
    };
    ClientSocket {
        uid: socket
            .uid
            .or_else(|| container?.uid)
            .or_else(|| of_proxy(|config| &config.proxy_uids)),
        gid: socket
            .gid
            .or_else(|| container?.gid)
            .or_else(|| of_proxy(|config| &config.proxy_gids)),
        ..socket
    }
}

/// What there is to say about what was applied, and about what would be today.
fn notes(pod: &Pod, uid: Option<u32>) -> Vec<String> {
    let mut notes = pod.applied.notes.clone();
    for note in &pod.desired.notes {
        if !notes.contains(note) {
            notes.push(format!("today: {note}"));
        }
    }
    if uid.is_none() && pod.applied.config().is_some() {
        let note = "the user is the image's, which the manifests do not show: taken to be none of \
                    the proxy's";
        notes.push(note.to_owned());
    }
    notes
}

fn other(miss: &NearMiss<'_>) -> Other {
    Other {
        object: miss.entry.object.to_string(),
        host: miss.host.to_string(),
        because: miss.why.to_string(),
    }
}

fn names(containers: &[DeclaredContainer]) -> String {
    let names: Vec<_> = containers
        .iter()
        .map(|container| container.name.as_str())
        .collect();
    names.join(", ")
}

fn stand(setup: &Setup, decision: Decision) -> Stand {
    let rule = (decision.rule != Rule::None).then(|| match setup.config() {
        Some(config) => decision.rule.text(config),
        None => decision.rule.text(&CaptureConfig::default()),
    });
    Stand {
        expected: decision.expected,
        reason: decision.reason,
        rule,
        source: setup.origin(decision.rule.setting()).to_owned(),
        port: decision.port,
    }
}

fn declared(judged: &Judgement<'_>, others: Vec<Other>) -> Declared {
    let (matched, registry) = (&judged.matched, judged.registry);
    let hit = |hit: &Hit<'_>| {
        let object = &hit.entry.object;
        (
            object.kind.as_str(),
            object.namespace.to_string(),
            object.name.to_string(),
        )
    };
    let (object, host, by) = match matched {
        Match::Declared(found) => (
            Some(hit(found)),
            Some(found.host.to_string()),
            Some(found.by.as_str()),
        ),
        Match::AddressNeeded(found) => (Some(hit(found)), Some(found.host.to_string()), None),
        Match::Undeclared { .. } | Match::NameNeeded { .. } => (None, None, None),
    };
    let needs = match matched {
        _ if registry != RegistryMatch::Unknown => Vec::new(),
        Match::NameNeeded { http, tls } => {
            let needs = [http.then_some("http_host"), tls.then_some("tls_sni")];
            needs.into_iter().flatten().collect()
        }
        Match::AddressNeeded(_) => vec!["address"],
        Match::Declared(_) | Match::Undeclared { .. } => Vec::new(),
    };
    let (kind, namespace, name) = match object {
        Some((kind, namespace, name)) => (Some(kind), Some(namespace), Some(name)),
        None => (None, None, None),
    };
    Declared {
        matched: registry,
        kind,
        namespace,
        name,
        host,
        by,
        needs,
        others,
    }
}

/// The protocol that a client most likely speaks on a port, for advice.
pub(crate) fn usual_protocol(port: u16) -> PortProtocol {
    match port {
        80 | 8000 | 8080 | 8888 => PortProtocol::Http,
        443 | 8443 | 9443 => PortProtocol::Tls,
        _ => PortProtocol::Tcp,
    }
}
