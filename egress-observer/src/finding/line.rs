//! A finding as a line of JSON: the one list of its fields. The agent writes it; `what-if`, `suggest`
//! and `explain` read it ([`crate::flows`]).
//!
//! The agent gives every field. Whoever reads needs few of them, and gets lines of other writers,
//! too: `explain -o json` prints some, and people write them. So every field may be missing, and what
//! only an agent can know is passed over where it is not what an agent writes.

use std::io;

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use super::{
    field::{self, LineText, shown},
    kind::{FindingKind, Sightings},
};
use crate::api_version::API_VERSION;
use egress_observer_istio::vocabulary::{
    ConnectionFailure, ObservedPath, Reason, RegistryMatch, Scope, Verdict,
};

// What is no object is told to be no `Line`, `SourceLine` or `DestinationLine`.
#[derive(Serialize, Deserialize)]
#[serde(
    rename = "Line",
    rename_all = "camelCase",
    bound(deserialize = "'de: 'a")
)]
pub(crate) struct FindingLine<'a> {
    #[serde(default, deserialize_with = "field::text")]
    api_version: Option<LineText<'a>>,
    #[serde(default, deserialize_with = "field::text")]
    kind: Option<LineText<'a>>,
    /// When the first and the last of these connections was counted, RFC 3339.
    #[serde(default, deserialize_with = "field::text")]
    first_time: Option<LineText<'a>>,
    #[serde(default, deserialize_with = "field::text")]
    pub(crate) last_time: Option<LineText<'a>>,
    pub(crate) namespace: Option<LineText<'a>>,
    /// As namespace/name; some write the name alone.
    pub(crate) pod: Option<LineText<'a>>,
    pub(crate) workload: Option<LineText<'a>>,
    pub(crate) source: Option<SourceLine<'a>>,
    pub(crate) destination: Option<DestinationLine<'a>>,
    #[serde(default, deserialize_with = "field::word")]
    pub(crate) path: Option<ObservedPath>,
    #[serde(default, deserialize_with = "field::registry")]
    pub(crate) registry: Option<RegistryMatch>,
    #[serde(default, deserialize_with = "field::word")]
    pub(crate) verdict: Option<Verdict>,
    #[serde(default, deserialize_with = "field::word")]
    reason: Option<Reason>,
    #[serde(default, deserialize_with = "field::word")]
    failure: Option<ConnectionFailure>,
    pub(crate) count: Option<u64>,
}

/// Which process connects.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename = "SourceLine", bound(deserialize = "'de: 'a"))]
pub(crate) struct SourceLine<'a> {
    pub(crate) container: Option<LineText<'a>>,
    pub(crate) actor: Option<LineText<'a>>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

/// Where to.
#[derive(Serialize, Deserialize)]
#[serde(rename = "DestinationLine", bound(deserialize = "'de: 'a"))]
pub(crate) struct DestinationLine<'a> {
    /// The name that the pod asked for; null if it asked for none, or for several.
    pub(crate) host: Option<LineText<'a>>,
    pub(crate) ip: Option<LineText<'a>>,
    pub(crate) port: Option<u16>,
    pub(crate) protocol: Option<LineText<'a>>,
    #[serde(default, deserialize_with = "field::word")]
    pub(crate) scope: Option<Scope>,
    /// All that it asked for, the last one first.
    #[serde(default)]
    pub(crate) names: Vec<LineText<'a>>,
    /// As in the metrics' `destination_service`.
    #[serde(default, deserialize_with = "field::text")]
    service: Option<LineText<'a>>,
}

/// Writes what an agent saw as a line.
pub(crate) fn write(
    kind: &FindingKind,
    seen: &Sightings,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let client = kind.client.as_ref();
    let pod = client.map(|client| format!("{}/{}", kind.namespace, client.pod));
    let [first, last] = [seen.first, seen.last].map(to_seconds);
    let line = FindingLine {
        api_version: Some(shown(&API_VERSION)),
        kind: Some(shown(&"Finding")),
        first_time: Some(shown(&first)),
        last_time: Some(shown(&last)),
        namespace: Some(shown(&kind.namespace)),
        pod: pod.as_ref().map(shown),
        workload: Some(shown(&kind.workload)),
        source: Some(source(kind)),
        destination: Some(destination(kind)),
        path: Some(kind.path),
        registry: Some(kind.registry),
        verdict: Some(kind.verdict),
        reason: Some(kind.reason),
        failure: kind.failure,
        count: Some(seen.n),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn source(kind: &FindingKind) -> SourceLine<'_> {
    let client = kind.client.as_ref();
    SourceLine {
        container: client
            .and_then(|client| client.container.as_ref())
            .map(shown),
        actor: Some(shown(&kind.actor)),
        uid: client.and_then(|client| owner(client.uid)),
        gid: client.and_then(|client| owner(client.gid)),
    }
}

fn destination(kind: &FindingKind) -> DestinationLine<'_> {
    DestinationLine {
        host: match kind.names.as_slice() {
            [name] => Some(shown(name)),
            _ => None,
        },
        ip: Some(shown(&kind.ip)),
        port: Some(kind.port),
        protocol: Some(shown(&kind.protocol)),
        scope: Some(kind.scope),
        names: kind.names.iter().map(shown).collect(),
        service: Some(shown(&kind.service)),
    }
}

/// The kernel's own sockets belong to nobody.
fn owner(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

/// Counters are read once a second; more would be a pretence.
fn to_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second).unwrap_or(time)
}

#[cfg(test)]
mod tests;
