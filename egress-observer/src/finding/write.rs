//! A finding as the line of JSON that an agent writes.

use std::io;

use jiff::{Timestamp, Unit};

use super::{
    field::shown,
    kind::{FindingKind, Sightings},
    line::{DestinationLine, FindingLine, SourceLine},
};
use crate::api_version::API_VERSION;

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
