//! What flows show: who used which address, how often, and which way it went.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    answer::{AddressUser, Already},
    cluster::ExclusionCluster,
};
use crate::{flows::RecordedFlow, lint::output::plain, text::count};
use egress_observer_istio::{
    injection::pod::Pod,
    rules::Dialled,
    vocabulary::{Actor, Expected, ObservedPath, Protocol, Verdict},
};

/// Which way a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the sidecar; whether it refused it.
    Captured { blocked: bool },
    /// Around it, as configured.
    Direct,
    /// Around it, against the configuration.
    Astray,
    /// Not proved, such as for one that failed.
    Unproved,
    /// The flow does not say.
    Untold,
}

impl Way {
    /// By what was seen, else by the verdict on it. Nothing for what no setting of a sidecar changes:
    /// pods without one, and the proxy's own connections.
    pub(super) fn of(flow: &RecordedFlow) -> Option<Self> {
        let seen = &flow.seen;
        let outside = matches!(
            seen.verdict,
            Some(Verdict::Unmeshed | Verdict::ProxyUpstream)
        );
        if outside {
            return None;
        }
        let blocked = seen.verdict == Some(Verdict::Blocked);
        Some(match (seen.path, seen.verdict) {
            (_, Some(Verdict::UnexpectedBypass)) => Self::Astray,
            (Some(ObservedPath::Captured), _)
            | (
                _,
                Some(
                    Verdict::Mediated
                    | Verdict::Misrouted
                    | Verdict::Passthrough
                    | Verdict::Blocked
                    | Verdict::UnexpectedCapture,
                ),
            ) => Self::Captured { blocked },
            (Some(ObservedPath::Direct), _)
            | (_, Some(Verdict::ConfiguredBypass | Verdict::DeclaredBypass)) => Self::Direct,
            (Some(ObservedPath::Unknown), _) | (_, Some(Verdict::Unknown)) => Self::Unproved,
            (None, _) => Self::Untold,
        })
    }
}

/// Uses by address and workload.
#[derive(Debug, Default)]
pub(super) struct Uses {
    by_address: BTreeMap<IpAddr, OfAddress>,
    n_untold: u64,
}

/// Uses of one address.
#[derive(Debug, Default)]
pub(super) struct OfAddress {
    ip: Option<IpAddr>,
    by_workload: BTreeMap<(String, String), Use>,
}

/// A workload's use of it.
#[derive(Debug, Default)]
struct Use {
    actors: BTreeSet<Actor>,
    ports: BTreeSet<u16>,
    captured: u64,
    blocked: u64,
    direct: u64,
    astray: u64,
    unproved: u64,
    /// Of init containers: captured, or not proved.
    init: u64,
}

impl Uses {
    pub(super) fn add(
        &mut self,
        ip: IpAddr,
        flow: &RecordedFlow,
        way: Way,
        cluster: &ExclusionCluster,
    ) {
        let workload = cluster.workload(&flow.from);
        let actor = cluster.actor(flow, &workload);
        if actor == Actor::Proxy {
            return;
        }
        if way == Way::Untold {
            self.n_untold = self.n_untold.saturating_add(flow.n);
            return;
        }
        let address = self.by_address.entry(ip).or_default();
        address.ip = Some(ip);
        let own = address.by_workload.entry(workload).or_default();
        match way {
            Way::Captured { blocked } => {
                add(&mut own.captured, flow);
                if blocked {
                    add(&mut own.blocked, flow);
                }
            }
            Way::Direct => add(&mut own.direct, flow),
            Way::Astray => add(&mut own.astray, flow),
            Way::Unproved => add(&mut own.unproved, flow),
            Way::Untold => {}
        }
        if matches!(way, Way::Captured { .. } | Way::Unproved) {
            own.actors.insert(actor);
            own.ports.insert(flow.to.port);
            if actor == Actor::Init {
                add(&mut own.init, flow);
            }
        }
    }

    pub(super) fn by_address(&self) -> impl Iterator<Item = (IpAddr, &OfAddress)> {
        self.by_address.iter().map(|(ip, uses)| (*ip, uses))
    }

