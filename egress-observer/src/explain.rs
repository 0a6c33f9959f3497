//! Why a pod's connection to a destination goes the way it goes: what today's configuration would
//! do, what the pod was set up to do, what the sidecar makes of it, and the ways out. A pure
//! function of a snapshot.

mod advice;
mod answer;
mod anywhere;
mod destination;
pub(crate) mod recorded;
pub mod text;

use std::{cell::RefCell, collections::HashMap, net::IpAddr, sync::Arc};

pub(crate) use self::destination::{host_name, is_of_cluster};
pub use self::{
    advice::{Advice, Method},
    answer::{Declared, Destination, Explanation, Other, Source, Stand},
    destination::{To, ToError},
};
use crate::{api_version::API_VERSION, finding};
use egress_observer_istio::{
    injection::{
        pod::{ContainerRole, DeclaredContainer, Pod},
        setup::Setup,
    },
    judgement::{self, Case, Observed},
    registry::{
        Destination as Asked, Hit, Match, NearMiss, ObjectKind, ObjectRef, PortProtocol, Viewer,
    },
    rules::{CaptureConfig, Decision, Dialled, OwnerGroups, PortKind, Rule},
    view::Snapshot,
    vocabulary::{Actor, Expected, Policy, Protocol, Reason, Registry, Scope, Verdict},
};

/// Who connects, as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// The container's name.
    pub container: Option<String>,
    /// Its user.
    pub uid: Option<u32>,
    /// Its group.
    pub gid: Option<u32>,
    /// The device that the connection leaves by.
    pub interface: Option<String>,
    /// The address that its socket is bound to.
    pub source: Option<IpAddr>,
}

/// The judgement over a destination, without the words.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The verdict, if the kernel follows what was applied.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The host of the entry that takes it, as written there.
    pub host: Option<&'a Arc<str>>,
    /// The address that it dials, if that is known.
    pub ip: Option<IpAddr>,
}

/// What a connection meets on its way.
struct Met<'a> {
    scope: Scope,
    applied: Decision,
    matched: Match<'a>,
    registry: Registry,
    verdict: Verdict,
    reason: Reason,
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

/// What is decided alike where no address is given.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Alike {
    applied: bool,
    ports: [PortKind; 2],
    protocol: Protocol,
}

/// Answers about one pod, with everything that is the same for all destinations prepared.
pub struct Explainer<'a> {
    snapshot: &'a Snapshot,
    pod: &'a Pod,
    who: Who,
    role: ContainerRole,
    container: Option<&'a DeclaredContainer>,
    viewer: Viewer<'a>,
    policy: Option<Policy>,
    policy_source: Option<String>,
    stale: Option<bool>,
    notes: Vec<String>,
    /// Decisions at any address.
    anywhere: RefCell<HashMap<Alike, Decision>>,
}

impl<'a> Explainer<'a> {
    /// Answers about a pod. Without a container it is the first one of the application.
    pub fn new(snapshot: &'a Snapshot, pod: &'a Pod, who: Who) -> Result<Self, Unanswered> {
        let declared = &pod.declared;
        let container = match &who.container {
            Some(name) => {
                let found = declared.iter().find(|container| container.name == *name);
                Some(found.ok_or_else(|| Unanswered::NoContainer {
                    pod: pod.to_string(),
                    name: name.clone(),
                    known: names(declared),
                })?)
            }
            None => {
                let mut apps = declared.iter();
                apps.find(|container| container.role.actor == Actor::App)
            }
        };
        let (policy, policy_source) = snapshot.policy_and_source(pod);
        let mut explainer = Self {
            snapshot,
            pod,
            role: container.map_or_else(|| pod.role(None, u32::MAX, u32::MAX), |c| c.role),
            container,
            viewer: snapshot.viewer(pod),
            policy,
            policy_source,
            stale: pod.stale(),
            notes: notes(pod),
            anywhere: RefCell::default(),
            who,
        };
        explainer.fill_in_owner();
        Ok(explainer)
    }

