//! What a Sidecar lets through.

use super::row::ScanRow;
use crate::objects::{EgressListener, Sidecar};

/// Whether a Sidecar lets a row through to a client in a namespace.
pub(super) fn lets_through(sidecar: &Sidecar, client: &str, row: &ScanRow<'_>) -> bool {
    let egress = &sidecar.spec.egress;
    if egress.is_empty() {
        return true;
    }
    let at_single = !row.http() && !row.ips.is_empty() && row.ranges.is_empty();
    let locked = !at_single && egress.iter().any(|it| port_of(it) == Some(row.port));
    egress
        .iter()
        .filter(|listener| match port_of(listener) {
            Some(port) => port == row.port,
            None => !locked,
        })
        .any(|listener| {
            let mut hosts = listener.hosts.iter();
            let mut away = listener.hosts.iter().filter_map(|it| it.strip_prefix('~'));
            hosts.any(|text| is_meant(text, client, row))
                && !away.any(|text| is_meant(text, client, row))
        })
}

fn port_of(listener: &EgressListener) -> Option<u16> {
    listener.port.as_ref().map(|port| port.number)
}

/// Whether `namespace/dnsName` means a row.
fn is_meant(text: &str, client: &str, row: &ScanRow<'_>) -> bool {
    let Some((from, host)) = text.split_once('/') else {
        return false;
    };
    let from = match from {
        "*" => true,
        "." => row.namespace == client,
        name => name == row.namespace,
    };
    from && match host.strip_prefix('*') {
        Some(rest) => row.host.ends_with(rest),
        None => row.host == host,
    }
}
