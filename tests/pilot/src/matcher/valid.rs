//! Listeners that Envoy refuses: two filter chains with the same match, names that are none.

use std::collections::BTreeSet;

use super::chains::ranges;
use crate::config::{Chain, Config, Listener};

/// Those that it accepts.
pub(super) fn listeners(config: &Config) -> Vec<&Listener> {
    config
        .listeners
        .iter()
        .filter(|listener| is_valid(listener))
        .collect()
}

fn is_valid(listener: &Listener) -> bool {
    let mut seen = BTreeSet::new();
    listener.chains.iter().all(|chain| {
        let keys = keys(chain);
        let is_new = keys.iter().all(|key| !seen.contains(key));
        seen.extend(keys);
        is_new && chain.matching.server_names.iter().all(|name| is_name(name))
    })
}

/// Every combination that the chain stands for.
fn keys(chain: &Chain) -> BTreeSet<(String, String, bool)> {
    let ranges: Vec<_> = ranges(chain).map(|range| range.to_string()).collect();
    let [ranges, names] = [ranges, chain.matching.server_names.clone()].map(|mut texts| {
        if texts.is_empty() {
            texts.push(String::new());
        }
        texts
    });
    let mut keys = BTreeSet::new();
    for range in &ranges {
        for name in &names {
            keys.insert((range.clone(), name.clone(), chain.matching.is_for_http));
        }
    }
    keys
}

/// A wildcard stands for whole labels alone.
fn is_name(name: &str) -> bool {
    !name.contains('*') || name.starts_with("*.") && !name[1..].contains('*')
}
