//! From a flow to a finding: whose it is, where it leads, what was expected, what was seen.

use std::{net::IpAddr, sync::Arc};

use egress_observer_common::{Count, FlowKey, PROTOCOL_UDP};
use egress_observer_istio::{
    injection::pod::{ContainerRole, Pod},
    judgement::{Asker, ClientSocket, Endpoint, Evidence, assess, assess_nobody},
    view::Snapshot,
    vocabulary::{Actor, ConnectionFailure, Protocol, RegistryMatch, Verdict},
};

use super::kind::{Client, Finding, FindingKind, Service};
use crate::{attribution::FlowOwner, declared::declared_host, flow::CountedFlow};

/// Judges a flow of a pod, or of nobody known. `None` for the node's own. `names` are those that
/// the pod has for the address, the one asked for last first.
pub fn judge(
    snapshot: &Snapshot,
    source: &FlowOwner<'_>,
    names: Vec<Arc<str>>,
    flow: &CountedFlow,
) -> Option<Finding> {
    match source {
        FlowOwner::Pod {
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
        FlowOwner::Node => None,
        FlowOwner::Unknown(_) => Some(of_nobody(snapshot, flow)),
    }
}

fn of_pod(
    snapshot: &Snapshot,
    pod: &Pod,
    client: Client,
    role: ContainerRole,
    names: Vec<Arc<str>>,
    flow: &CountedFlow,
) -> Finding {
    let ip = flow.ip();
    let to = Endpoint {
        ip: Some(ip),
        port: flow.key.port,
        protocol: protocol(&flow.key),
    };
    let socket = ClientSocket {
        uid: Some(flow.key.uid),
        gid: Some(flow.key.gid),
        ..ClientSocket::default()
    };
    let asker = Asker::new(snapshot, pod, role, socket);
    let judged = assess(snapshot, &asker, &to, &names, Evidence::Kernel(flow.count));
    let kind = FindingKind {
        namespace: Arc::clone(&pod.namespace),
        workload: Arc::clone(&pod.workload),
        service: service(declared_host(&judged), &names, ip),
        ip,
        port: to.port,
        protocol: to.protocol,
        actor: role.actor,
        scope: judged.scope,
        path: judged.path,
        registry: judged.registry,
        verdict: judged.verdict,
        reason: judged.reason,
        failure: failure(flow.count),
        names,
        client: Some(client),
    };
    Finding { kind, n: flow.n }
}

fn of_nobody(snapshot: &Snapshot, flow: &CountedFlow) -> Finding {
    let unknown: Arc<str> = "unknown".into();
    let ip = flow.ip();
    let (scope, path, reason) = assess_nobody(snapshot, ip, flow.count);
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
        path,
        registry: RegistryMatch::Unknown,
        verdict: Verdict::Unknown,
        reason,
        failure: failure(flow.count),
    };
    Finding { kind, n: flow.n }
}

/// What a destination is called: by its entry first (one may declare an address inside the cluster's
/// ranges), then by the name that the pod asked for.
fn service(host: Option<&Arc<str>>, names: &[Arc<str>], ip: IpAddr) -> Service {
    match (host, names) {
        (Some(host), _) => Service::Host(Arc::clone(host)),
        (None, [name]) => Service::Name(Arc::clone(name)),
        (None, [last, ..]) => Service::Ambiguous(Arc::clone(last)),
        (None, []) => Service::Ip(ip),
    }
}

fn protocol(key: &FlowKey) -> Protocol {
    if key.protocol == PROTOCOL_UDP {
        Protocol::Udp
    } else {
        Protocol::Tcp
    }
}

fn failure(count: Count) -> Option<ConnectionFailure> {
    match count {
        Count::Attempt
        | Count::Direct
        | Count::Captured
        | Count::OtherListener
        | Count::Unproven
        | Count::OutcomeLost => None,
        Count::Refused => Some(ConnectionFailure::Refused),
        Count::TimedOut => Some(ConnectionFailure::TimedOut),
        Count::Unreachable => Some(ConnectionFailure::Unreachable),
        Count::Closed => Some(ConnectionFailure::Closed),
        Count::OtherError => Some(ConnectionFailure::Other),
        Count::NotSent => Some(ConnectionFailure::NotSent),
    }
}
