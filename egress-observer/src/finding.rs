//! From a flow to a finding: whose it is, where it leads, what was expected, what was seen.

use std::{fmt, net::IpAddr, sync::Arc};

use egress_observer_common::{Count, FlowKey, PROTOCOL_UDP};

use crate::{attribution::FlowOwner, flow::CountedFlow};
use egress_observer_istio::{
    injection::pod::{ContainerRole, Pod},
    judgement::{Asker, ClientSocket, Endpoint, Evidence, assess, assess_nobody},
    view::Snapshot,
    vocabulary::{Actor, Failure, Path, Protocol, Reason, Registry, Scope, Verdict},
};

/// What a destination is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// A ServiceEntry's host, as written there.
    Host(Arc<str>),
    /// The name that the pod asked for.
    Name(Arc<str>),
    /// The one of several names that it asked for last; another one may be meant.
    Ambiguous(Arc<str>),
    /// Its address.
    Ip(IpAddr),
    /// Many that did not fit.
    Other,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) | Self::Name(name) => f.write_str(name),
            // No name of a host has a tilde.
            Self::Ambiguous(name) => write!(f, "{name}~ambiguous"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Other => f.write_str("~other"),
        }
    }
}

/// Which process connects.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its pod.
    pub pod: Arc<Pod>,
    /// Its container's name, if that is known.
    pub container: Option<Arc<str>>,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Judged connections of one flow.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Who connects; none if that is not known.
    pub client: Option<Client>,
    /// Namespace of the workload; `unknown` if there is none.
    pub namespace: Arc<str>,
    /// The workload; `unknown` if there is none.
    pub workload: Arc<str>,
    /// Where to.
    pub service: Service,
    /// The address.
    pub ip: IpAddr,
    /// The names that the pod has for it, the one asked for last first.
    pub names: Vec<Arc<str>>,
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
                pod: Arc::clone(pod),
                container: container.map(|container| Arc::clone(&container.name)),
                uid: flow.key.uid,
                gid: flow.key.gid,
            };
            Some(of_pod(snapshot, client, *role, names, flow))
        }
        FlowOwner::Node => None,
        FlowOwner::Unknown(_) => Some(of_nobody(snapshot, flow)),
    }
}

fn of_pod(
    snapshot: &Snapshot,
    client: Client,
    role: ContainerRole,
    names: Vec<Arc<str>>,
    flow: &CountedFlow,
) -> Finding {
    let pod = &client.pod;
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
    Finding {
        namespace: Arc::clone(&pod.namespace),
        workload: Arc::clone(&pod.workload),
        service: service(judged.host, &names, ip),
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
        n: flow.n,
        names,
        client: Some(client),
    }
}

fn of_nobody(snapshot: &Snapshot, flow: &CountedFlow) -> Finding {
    let unknown: Arc<str> = "unknown".into();
    let ip = flow.ip();
    let (scope, path, reason) = assess_nobody(snapshot, ip, flow.count);
    Finding {
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
        registry: Registry::Unknown,
        verdict: Verdict::Unknown,
        reason,
        failure: failure(flow.count),
        n: flow.n,
    }
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
