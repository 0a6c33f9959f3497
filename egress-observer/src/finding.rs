//! From a flow to a finding: whose it is, where it leads, what was expected, what was seen.

pub(crate) mod field;
mod kind;
pub(crate) mod line;

use std::sync::Arc;

use egress_observer_common::{Count, FlowKey, PROTOCOL_UDP};

pub(crate) use self::kind::Sightings;
pub use self::kind::{Client, Finding, FindingKind, Service};
use crate::{attribution::Source, flow::Flow};
use egress_observer_istio::{
    injection::{
        pod::{ContainerRole, Pod, Rules},
        setup::Setup,
    },
    judgement::{self, Case, Observed},
    registry::{Destination, Match, ObjectKind},
    rules::{Decision, Dialled, Rule},
    view::Snapshot,
    vocabulary::{Actor, Expected, Failure, Protocol, Reason, Registry, Scope, Verdict},
};

/// Judges a flow of a pod, or of nobody known. `None` for the node's own. `names` are those that
/// the pod has for the address, the one asked for last first.
pub fn assess(
    snapshot: &Snapshot,
    source: &Source<'_>,
    names: Vec<Arc<str>>,
    flow: &Flow,
) -> Option<Finding> {
    match source {
        Source::Pod {
            pod,
            container,
            role,
        } => {
            let container = container.and_then(|id| pod.containers.get(id));
            let client = Client {
                pod: Arc::clone(&pod.name),
                container: container.map(|container| Arc::clone(&container.name)),
                uid: flow.key.uid,
                gid: flow.key.gid,
            };
            Some(of_pod(snapshot, pod, client, *role, names, flow))
        }
        Source::Node => None,
        Source::Unknown(_) => Some(of_nobody(snapshot, flow)),
    }
}

fn of_pod(
    snapshot: &Snapshot,
    pod: &Pod,
    client: Client,
    role: ContainerRole,
    names: Vec<Arc<str>>,
    flow: &Flow,
) -> Finding {
    let ip = flow.ip();
    let protocol = protocol(&flow.key);
    let scope = snapshot.scope(pod, ip);
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
    let policy = snapshot.policy(pod);
    let judge = |registry| {
        judgement::judge(&Case {
            actor: role.actor,
            unmeshed: pod.applied.membership.outside(),
            decision,
            observed,
            registry,
            lacking: if snapshot.registry_unknown() {
                Reason::NotSynced
            } else {
                Reason::NameNeeded
            },
            policy,
        })
    };
    let to = Destination {
        ip: Some(ip),
        host: None,
        port: flow.key.port,
        protocol,
    };
    let meant = meant(snapshot, pod, scope, &names, to);
    let judged = meant.registries.iter().map(|registry| judge(*registry));
    let (verdict, reason) = judged
        .reduce(judgement::of_either)
        .expect("without a name, too, the registry says something");
    let registry = agreed(meant.registries.iter().copied()).unwrap_or(Registry::Unknown);
    let kind = FindingKind {
        namespace: Arc::clone(&pod.namespace),
        workload: Arc::clone(&pod.workload),
        service: meant.service.unwrap_or(Service::Ip(ip)),
        ip,
        names,
        port: flow.key.port,
        protocol,
        actor: role.actor,
        scope,
        path: observed.path(),
        registry,
        verdict,
        reason,
        failure: failure(flow.count),
        client: Some(client),
    };
    Finding { kind, n: flow.n }
}

fn of_nobody(snapshot: &Snapshot, flow: &Flow) -> Finding {
    let unknown: Arc<str> = "unknown".into();
    let ip = flow.ip();
    let scope = snapshot.scope_from_anywhere(ip);
    let kind = FindingKind {
        client: None,
        namespace: Arc::clone(&unknown),
        workload: unknown,
        service: Service::Ip(ip),
        ip,
        names: Vec::new(),
        port: flow.key.port,
        protocol: protocol(&flow.key),
        actor: Actor::App,
        scope,
        path: observed(flow.count, scope).path(),
        registry: Registry::Unknown,
        verdict: Verdict::Unknown,
        reason: snapshot.why_unattributed(),
        failure: failure(flow.count),
    };
    Finding { kind, n: flow.n }
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

/// What a destination may be.
struct Meant {
    /// What the mesh knows of it: for each name that may be meant.
    registries: Vec<Registry>,
    /// None if it has only its address.
    service: Option<Service>,
}

/// What the mesh knows of a destination, and what it is called: by its entries first (one may
/// declare an address inside the cluster's ranges), then by the name that the pod asked for.
fn meant(
    snapshot: &Snapshot,
    pod: &Pod,
    scope: Scope,
    names: &[Arc<str>],
    to: Destination<'_>,
) -> Meant {
    let viewer = snapshot.viewer(pod);
    let host = |matched: &Match<'_>| match matched {
        Match::Declared(hit) => Some(Arc::clone(hit.host)),
        Match::Undeclared { .. } | Match::NameNeeded { .. } | Match::AddressNeeded(_) => None,
    };
    let lookup = |name: Option<&str>| {
        let to = Destination { host: name, ..to };
        let matched = snapshot.registry.lookup(&viewer, &to);
        let mut registry = known(&matched, scope);
        if registry == Registry::Undeclared && snapshot.registry_unknown() {
            registry = Registry::Unknown;
        }
        (registry, host(&matched))
    };
    let (registries, hosts): (Vec<_>, Vec<_>) = if names.is_empty() {
        [lookup(None)].into_iter().unzip()
    } else {
        names.iter().map(|name| lookup(Some(name))).unzip()
    };
    let service = match (agreed(hosts), names) {
        (Some(Some(host)), _) => Some(Service::Host(host)),
        (_, [name]) => Some(Service::Name(Arc::clone(name))),
        (_, [last, ..]) => Some(Service::Ambiguous(Arc::clone(last))),
        (_, []) => None,
    };
    Meant {
        registries,
        service,
    }
}

/// The one value that all are.
fn agreed<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
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
