//! Something for each host, found by the names that hosts stand for.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::vocabulary::{Host, host_name::parents};

/// Something for each host, found by the names that the hosts stand for.
#[derive(Clone, Debug)]
pub(super) struct ByHost<T> {
    exact: HashMap<Arc<str>, T>,
    /// By the name that the wildcard is below.
    wildcard: HashMap<Arc<str>, T>,
}

impl<T> Default for ByHost<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
        }
    }
}

impl<T> ByHost<T> {
    /// What there is for this very host.
    pub(super) fn get(&self, host: &Host) -> Option<&T> {
        self.side(host.wildcard).get(&host.name)
    }

    /// What there is for `name` itself, or for the wildcard directly below it.
    pub(super) fn at(&self, name: &str, wildcard: bool) -> Option<&T> {
        self.side(wildcard).get(name)
    }

    /// What there is for hosts that stand for `name`: for the name, then for the wildcards above
    /// it, the longest first. As many steps as the name has labels.
    pub(super) fn covering<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s T> {
        self.nearest(name, false)
    }

    /// The same for a host that may itself be a wildcard, the one below `name`.
    pub(super) fn nearest<'s>(&'s self, name: &str, wildcard: bool) -> impl Iterator<Item = &'s T> {
        let own = self.at(name, wildcard).into_iter();
        own.chain(parents(name).filter_map(|parent| self.wildcard.get(parent)))
    }

    fn side(&self, wildcard: bool) -> &HashMap<Arc<str>, T> {
        if wildcard {
            &self.wildcard
        } else {
            &self.exact
        }
    }
}

impl<T: Default> ByHost<T> {
    /// Changes what there is for a host, which is forgotten where `change` says so.
    pub(super) fn change(
        &mut self,
        host: &Host,
        change: impl FnOnce(&mut T),
        empty: fn(&T) -> bool,
    ) {
        let side = if host.wildcard {
            &mut self.wildcard
        } else {
            &mut self.exact
        };
        let value = side.entry(Arc::clone(&host.name)).or_default();
        change(value);
        if empty(value) {
            side.remove(&host.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn the_name_comes_before_the_wildcards_and_the_longest_of_these_first() {
        let mut hosts = ByHost::<String>::default();
        for text in ["*.com", "*.foo.com", "a.foo.com", "*.a.foo.com"] {
            hosts.change(
                &host(text),
                |value| text.clone_into(value),
                String::is_empty,
            );
        }
        let covering = |name| hosts.covering(name).map(String::as_str).collect::<Vec<_>>();
        assert_eq!(covering("a.foo.com"), ["a.foo.com", "*.foo.com", "*.com"]);
        assert_eq!(covering("foo.com"), ["*.com"]);
        assert_eq!(covering("com"), [""; 0]);
        hosts.change(&host("*.foo.com"), String::clear, String::is_empty);
        assert_eq!(hosts.get(&host("*.foo.com")), None);
    }
}