    /// Flows that say neither way nor verdict.
    pub(super) fn undecided(&self) -> Option<String> {
        (self.n_untold > 0).then(|| {
            format!(
                "{} to well-known addresses not considered: the flows say neither their path nor a \
                 verdict, so nobody saw which way they went",
                connections(self.n_untold)
            )
        })
    }
}

fn add(to: &mut u64, flow: &RecordedFlow) {
    *to = to.saturating_add(flow.n);
}

/// A number of connections.
pub(super) fn connections(n: u64) -> String {
    count(n, "connection")
}

impl OfAddress {
    /// Whose connections the sidecar got, the most first; of the API server also init containers
    /// whose connections came to nothing.
    pub(super) fn users(&self, cluster: &ExclusionCluster) -> Vec<AddressUser> {
        let api_server = self.ip.is_some_and(|ip| cluster.is_api_server(ip));
        let mut users: Vec<AddressUser> = self
            .by_workload
            .iter()
            .filter(|(_, own)| own.captured > 0 || api_server && own.init > 0)
            .map(|(workload, own)| AddressUser {
                namespace: workload.0.clone(),
                workload: workload.1.clone(),
                actors: own.actors.iter().copied().collect(),
                ports: own.ports.iter().copied().collect(),
                connections: own.captured,
                blocked: own.blocked,
                unproved: own.unproved,
                restart_is_enough: cluster
                    .pod_of(workload)
                    .and_then(|pod| self.is_settled(pod, own)),
            })
            .collect();
        // The sort is stable: by name where they are the same.
        users.sort_by_key(|user| std::cmp::Reverse(user.connections));
        users
    }

    /// Whether today's configuration lets the connections of a pod made anew go around the sidecar, as
    /// those of a program that is none of the proxy's do.
    fn is_settled(&self, pod: &Pod, own: &Use) -> Option<bool> {
        let (ip, _) = (self.ip?, pod.desired.config()?);
        let mut decisions = own.ports.iter().map(|port| {
            pod.desired.decide(&Dialled {
                ip,
                port: *port,
                protocol: Protocol::Tcp,
                uid: u32::MAX,
                gid: u32::MAX,
                own: &pod.ips,
                source: None,
                interface: None,
            })
        });
        Some(decisions.all(|decision| decision.expected == Expected::Direct))
    }

    /// Whether somebody asks before the proxy is ready: an init container, or a program whose
    /// connections failed in a pod where the proxy starts beside it.
    pub(super) fn is_early(&self, cluster: &ExclusionCluster) -> bool {
        self.by_workload.iter().any(|(workload, own)| {
            own.init > 0
                || own.unproved > 0
                    && own.captured > 0
                    && cluster
                        .pod_of(workload)
                        .is_some_and(|pod| pod.proxy_starts_late)
        })
    }

    /// Whose go around it.
    pub(super) fn already(&self, what: &'static str) -> Option<Already> {
        let direct = self.by_workload.iter().filter(|(_, own)| own.direct > 0);
        let connections = direct.clone().map(|(_, own)| own.direct);
        let connections = connections.fold(0, u64::saturating_add);
        let cidr = self.ip?.into();
        (connections > 0).then(|| Already {
            cidr,
            what,
            connections,
            workloads: direct
                .map(|((namespace, name), _)| format!("{namespace}/{name}"))
                .collect(),
        })
    }

    /// What is neither a use through the sidecar nor a configured bypass.
    pub(super) fn notes(&self, what: &str) -> Option<String> {
        let ip = self.ip?;
        let astray = self.by_workload.iter().filter(|(_, own)| own.astray > 0);
        let n = astray.clone().map(|(_, own)| own.astray);
        let n = n.fold(0, u64::saturating_add);
        let ((namespace, name), _) = astray.clone().next()?;
        Some(format!(
            "{} to {ip} ({what}) went around the sidecar against the configuration, such as those of \
             {}: no setting to rely on",
            connections(n),
            plain(&format!("{namespace}/{name}"))
        ))
    }
}
