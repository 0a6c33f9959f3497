//! Hosts as objects name them: one name, or a pattern that stands for many. How a name itself is
//! spelled is in [`super::host_name`].

use std::{fmt, sync::Arc};

use super::host_name::{normal, service_name};

/// Whether a host, which is a name or a pattern such as `*.foo.com` or `*`, takes in everything that
/// another one stands for (`Name.SubsetOf` in `pkg/config/host/name.go`). A star stands for at least
/// one character, so `foo.com` is not within `*.foo.com`. Case and a trailing dot make no difference.
pub fn covers(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (normal(outer), normal(inner));
    match (outer.strip_prefix('*'), inner.strip_prefix('*')) {
        (Some(suffix), Some(inner)) => inner.ends_with(suffix),
        (Some(suffix), None) => inner.len() > suffix.len() && inner.ends_with(suffix),
        (None, _) => outer == inner,
    }
}

/// Whether two hosts, each a name or a pattern, have a name in common: then one of them covers the
/// other (`Name.Matches` in `pkg/config/host/name.go`).
pub fn overlap(a: &str, b: &str) -> bool {
    covers(a, b) || covers(b, a)
}

/// A host that was read: one name, or everything below one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// The name in lower case; for a wildcard the one that follows `*.`.
    pub name: Arc<str>,
    /// Whether everything below the name is meant, and not the name itself.
    pub wildcard: bool,
}

impl Host {
    /// Reads `foo.com` or `*.foo.com`. A star alone is no host here, and neither is `*-foo.com`, though
    /// Istio takes it (`ValidateWildcardDomain` in `pkg/config/validation/agent/validation.go`).
    pub fn parse(text: &str) -> Option<Self> {
        let text = normal(text);
        let (name, wildcard) = split(&text);
        let readable = !name.is_empty() && !name.contains('*');
        readable.then(|| Self {
            name: name.into(),
            wildcard,
        })
    }

    /// Reads the same in an object that may use the short name of a Service in its own namespace
    /// (`ResolveShortnameToFQDN` in `pilot/pkg/model/config.go`).
    pub fn parse_short(text: &str, namespace: &str, domain: &str) -> Option<Self> {
        if text.contains(['.', '*']) {
            Self::parse(text)
        } else {
            Self::parse(&service_name(text, namespace, domain))
        }
    }

    /// Whether it stands for a name in the spelling of [`normal`].
    pub fn stands_for(&self, name: &str) -> bool {
        if self.wildcard {
            is_below(name, &self.name)
        } else {
            *self.name == *name
        }
    }

    /// Whether everything that this host stands for is also meant by `outer`: what [`covers`] says
    /// of texts.
    pub fn is_within(&self, outer: &Self) -> bool {
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

/// The name of a host, and whether it is a wildcard below that name.
pub fn split(host: &str) -> (&str, bool) {
    match host.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (host, false),
    }
}

/// Whether this name is below `parent`. `foo.com` is not below itself.
fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .is_some_and(|rest| rest.ends_with('.'))
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
            assert_eq!(covers(outer, inner), expected, "{inner} {outer}");
        }
    }

    #[test]
    fn a_star_alone_covers_everything() {
        for inner in ["a.foo.com", "*.foo.com", "*", "com"] {
            assert!(covers("*", inner), "{inner}");
        }
        assert!(!covers("*.foo.com", "*"));
    }

    #[test]
    fn hosts_overlap_if_one_covers_the_other() {
        let cases = [
            ("*.foo.com", "a.foo.com", true),
            ("A.foo.com", "a.foo.com.", true),
            ("*", "a.foo.com", true),
            ("*.foo.com", "*.a.foo.com", true),
            ("*.foo.com", "foo.com", false),
            ("a.foo.com", "b.foo.com", false),
            ("*.a.foo.com", "*.b.foo.com", false),
        ];
        for (a, b, expected) in cases {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
            assert_eq!(overlap(b, a), expected, "{b} {a}");
        }
    }
}
