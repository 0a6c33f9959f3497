//! Hosts in an order in which those below a name are beside each other.

use std::{collections::BTreeMap, ops::Bound};

use crate::vocabulary::Host;

/// Hosts, each with how often it is there, by their labels from right to left.
#[derive(Clone, Debug, Default)]
pub(super) struct Reversed {
    hosts: BTreeMap<Box<str>, (Host, usize)>,
}

impl Reversed {
    pub(super) fn insert(&mut self, host: &Host) {
        let key = key(host);
        let known = self.hosts.entry(key).or_insert_with(|| (host.clone(), 0));
        known.1 += 1;
    }

    pub(super) fn remove(&mut self, host: &Host) {
        let key = key(host);
        if let Some((_, n)) = self.hosts.get_mut(&key) {
            *n -= 1;
            if *n == 0 {
                self.hosts.remove(&key);
            }
        }
    }

    /// The hosts below a wildcard; none for a host that is none.
    pub(super) fn below(&self, host: &Host) -> impl Iterator<Item = &Host> {
        let is_asked = host.wildcard && !self.hosts.is_empty();
        let below = is_asked.then(|| {
            let from = reversed(&host.name, ".");
            let start = (Bound::Included(&*from), Bound::Unbounded);
            let all = self.hosts.range::<str, _>(start);
            all.take_while(move |(key, _)| key.starts_with(&*from))
        });
        below.into_iter().flatten().map(|(_, (host, _))| host)
    }
}

/// A wildcard's star comes last.
fn key(host: &Host) -> Box<str> {
    reversed(&host.name, if host.wildcard { ".*" } else { "" })
}

/// The labels of a name from right to left, and what is to follow.
fn reversed(name: &str, end: &str) -> Box<str> {
    let mut text = String::with_capacity(name.len() + end.len());
    for label in name.rsplit('.') {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(label);
    }
    text.push_str(end);
    text.into()
}
