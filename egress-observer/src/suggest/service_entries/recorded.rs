//! What a recorded flow says by itself.

use std::net::IpAddr;

use super::answer::ConnectionTally;
use crate::flows::{Caller, RecordedFlow};
use egress_observer_istio::{
    injection::pod::PROXY,
    vocabulary::{
        Actor, RegistryMatch, Scope, Verdict,
        host_name::{CLUSTER_DOMAIN, is_of_cluster},
    },
};

/// What the proxy does, it does for others, whose own connections are recorded.
pub(super) fn of_proxy(flow: &RecordedFlow) -> bool {
    match flow.actor {
        Some(actor) => actor == Actor::Proxy,
        None => flow.container.as_deref() == Some(PROXY),
    }
}

/// What was done with it says so, where nothing else does.
pub(super) fn recorded_as_undeclared(flow: &RecordedFlow) -> bool {
    let verdict = flow.seen.verdict;
    flow.seen.registry == Some(RegistryMatch::Undeclared)
        || matches!(verdict, Some(Verdict::Blocked | Verdict::Passthrough))
}

/// How far away a destination is by its name and address alone.
pub(super) fn by_itself(flow: &RecordedFlow) -> Scope {
    match &flow.to.host {
        _ if flow.to.ip.is_some_and(is_near) => Scope::Local,
        Some(host) if is_of_cluster(host, CLUSTER_DOMAIN) => Scope::Cluster,
        Some(_) | None => Scope::External,
    }
}

/// Whether an address leads nowhere but to the network around it.
fn is_near(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    link_local || ip.is_loopback() || ip.is_unspecified() || ip.is_multicast()
}

pub(super) fn workload(from: &Caller) -> &str {
    if from.workload.is_empty() {
        &from.pod
    } else {
        &from.workload
    }
}

pub(super) fn tally(flow: &RecordedFlow) -> ConnectionTally {
    ConnectionTally {
        connections: flow.n,
        verdicts: flow
            .seen
            .verdict
            .map(|verdict| (verdict, flow.n))
            .into_iter()
            .collect(),
        last_time: flow.seen.last.clone().filter(|text| is_time(text)),
    }
}

/// Whether a text may be a time, and steers no terminal.
fn is_time(text: &str) -> bool {
    text.len() <= 35
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-+:.TZ".contains(&byte))
}
