//! From a flow to a finding: whose it is, where it leads, what was expected, what was seen.

use std::{fmt, net::IpAddr, sync::Arc};

use egress_observer_common::{Count, FlowKey, PROTOCOL_UDP};

use crate::{
    capture::{Decision, Dialled, Rule},
    cgroup::{Cgroups, Place},
    cluster::{
        Snapshot,
        pod::{ContainerRole, Pod, Rules},
        registry::{Destination, Match, ObjectKind},
        setup::Setup,
    },
    flow::Flow,
    model::{Actor, Expected, Failure, Path, Protocol, Reason, Registry, Scope, Verdict},
    verdict::{self, Case, Observed},
};

/// Whose connection it is.
#[derive(Clone, Debug)]
pub enum Source {
    /// A pod's.
    Pod {
        /// The pod.
        pod: Arc<Pod>,
        /// Its part that connected.
        role: ContainerRole,
    },
    /// The node's own, not a pod's.
    Node,
    /// A pod's, or nobody knows whose.
    Unknown,
}

/// Finds the owner of a flow.
pub fn attribute(snapshot: &Snapshot, cgroups: &Cgroups, key: &FlowKey) -> Source {
    match cgroups.place(key.cgroup) {
        Some(Place::Pod { uid, container }) => match snapshot.pod(uid) {
            Some(pod) => Source::Pod {
                pod: Arc::clone(pod),
                role: pod.role(container.as_deref(), key.uid, key.gid),
            },
            None => Source::Unknown,
        },
        Some(Place::Outside) => Source::Node,
        None => Source::Unknown,
    }
}

/// What a destination is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// A ServiceEntry's host, as written there.
    Host(Arc<str>),
    /// Its address.
    Ip(IpAddr),
    /// Many that did not fit.
    Other,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Ip(ip) => ip.fmt(f),
            Self::Other => f.write_str("~other"),
        }
    }
}

/// Judged connections of one flow.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Namespace of the workload; `unknown` if there is none.
    pub namespace: Arc<str>,
    /// The workload; `unknown` if there is none.
    pub workload: Arc<str>,
    /// Where to.
    pub service: Service,
    /// Destination port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Which part of the pod.
    pub actor: Actor,
    /// How far.
    pub scope: Scope,
    /// The path seen.
    pub path: Path,
    /// What the mesh knows of the destination.
    pub registry: Registry,
    /// The judgement.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// How it failed, if it did.
    pub failure: Option<Failure>,
    /// How many connections.
    pub n: u64,
}

/// Judges a flow of a pod, or of nobody known. `None` for the node's own.
pub fn assess(snapshot: &Snapshot, source: &Source, flow: &Flow) -> Option<Finding> {
    match source {
        Source::Pod { pod, role } => Some(of_pod(snapshot, pod, *role, flow)),
        Source::Node => None,
        Source::Unknown => Some(of_nobody(snapshot, flow)),
    }
}

fn of_pod(snapshot: &Snapshot, pod: &Pod, role: ContainerRole, flow: &Flow) -> Finding {
    let ip = flow.ip();
    let protocol = protocol(&flow.key);
    let scope = snapshot.scope(pod, ip);
    let (registry, service) = registry(snapshot, pod, scope, protocol, ip, flow.key.port);
    let dialled = Dialled {
        ip,
        port: flow.key.port,
        protocol,
        uid: flow.key.uid,
        gid: flow.key.gid,
        own: &pod.ips,
        source: None,
        interface: None,
    };
    let decision = decision(&pod.applied, role, |setup| setup.decide(&dialled));
    let observed = match (protocol, decision.expected) {
        // Nothing proves that the proxy got a datagram.
        (Protocol::Udp, Expected::Unknown | Expected::Captured) => {
            Observed::Unknown(decision.reason)
        }
        _ => observed(flow.count, scope),
    };
    let case = Case {
        actor: role.actor,
        unmeshed: pod.applied.membership.outside(),
        decision,
        observed,
        registry,
        policy: snapshot.policy(pod),
    };
    let (verdict, reason) = verdict::judge(&case);
    Finding {
        namespace: Arc::clone(&pod.namespace),
        workload: Arc::clone(&pod.workload),
        service,
        port: flow.key.port,
        protocol,
        actor: role.actor,
        scope,
        path: observed.path(),
        registry,
        verdict,
        reason,
        failure: failure(flow.count),
        n: flow.n,
    }
}

