//! ExternalName Services are other names of services (`resolveServiceAliases` in
//! `pilot/pkg/model/push_context.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Resolution, Service};

/// Tells each service its other names.
pub(super) fn resolve(services: &mut [Service]) {
    let targets: BTreeMap<String, String> = services
        .iter()
        .filter(|service| service.resolution == Resolution::Alias)
        .filter_map(|service| Some((service.host.clone(), service.external_name.clone()?)))
        .collect();
    let mut names: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for service in services.iter() {
        if service.resolution != Resolution::Alias {
            continue;
        }
        if let Some(end) = end_of(&service.host, &targets) {
            names
                .entry(end)
                .or_default()
                .push((service.namespace.clone(), service.host.clone()));
        }
    }
    for service in services.iter_mut() {
        if let Some(aliases) = names.get_mut(&service.host) {
            aliases.sort();
            service.aliases = aliases.iter().map(|(_, host)| host.clone()).collect();
        }
    }
}

/// Nothing for names in a circle.
fn end_of(host: &str, targets: &BTreeMap<String, String>) -> Option<String> {
    let mut seen = BTreeSet::from([host]);
    let mut at = host;
    while let Some(next) = targets.get(at) {
        if !seen.insert(next) {
            return None;
        }
        at = next;
    }
    Some(at.to_owned())
}
