//! Hosts in an order in which those below a name are beside each other.

use std::{collections::BTreeMap, iter, ops::Bound};

use hashbrown::HashMap;

use crate::vocabulary::{Host, host_name::parents};

/// Hosts, each with how often it is there, by their labels from right to left.
#[derive(Clone, Debug, Default)]
pub(super) struct Reversed {
    hosts: BTreeMap<Box<str>, (Host, usize)>,
    /// How many hosts are below each name: below most there are none, which is soon told by this.
    n_below: HashMap<String, usize>,
}

impl Reversed {
    pub(super) fn insert(&mut self, host: &Host) {
        let known = self.hosts.entry(key(host));
        let (_, n) = known.or_insert_with(|| (host.clone(), 0));
        *n += 1;
        if *n == 1 {
            for name in above(host) {
                *self.n_below.entry_ref(name).or_default() += 1;
            }
        }
    }

    pub(super) fn remove(&mut self, host: &Host) {
        let key = key(host);
        let Some((_, n)) = self.hosts.get_mut(&key) else {
            return;
        };
        *n -= 1;
        if *n > 0 {
            return;
        }
        self.hosts.remove(&key);
        for name in above(host) {
            if let Some(n) = self.n_below.get_mut(name) {
                *n -= 1;
                if *n == 0 {
                    self.n_below.remove(name);
                }
            }
        }
    }

    /// The hosts below a wildcard, itself among them; none for a host that is none.
    pub(super) fn below(&self, host: &Host) -> impl Iterator<Item = &Host> {
        let is_any = host.wildcard && self.n_below.contains_key(&*host.name);
        let below = is_any.then(|| {
            let from = reversed(&host.name, ".");
            let start = (Bound::Included(&*from), Bound::Unbounded);
            let all = self.hosts.range::<str, _>(start);
            all.take_while(move |(key, _)| key.starts_with(&*from))
        });
        below.into_iter().flatten().map(|(_, (host, _))| host)
    }
}

/// The names that a host is below.
fn above(host: &Host) -> impl Iterator<Item = &str> {
    let own = host.wildcard.then_some(&*host.name);
    iter::chain(own, parents(&host.name))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_wildcard_is_what_it_stands_for_and_itself_as_long_as_it_is_there() {
        let host = |text| Host::parse(text).unwrap();
        let mut hosts = Reversed::default();
        let all = [
            "foo.com",
            "a.foo.com",
            "*.foo.com",
            "*.b.foo.com",
            "afoo.com",
        ];
        all.iter()
            .chain(&all[1..2])
            .for_each(|it| hosts.insert(&host(it)));
        let below = |hosts: &Reversed, text| -> Vec<String> {
            hosts.below(&host(text)).map(Host::to_string).collect()
        };
        let foo = ["*.foo.com", "a.foo.com", "*.b.foo.com"];
        assert_eq!(below(&hosts, "*.foo.com"), foo);
        assert_eq!(below(&hosts, "*.com").len(), 5);
        assert_eq!(below(&hosts, "foo.com"), [""; 0]);
        assert_eq!(below(&hosts, "*.org"), [""; 0]);
        hosts.remove(&host("a.foo.com"));
        assert_eq!(below(&hosts, "*.foo.com"), foo);
        all[1..].iter().for_each(|it| hosts.remove(&host(it)));
        assert_eq!(below(&hosts, "*.foo.com"), [""; 0]);
        assert_eq!(below(&hosts, "*.com"), ["foo.com"]);
        hosts.remove(&host("foo.com"));
        assert!(hosts.hosts.is_empty() && hosts.n_below.is_empty());
    }
}
