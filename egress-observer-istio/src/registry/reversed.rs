//! Hosts in an order in which those below a name are beside each other.

use std::collections::BTreeMap;

use crate::vocabulary::Host;

/// Hosts, each with how often it is there, by their labels from right to left.
#[derive(Clone, Debug, Default)]
pub(super) struct Reversed {
    hosts: BTreeMap<Box<str>, (Host, usize)>,
}

impl Reversed {
    pub(super) fn insert(&mut self, host: &Host) {
        let key = reversed(&host.name, host.wildcard);
        let known = self.hosts.entry(key).or_insert_with(|| (host.clone(), 0));
        known.1 += 1;
    }

    pub(super) fn remove(&mut self, host: &Host) {
        let key = reversed(&host.name, host.wildcard);
        if let Some((_, n)) = self.hosts.get_mut(&key) {
            *n -= 1;
            if *n == 0 {
                self.hosts.remove(&key);
            }
        }
    }

    /// The hosts below a wildcard; none for a host that is none.
    pub(super) fn below(&self, host: &Host) -> impl Iterator<Item = &Host> {
        let from: Box<str> = format!("{}.", reversed(&host.name, false)).into();
        let all = host.wildcard.then(|| self.hosts.range(from.clone()..));
        let below = all.into_iter().flatten();
        let below = below.take_while(move |(key, _)| key.starts_with(&*from));
        below.map(|(_, (host, _))| host)
    }
}

/// A wildcard's star comes last.
fn reversed(name: &str, wildcard: bool) -> Box<str> {
    let mut labels: Vec<&str> = name.rsplit('.').collect();
    if wildcard {
        labels.push("*");
    }
    labels.join(".").into()
}
