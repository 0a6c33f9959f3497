//! From a flow to a finding: whose it is, where it leads, what was expected, what was seen.

use std::{fmt, net::IpAddr, sync::Arc};

use egress_observer_common::{Count, FlowKey, PROTOCOL_UDP};

use crate::{
    capture::{self, Decision, Dialled},
    cgroup::{Cgroups, Place},
    cluster::{
        Snapshot,
        membership::Membership,
        pod::{ContainerRole, Pod, Rules},
        registry::{Destination, Match, ObjectKind, Viewer},
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
    };
    let decision = decision(pod, role, &dialled);
    let observed = match (protocol, decision.expected) {
        // No ending proves which of the two it was.
        (Protocol::Udp, Expected::Unknown) => Observed::Unknown(decision.reason),
        _ => observed(flow.count, scope),
    };
    let case = Case {
        actor: role.actor,
        unmeshed: match pod.membership {
            Membership::Outside(reason) => Some(reason),
            Membership::Sidecar(_)
            | Membership::NotRedirected
            | Membership::Ambient
            | Membership::Unreadable => None,
        },
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

/// What the pod's settings say.
fn decision(pod: &Pod, role: ContainerRole, dialled: &Dialled<'_>) -> Decision {
    let fixed = |expected, reason| Decision { expected, reason };
    match &pod.membership {
        Membership::Sidecar(_) if role.rules == Rules::NotYet => {
            fixed(Expected::Direct, Reason::InitContainer)
        }
        Membership::Sidecar(_) if role.rules == Rules::Unknown => {
            fixed(Expected::Unknown, Reason::NotAttributed)
        }
        Membership::Sidecar(config) => capture::decide(config, dialled),
        Membership::NotRedirected => fixed(Expected::Direct, Reason::InterceptionNone),
        Membership::Ambient => fixed(Expected::Unknown, Reason::Ambient),
        Membership::Unreadable => fixed(Expected::Unknown, Reason::UnreadableConfig),
        Membership::Outside(reason) => fixed(Expected::Direct, *reason),
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
    let viewer = Viewer {
        namespace: &pod.namespace,
        dns_capture: match &pod.membership {
            Membership::Sidecar(config) => config.dns_capture,
            Membership::NotRedirected
            | Membership::Ambient
            | Membership::Unreadable
            | Membership::Outside(_) => false,
        },
        ..Viewer::default()
    };
    let to = Destination {
        ip: Some(ip),
        host: None,
        port,
        protocol,
    };
    match (snapshot.registry.lookup(&viewer, &to), scope) {
        (Match::Declared(hit), _) => {
            let in_cluster = hit.entry.object.kind == ObjectKind::Service;
            let registry = if in_cluster {
                Registry::Cluster
            } else {
                Registry::ServiceEntry
            };
            (registry, Service::Host(Arc::clone(hit.host)))
        }
        (_, Scope::Cluster) => (Registry::Cluster, Service::Ip(ip)),
        (Match::Undeclared { .. }, _) => (Registry::Undeclared, Service::Ip(ip)),
        (Match::NameNeeded { .. } | Match::AddressNeeded(_), _) => {
            (Registry::Unknown, Service::Ip(ip))
        }
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
