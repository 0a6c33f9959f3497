//! Which filter chain takes a connection: address, then name, then transport and protocol. What was chosen
//! at one step is never given up at the next.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Says;
use crate::config::{Chain, Listener};

/// Nothing if none of them does; then the listener's default does.
pub(super) fn find<'a>(listener: &'a Listener, to: IpAddr, says: &Says) -> Option<&'a Chain> {
    let by_address = by_address(&listener.chains, to);
    let is_tls = listener.has_tls_inspector && matches!(says, Says::Tls(_));
    let mut name = String::new();
    if let Says::Tls(Some(said)) = says
        && is_tls
    {
        name = said.to_ascii_lowercase();
    }
    let by_name = by_name(&by_address, &name);
    let of_http: Vec<&Chain> = by_name
        .iter()
        .copied()
        .filter(|chain| chain.matching.is_for_http)
        .collect();
    if !is_tls && !of_http.is_empty() {
        // These are for everything that is not TLS; what is no HTTP is nobody's.
        let is_http = listener.has_http_inspector && matches!(says, Says::Http(_));
        return of_http.into_iter().find(|_| is_http);
    }
    by_name
        .into_iter()
        .find(|chain| !chain.matching.is_for_http)
}

/// Those with the narrowest range that has the address, else those without ranges.
fn by_address(chains: &[Chain], to: IpAddr) -> Vec<&Chain> {
    let narrowest = chains
        .iter()
        .flat_map(ranges)
        .filter(|range| range.contains(&to))
        .max_by_key(IpNet::prefix_len);
    chains
        .iter()
        .filter(|chain| match narrowest {
            Some(narrowest) => ranges(chain).any(|range| range == narrowest),
            None => chain.matching.ranges.is_empty(),
        })
        .collect()
}

pub(super) fn ranges(chain: &Chain) -> impl Iterator<Item = IpNet> {
    chain
        .matching
        .ranges
        .iter()
        .filter_map(|range| range.parse::<IpNet>().ok())
        .map(|range| range.trunc())
}

/// Those with the name, else with the longest wildcard for it, else those without names.
fn by_name<'a>(chains: &[&'a Chain], name: &str) -> Vec<&'a Chain> {
    let mut wanted = vec![name.to_owned()];
    let dots = name.char_indices().filter(|(at, of)| *at > 0 && *of == '.');
    wanted.extend(dots.map(|(at, _)| format!("*{}", &name[at..])));
    for wanted in wanted.iter().filter(|wanted| !wanted.is_empty()) {
        let found: Vec<&Chain> = chains
            .iter()
            .copied()
            .filter(|chain| chain.matching.server_names.contains(wanted))
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    chains
        .iter()
        .copied()
        .filter(|chain| chain.matching.server_names.is_empty())
        .collect()
}
