//! The hosts of all entries, to ask of many others whether some entry is about them.

use std::collections::HashSet;

use super::entry::PlacedEntry;
use egress_observer_istio::vocabulary::{host, host_name::normal};

/// The hosts of entries.
#[derive(Default)]
pub(super) struct HostIndex {
    /// In the spelling that is compared.
    hosts: HashSet<String>,
    /// Those that begin with a star and no dot behind it, which are few.
    odd: Vec<String>,
}

impl HostIndex {
    pub(super) fn of(entries: &[PlacedEntry<'_>]) -> Self {
        let hosts = entries.iter().flat_map(|entry| &entry.object.spec.hosts);
        hosts.map(String::as_str).collect()
    }

    /// Whether a host of an entry and this one have a name in common.
    pub(super) fn is_about(&self, asked: &str) -> bool {
        let asked = normal(asked);
        if self.hosts.contains(&*asked) || self.odd.iter().any(|host| host::overlap(host, &asked)) {
            return true;
        }
        let mut dots = asked.match_indices('.');
        let below = dots.any(|(at, _)| self.hosts.contains(&format!("*{}", &asked[at..])));
        below || asked.starts_with('*') && self.hosts.iter().any(|host| host::covers(&asked, host))
    }
}

impl<'h> FromIterator<&'h str> for HostIndex {
    fn from_iter<I: IntoIterator<Item = &'h str>>(hosts: I) -> Self {
        let mut index = Self::default();
        for host in hosts {
            let host = normal(host).into_owned();
            if host.starts_with('*') && !host.starts_with("*.") {
                index.odd.push(host);
            } else {
                index.hosts.insert(host);
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_comparing_all_says() {
        let all = [
            "a.test",
            "*.b.test",
            "*c.test",
            "*",
            "A.D.test.",
            "*.x.y.test",
            ".e",
        ];
        for known in all {
            for asked in all
                .into_iter()
                .chain(["x.b.test", "b.test", "*.test", "xc.test", "d.test"])
            {
                let index: HostIndex = [known].into_iter().collect();
                assert_eq!(
                    index.is_about(asked),
                    host::overlap(known, asked),
                    "{known} {asked}"
                );
            }
        }
    }
}
