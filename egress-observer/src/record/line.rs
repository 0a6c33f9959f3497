//! A finding as it is written: an object of kind `Finding`, which `what-if`, `suggest` and `explain`
//! read ([`crate::flows`]).

use std::net::IpAddr;

use jiff::{Timestamp, Unit};
use serde::Serialize;

use super::{Kind, Seen};
use crate::explain::API_VERSION;
use egress_observer_istio::vocabulary::{
    Actor, ConnectionFailure, ObservedPath, Protocol, Reason, RegistryMatch, Scope, Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line<'a> {
    api_version: &'static str,
    kind: &'static str,
    /// When the first and the last of these connections was counted.
    first_time: Timestamp,
    last_time: Timestamp,
    namespace: &'a str,
    /// As namespace/name.
    pod: Option<String>,
    workload: &'a str,
    source: Source<'a>,
    destination: Destination<'a>,
    path: ObservedPath,
    registry: RegistryMatch,
    verdict: Verdict,
    reason: Reason,
    failure: Option<ConnectionFailure>,
    count: u64,
}

#[derive(Serialize)]
struct Source<'a> {
    container: Option<&'a str>,
    actor: Actor,
    uid: Option<u32>,
    gid: Option<u32>,
}

#[derive(Serialize)]
struct Destination<'a> {
    /// The name that the pod asked for; null if it asked for none, or for several.
    host: Option<&'a str>,
    ip: IpAddr,
    port: u16,
    protocol: Protocol,
    scope: Scope,
    /// All that it asked for, the last one first.
    names: Vec<&'a str>,
    /// As in the metrics' `destination_service`.
    service: String,
}

impl<'a> Line<'a> {
    pub(super) fn new(kind: &'a Kind, seen: &Seen) -> Self {
        let process = kind.process.as_ref();
        // The kernel's own sockets belong to nobody.
        let id = |id: u32| (id != u32::MAX).then_some(id);
        Self {
            api_version: API_VERSION,
            kind: "Finding",
            first_time: to_seconds(seen.first),
            last_time: to_seconds(seen.last),
            namespace: &kind.namespace,
            pod: process.map(|process| format!("{}/{}", kind.namespace, process.pod)),
            workload: &kind.workload,
            source: Source {
                container: process.and_then(|process| process.container.as_deref()),
                actor: kind.actor,
                uid: process.and_then(|process| id(process.uid)),
                gid: process.and_then(|process| id(process.gid)),
            },
            destination: Destination {
                host: match kind.names.as_slice() {
                    [name] => Some(name),
                    _ => None,
                },
                ip: kind.ip,
                port: kind.port,
                protocol: kind.protocol,
                scope: kind.scope,
                names: kind.names.iter().map(|name| &**name).collect(),
                service: kind.service.to_string(),
            },
            path: kind.path,
            registry: kind.registry,
            verdict: kind.verdict,
            reason: kind.reason,
            failure: kind.failure,
            count: seen.n,
        }
    }
}

/// Counters are read once a second; more would be a pretence.
fn to_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second).unwrap_or(time)
}
