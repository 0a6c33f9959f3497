//! What happens where two services want the same address and port.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Entry;
use crate::config::{Chain, ChainMatch};
use crate::protocol::{ListenerKind, Protocol};
use crate::service::UNSPECIFIED;
use crate::version::Version;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    None,
    HttpOverTcp,
    TcpOverHttp,
    TcpOverTcp,
    TcpOverAuto,
    AutoOverHttp,
    AutoOverTcp,
}

/// Nothing if what is there does for both.
pub(super) fn of(
    kind: ListenerKind,
    existing: Option<Protocol>,
    version: Version,
) -> Option<Conflict> {
    let Some(existing) = existing else {
        return Some(Conflict::None);
    };
    match kind {
        ListenerKind::Http => existing.is_tcp().then_some(Conflict::HttpOverTcp),
        ListenerKind::Tcp if existing.is_http() => Some(Conflict::TcpOverHttp),
        ListenerKind::Tcp if existing.is_tcp() => Some(Conflict::TcpOverTcp),
        ListenerKind::Tcp => Some(Conflict::TcpOverAuto),
        ListenerKind::Auto if existing.is_http() => Some(Conflict::AutoOverHttp),
        ListenerKind::Auto if existing.is_tcp() => Some(Conflict::AutoOverTcp),
        ListenerKind::Auto => version
            .merges_auto_over_auto()
            .then_some(Conflict::TcpOverAuto),
        ListenerKind::None => None,
    }
}

/// `isConflictWithWellKnownPort`: MongoDB and MySQL share a port with nothing else.
pub(super) fn is_on_well_known_port(
    incoming: Protocol,
    current: Option<&Entry>,
    conflict: Conflict,
) -> bool {
    let Some(current) = current.filter(|_| conflict != Conflict::None) else {
        return false;
    };
    let mut both = [incoming, current.protocol].into_iter();
    both.any(|protocol| matches!(protocol, Protocol::Mongo | Protocol::MySql))
        && incoming != current.protocol
}

/// `mergeTCPFilterChains`: the first chain with a match is kept.
pub(super) fn merge(current: &mut Vec<Chain>, incoming: Vec<Chain>) {
    for chain in incoming {
        let is_taken = current
            .iter()
            .any(|existing| are_alike(&existing.matching, &chain.matching));
        if !is_taken {
            current.push(chain);
        }
    }
}

/// `conflictsWith`.
fn are_alike(one: &ChainMatch, other: &ChainMatch) -> bool {
    one.is_for_http == other.is_for_http
        && names(&one.server_names) == names(&other.server_names)
        && ranges(&one.ranges) == ranges(&other.ranges)
}

fn names(names: &[String]) -> BTreeSet<&String> {
    names.iter().filter(|name| *name != "*").collect()
}

fn ranges(ranges: &[String]) -> BTreeSet<IpNet> {
    ranges
        .iter()
        .filter_map(|range| as_range(range))
        .filter(|range| range.addr().to_string() != UNSPECIFIED)
        .map(|range| range.trunc())
        .collect()
}

/// `AddrStrToPrefix`.
pub(crate) fn as_range(text: &str) -> Option<IpNet> {
    match text.parse() {
        Ok(range) => Some(range),
        Err(_) => Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)),
    }
}
