//! From what was collected to a listener (`buildListenerFromEntry`).

use super::Entry;
use super::conflict::as_range;
use crate::clusters::catch_all;
use crate::config::{Chain, ChainMatch, Filter, Listener};
use crate::service::UNSPECIFIED;
use crate::sidecar::Scope;

pub(super) fn listener(entry: Entry, scope: &Scope) -> Listener {
    let mut matching = entry.chains.iter().map(|chain| &chain.matching);
    let has_names = matching.clone().any(|of| !of.server_names.is_empty());
    let has_http = matching.any(|of| of.is_for_http);
    let mut binds = entry.binds.into_iter();
    let mut listener = Listener {
        address: binds.next().unwrap_or_default(),
        extra_addresses: binds.collect(),
        port: entry.port.number,
        has_tls_inspector: has_names,
        has_http_inspector: has_http,
        chains: Vec::new(),
        default: None,
    };
    for chain in entry.chains {
        if matches_all(&chain.matching) {
            listener.default = Some(Chain {
                matching: ChainMatch::default(),
                ..chain
            });
        } else {
            listener.chains.push(Chain {
                matching: as_sent(&chain.matching),
                ..chain
            });
        }
    }
    if listener.default.is_none() {
        listener.default = Some(Chain {
            matching: ChainMatch::default(),
            filter: Filter::Tcp(vec![(catch_all(scope), 1)]),
            object: None,
        });
    } else if listener.chains.is_empty() {
        listener.chains.extend(listener.default.take());
    }
    listener
}

/// `isMatchAll`.
fn matches_all(of: &ChainMatch) -> bool {
    let has_all_names =
        of.server_names.is_empty() || of.server_names.iter().any(|name| name == "*");
    has_all_names && !of.is_for_http && of.ranges.is_empty()
}

/// `toFilterChainMatch`.
fn as_sent(of: &ChainMatch) -> ChainMatch {
    let mut server_names = of.server_names.clone();
    server_names.sort();
    if server_names.iter().any(|name| name == "*") {
        server_names.clear();
    }
    let mut ranges: Vec<String> = of
        .ranges
        .iter()
        .filter_map(|range| as_range(range))
        .filter(|range| range.addr().to_string() != UNSPECIFIED)
        .map(|range| range.to_string())
        .collect();
    ranges.sort();
    ChainMatch {
        server_names,
        ranges,
        is_for_http: of.is_for_http,
    }
}
