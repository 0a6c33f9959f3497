//! Host names and the patterns that stand for many of them.

use std::{borrow::Cow, collections::HashMap, fmt, iter, sync::Arc};

/// A host as an object names it: one name, or everything below one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Host {
    /// In lower case; without the `*.` of a wildcard.
    pub(super) name: Arc<str>,
    pub(super) wildcard: bool,
}

impl Host {
    /// Reads `foo.com` or `*.foo.com`. A star anywhere else is no host (`ValidateWildcardDomain` in
    /// `pkg/config/validation/validation.go`), and neither is a star alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = normal(text);
        let (name, wildcard) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (&*text, false),
        };
        let readable = !name.is_empty() && !name.contains('*');
        readable.then(|| Self {
            name: name.into(),
            wildcard,
        })
    }

    /// The same for objects that may use the short name of a Service in their own namespace
    /// (`ResolveShortnameToFQDN` in `pilot/pkg/model/config.go`).
    pub(super) fn parse_short(text: &str, namespace: &str) -> Option<Self> {
        if text.contains(['.', '*']) {
            Self::parse(text)
        } else {
            Self::parse(&service_name(text, namespace))
        }
    }

    /// Whether this name is below `parent`. `foo.com` is not below itself.
    fn is_below(name: &str, parent: &str) -> bool {
        name.strip_suffix(parent)
            .is_some_and(|rest| rest.ends_with('.'))
    }

    /// Whether it stands for a name.
    pub(super) fn stands_for(&self, name: &str) -> bool {
        if self.wildcard {
            Self::is_below(name, &self.name)
        } else {
            *self.name == *name
        }
    }

    /// Whether everything that this host stands for is also meant by `outer` (`Name.SubsetOf` in
    /// `pkg/config/host/name.go`).
    pub(super) fn is_within(&self, outer: &Self) -> bool {
        if self.wildcard {
            self == outer || (outer.wildcard && outer.stands_for(&self.name))
        } else {
            outer.stands_for(&self.name)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wildcard { "*." } else { "" })?;
        f.write_str(&self.name)
    }
}

/// A name in the spelling that is compared: lower case, no trailing dot.
pub(super) fn normal(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// What a Service is called in the whole cluster.
pub(super) fn service_name(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc.cluster.local")
}

/// The whole name of a Service that a client in `namespace` may have meant (`GenerateAltVirtualHosts`
/// in `pilot/pkg/networking/core/httproute.go`).
pub(super) fn unabbreviated(name: &str, namespace: &str) -> Option<String> {
    match name.bytes().filter(|byte| *byte == b'.').count() {
        0 => Some(service_name(name, namespace)),
        1 => Some(format!("{name}.svc.cluster.local")),
        2 if name.ends_with(".svc") => Some(format!("{name}.cluster.local")),
        _ => None,
    }
}

/// Something for each host, found by the names that the hosts stand for.
#[derive(Debug)]
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
        let wider = iter::successors(parent(name), |name| parent(name));
        own.chain(wider.filter_map(|parent| self.wildcard.get(parent)))
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

fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn a_host_is_a_name_or_everything_below_one() {
        assert_eq!(host("A.Test.").to_string(), "a.test");
        assert_eq!(host("*.Foo.com").to_string(), "*.foo.com");
        for bad in ["", "*", "*.", "a*.foo.com", "*foo.com", "*.*.com"] {
            assert_eq!(Host::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_wildcard_holds_what_is_below_it_but_not_its_own_name() {
        let cases = [
            ("a.foo.com", "*.foo.com", true),
            ("a.b.foo.com", "*.foo.com", true),
            ("*.b.foo.com", "*.foo.com", true),
            ("*.foo.com", "*.foo.com", true),
            ("foo.com", "*.foo.com", false),
            ("barfoo.com", "*.foo.com", false),
            ("*.foo.com", "*.b.foo.com", false),
            ("*.foo.com", "a.foo.com", false),
            ("a.foo.com", "a.foo.com", true),
        ];
        for (inner, outer, expected) in cases {
            assert_eq!(
                host(inner).is_within(&host(outer)),
                expected,
                "{inner} {outer}"
            );
        }
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

    #[test]
    fn short_names_of_services_are_completed() {
        let cases = [
            ("a", Some("a.shop.svc.cluster.local")),
            ("a.b", Some("a.b.svc.cluster.local")),
            ("a.b.svc", Some("a.b.svc.cluster.local")),
            ("a.b.com", None),
        ];
        for (name, expected) in cases {
            assert_eq!(unabbreviated(name, "shop").as_deref(), expected, "{name}");
        }
    }
}