    /// The user and group where they are not given: those of the spec; the proxy's for the proxy.
    fn fill_in_owner(&mut self) {
        let config = self.pod.applied.config();
        let proxy = config.filter(|_| self.role.actor == Actor::Proxy);
        let first =
            |ids: fn(&CaptureConfig) -> &Vec<u32>| proxy.and_then(|c| ids(c).first().copied());
        let of_spec = self.container;
        let uid = || of_spec.and_then(|container| container.uid);
        let gid = || of_spec.and_then(|container| container.gid);
        self.who.uid = self
            .who
            .uid
            .or_else(uid)
            .or_else(|| first(|c| &c.proxy_uids));
        self.who.gid = self
            .who
            .gid
            .or_else(gid)
            .or_else(|| first(|c| &c.proxy_gids));
        if self.who.uid.is_none() && config.is_some() {
            let note = "the user is the image's, which the manifests do not show: taken to be none \
                        of the proxy's";
            self.notes.push(note.to_owned());
        }
    }

    /// Which part of the pod connects.
    pub fn actor(&self) -> Actor {
        self.role.actor
    }

    /// The judgement over a destination.
    pub fn judged(&self, to: &To, protocol: Protocol) -> Judged<'a> {
        let asked = self.asked(to, protocol);
        let met = self.meet(&asked);
        Judged {
            verdict: met.verdict,
            reason: met.reason,
            host: match met.matched {
                Match::Declared(hit) => Some(hit.host),
                Match::Undeclared { .. } | Match::NameNeeded { .. } | Match::AddressNeeded(_) => {
                    None
                }
            },
            ip: asked.ip,
        }
    }

    fn asked<'t>(&self, to: &'t To, protocol: Protocol) -> Asked<'t> {
        Asked {
            ip: to.ip.or_else(|| self.resolve(to)),
            host: to.host.as_deref(),
            port: to.port,
            protocol: to.protocol.unwrap_or(protocol),
        }
    }

    fn meet(&self, asked: &Asked<'_>) -> Met<'a> {
        let scope = self.scope(asked);
        let applied = self.decide(true, asked.ip, asked.port, asked.protocol);
        let matched = self.snapshot.registry.lookup(&self.viewer, asked);
        let registry = finding::known(&matched, scope);
        let (verdict, reason) = self.judge(applied, registry);
        Met {
            scope,
            applied,
            matched,
            registry,
            verdict,
            reason,
        }
    }

    /// The answer about a destination.
    pub fn explain(&self, to: &To, protocol: Protocol) -> Explanation {
        let asked = self.asked(to, protocol);
        let (ip, protocol) = (asked.ip, asked.protocol);
        let Met {
            scope,
            applied,
            matched,
            registry,
            verdict,
            reason,
        } = self.meet(&asked);
        let desired = self.decide(false, ip, to.port, protocol);
        let mut explanation = Explanation {
            api_version: API_VERSION,
            kind: "Explanation",
            pod: self.pod.to_string(),
            workload: self.pod.workload.to_string(),
            source: Source {
                container: self.container.map(|container| container.name.clone()),
                actor: self.role.actor,
                uid: self.who.uid,
                gid: self.who.gid,
            },
            destination: Destination {
                host: to.host.clone(),
                ip,
                port: to.port,
                protocol,
                scope,
            },
            desired: stand(&self.pod.desired, desired),
            applied: stand(&self.pod.applied, applied),
            stale: self.stale,
            registry: declared(&matched, registry, self.others(&matched, &asked)),
            policy: self.policy,
            policy_source: self.policy_source.clone(),
            verdict,
            reason,
            outcome: String::new(),
            void: self.void(&matched, applied),
            notes: self.notes.clone(),
            advice: Vec::new(),
        };
        if applied.reason == Reason::AddressNeeded {
            let gid = self.who.gid.unwrap_or(u32::MAX);
            let dialled = self.dialled(None, to.port, protocol, gid);
            explanation
                .notes
                .extend(anywhere::cases(&self.pod.applied, &dialled));
        }
        explanation.outcome = text::outcome(&explanation, &matched, self.pod.proxy_starts_late);
        explanation.advice = advice::advice(&explanation, self.pod);
        explanation
    }

    /// The address of a name that the mesh itself gives one: a Service's, or, where the proxy
    /// answers DNS, a ServiceEntry's.
    fn resolve(&self, to: &To) -> Option<IpAddr> {
        let host = to.host.as_deref()?;
        if host == "localhost" {
            return Some(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let addresses = self
            .snapshot
            .registry
            .addresses_of(&self.viewer, host, to.port);
        let own = &self.pod.ips;
        let family =
            |ip: &&IpAddr| own.is_empty() || own.iter().any(|own| own.is_ipv4() == ip.is_ipv4());
        addresses.iter().find(family).copied()
    }

    /// How far away it is. The cluster's own names are inside it, whether or not the Service is given.
    fn scope(&self, asked: &Asked<'_>) -> Scope {
        match asked.ip {
            Some(ip) => self.snapshot.scope(self.pod, ip),
            None if asked.host.is_some_and(is_of_cluster) => Scope::Cluster,
            None => Scope::External,
        }
    }

    /// The connection as the rules see it.
    fn dialled(&self, ip: Option<IpAddr>, port: u16, protocol: Protocol, gid: u32) -> Dialled<'_> {
        Dialled {
            ip: ip.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()),
            port,
            protocol,
            uid: self.who.uid.unwrap_or(u32::MAX),
            gid,
            own: &self.pod.ips,
            source: self.who.source,
            interface: self.who.interface.as_deref(),
        }
    }

    /// What the setup that was applied, or else the desired one, does.
    fn decide(&self, applied: bool, ip: Option<IpAddr>, port: u16, protocol: Protocol) -> Decision {
        let setup = if applied {
            &self.pod.applied
        } else {
            &self.pod.desired
        };
        let at = |ip: Option<IpAddr>, gid: u32| {
            let dialled = self.dialled(ip, port, protocol, gid);
            finding::decision(setup, self.role, |setup| match ip {
                Some(_) => setup.decide(&dialled),
                None => anywhere::decide(setup, &dialled),
            })
        };
        let decide = || match (self.who.gid, setup.config()) {
            (Some(gid), _) => at(ip, gid),
            (None, Some(config)) => {
                let [one, other] = unknown_group(&config.owner_groups);
                at(ip, other).or(at(ip, one), Reason::OwnerGroup, Rule::OwnerGroup)
            }
            (None, None) => at(ip, u32::MAX),
        };
        if ip.is_some() {
            return decide();
        }
        let configs = [setup.config(), setup.before_change.as_deref()];
        let key = Alike {
            applied,
            ports: configs.map(|config| PortKind::new(config, port)),
            protocol,
        };
        if let Some(known) = self.anywhere.borrow().get(&key) {
            return *known;
        }
        let decision = decide();
        self.anywhere.borrow_mut().insert(key, decision);
        decision
    }

    fn judge(&self, applied: Decision, registry: Registry) -> (Verdict, Reason) {
        judgement::judge(&Case {
            actor: self.role.actor,
            unmeshed: self.pod.applied.membership.outside(),
            decision: applied,
            observed: match applied.expected {
                Expected::Captured => Observed::Captured,
                Expected::Direct => Observed::Direct,
                Expected::Unknown => Observed::Unknown(applied.reason),
            },
            registry,
            lacking: Reason::NameNeeded,
            policy: self.policy,
        })
    }

    /// What would apply to the destination, and does not because it goes around the sidecar.
    fn void(&self, matched: &Match<'_>, applied: Decision) -> Vec<String> {
        let Match::Declared(hit) = matched else {
            return Vec::new();
        };
        if applied.expected != Expected::Direct {
            return Vec::new();
        }
        let entry =
            (hit.entry.object.kind == ObjectKind::ServiceEntry).then(|| hit.entry.object.clone());
        let routes = self.snapshot.registry.routes(&self.viewer, hit.host);
        let objects = entry.into_iter().chain(routes);
        objects
            .map(|object: ObjectRef| object.to_string())
            .collect()
    }

    fn others(&self, matched: &Match<'_>, asked: &Asked<'_>) -> Vec<Other> {
        // What is known needs no excuse from the rest.
        if matches!(matched, Match::Declared(_)) {
            return Vec::new();
        }
        let misses = self.snapshot.registry.near_misses(&self.viewer, asked);
        misses.iter().map(other).collect()
    }
}

/// What there is to say about what was applied, and about what would be today.
fn notes(pod: &Pod) -> Vec<String> {
    let mut notes = pod.applied.notes.clone();
    for note in &pod.desired.notes {
        if !notes.contains(note) {
            notes.push(format!("today: {note}"));
        }
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

/// Two groups that stand for all when it is not known which one it is: one that owner groups are
/// about, if there are any, and one that nothing is about.
fn unknown_group(groups: &OwnerGroups) -> [u32; 2] {
    let listed = groups
        .include
        .as_ref()
        .unwrap_or(&groups.exclude)
        .first()
        .copied();
    [u32::MAX, listed.unwrap_or(u32::MAX)]
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

fn declared(matched: &Match<'_>, registry: Registry, others: Vec<Other>) -> Declared {
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
        _ if registry != Registry::Unknown => Vec::new(),
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