fn of_nobody(snapshot: &Snapshot, flow: &Flow) -> Finding {
    let unknown: Arc<str> = "unknown".into();
    let ip = flow.ip();
    let scope = snapshot.scope_from_anywhere(ip);
    Finding {
        namespace: Arc::clone(&unknown),
        workload: unknown,
        service: Service::Ip(ip),
        port: flow.key.port,
        protocol: protocol(&flow.key),
        actor: Actor::App,
        scope,
        path: observed(flow.count, scope).path(),
        registry: Registry::Unknown,
        verdict: Verdict::Unknown,
        reason: Reason::NotAttributed,
        failure: failure(flow.count),
        n: flow.n,
    }
}

fn protocol(key: &FlowKey) -> Protocol {
    if key.protocol == PROTOCOL_UDP {
        Protocol::Udp
    } else {
        Protocol::Tcp
    }
}

/// What a pod's setup does with a connection of a container. `decide` knows what it does with one
/// that meets its rules.
pub(crate) fn decision(
    setup: &Setup,
    role: ContainerRole,
    decide: impl FnOnce(&Setup) -> Decision,
) -> Decision {
    match role.rules {
        _ if setup.config().is_none() => decide(setup),
        Rules::Made => decide(setup),
        Rules::NotYet => Decision::direct(Reason::InitContainer, Rule::None),
        Rules::Unknown => Decision::unknown(Reason::NotAttributed, Rule::None),
    }
}

/// What the mesh knows of a destination, and what it is called. Its entries first: one may declare
/// an address inside the cluster's ranges.
fn registry(
    snapshot: &Snapshot,
    pod: &Pod,
    scope: Scope,
    protocol: Protocol,
    ip: IpAddr,
    port: u16,
) -> (Registry, Service) {
    let to = Destination {
        ip: Some(ip),
        host: None,
        port,
        protocol,
    };
    let matched = snapshot.registry.lookup(&snapshot.viewer(pod), &to);
    let service = match &matched {
        Match::Declared(hit) => Service::Host(Arc::clone(hit.host)),
        Match::Undeclared { .. } | Match::NameNeeded { .. } | Match::AddressNeeded(_) => {
            Service::Ip(ip)
        }
    };
    (known(&matched, scope), service)
}

/// What an answer of the registry means for the verdict. What is inside the cluster is known, even
/// if no entry says so.
pub(crate) fn known(matched: &Match<'_>, scope: Scope) -> Registry {
    match matched {
        Match::Declared(hit) if hit.entry.object.kind == ObjectKind::ServiceEntry => {
            Registry::ServiceEntry
        }
        Match::Declared(_) => Registry::Cluster,
        _ if scope == Scope::Cluster => Registry::Cluster,
        Match::Undeclared { .. } => Registry::Undeclared,
        Match::NameNeeded { .. } | Match::AddressNeeded(_) => Registry::Unknown,
    }
}

/// Which path an ending proves, and if none, why not. UDP has no ending to prove one by: the mesh
/// has no listener for it, so it goes out as it is (DNS, where the proxy may answer it, apart).
fn observed(count: Count, scope: Scope) -> Observed {
    match count {
        Count::Attempt | Count::Direct => Observed::Direct,
        Count::Captured => Observed::Captured,
        // To an address of the pod itself, another listener is where it wanted to go.
        Count::OtherListener if scope == Scope::Local => Observed::Direct,
        Count::OtherListener => Observed::Unknown(Reason::OtherListener),
        Count::Unproven => Observed::Unknown(Reason::ListenerUnseen),
        Count::OutcomeLost => Observed::Unknown(Reason::OutcomeLost),
        Count::Refused
        | Count::TimedOut
        | Count::Unreachable
        | Count::Closed
        | Count::OtherError
        | Count::NotSent => Observed::Unknown(Reason::NotEstablished),
    }
}

fn failure(count: Count) -> Option<Failure> {
    match count {
        Count::Attempt
        | Count::Direct
        | Count::Captured
        | Count::OtherListener
        | Count::Unproven
        | Count::OutcomeLost => None,
        Count::Refused => Some(Failure::Refused),
        Count::TimedOut => Some(Failure::TimedOut),
        Count::Unreachable => Some(Failure::Unreachable),
        Count::Closed => Some(Failure::Closed),
        Count::OtherError => Some(Failure::Other),
        Count::NotSent => Some(Failure::NotSent),
    }
}
