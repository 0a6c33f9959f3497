//! Host names as Istio compares them (`pkg/config/host/name.go` and `names.go`).

use std::collections::BTreeMap;

/// Whether it starts with `*`.
pub(crate) fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// Whether one covers the other, in either direction (`Name.Matches`).
pub(crate) fn matches(one: &str, other: &str) -> bool {
    match (is_wildcard(one), is_wildcard(other)) {
        (true, true) if one.len() < other.len() => other[1..].ends_with(&one[1..]),
        (true, true) => one[1..].ends_with(&other[1..]),
        (true, false) => other.ends_with(&one[1..]),
        (false, true) => one.ends_with(&other[1..]),
        (false, false) => one == other,
    }
}

/// Whether `one` is covered by `other` (`Name.SubsetOf`).
pub(crate) fn is_subset(one: &str, other: &str) -> bool {
    match (is_wildcard(one), is_wildcard(other)) {
        (true, true) => one.len() >= other.len() && one[1..].ends_with(&other[1..]),
        (true, false) => false,
        (false, true) => one.ends_with(&other[1..]),
        (false, false) => one == other,
    }
}

/// Whether the first is the more specific one (`MoreSpecific`): exact before wildcards, long before short.
pub(crate) fn is_more_specific(one: &str, other: &str) -> bool {
    match (is_wildcard(one), is_wildcard(other)) {
        (true, false) => false,
        (false, true) => true,
        (true, true) | (false, false) if one.len() == other.len() => one < other,
        (true, true) | (false, false) => one.len() > other.len(),
    }
}

/// What the most specific of the hosts stands for (`MostSpecificHostMatch` in `pilot/pkg/model/config.go`).
pub(crate) fn most_specific<'a, T>(
    host: &str,
    exact: &'a BTreeMap<String, T>,
    wildcards: &'a BTreeMap<String, T>,
) -> Option<&'a T> {
    let known = if is_wildcard(host) { wildcards } else { exact };
    if let Some(found) = known.get(host) {
        return Some(found);
    }
    let end = host.strip_prefix('*').unwrap_or(host);
    let mut best: Option<(&String, &T)> = None;
    for (candidate, value) in wildcards {
        let is_better = best.is_none_or(|(so_far, _)| is_more_specific(candidate, so_far));
        if end.ends_with(&candidate[1..]) && is_better {
            best = Some((candidate, value));
        }
    }
    best.map(|(_, value)| value)
}

/// A name that has no dot, made whole (`ResolveShortnameToFQDN`).
pub(crate) fn resolved(host: &str, namespace: &str, cluster_domain: &str) -> String {
    let is_whole = host.is_empty()
        || host == "*"
        || host.contains('.')
        || host.parse::<std::net::IpAddr>().is_ok();
    if is_whole {
        return host.to_owned();
    }
    format!("{host}.{namespace}.svc.{cluster_domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_in_either_direction_and_are_subsets_in_one() {
        for (one, other, both, subset) in [
            ("foo.com", "foo.com", true, true),
            ("foo.com", "bar.com", false, false),
            ("*.com", "foo.com", true, false),
            ("bar.com", "*.com", true, true),
            ("*.foo.com", "foo.com", false, false),
            ("*", "foo.com", true, false),
            ("*", "*.com", true, false),
            ("*.foo.com", "*.com", true, true),
            ("*.com", "*.foo.com", true, false),
        ] {
            assert_eq!(matches(one, other), both, "{one} and {other}");
            assert_eq!(is_subset(one, other), subset, "{one} in {other}");
        }
    }

    #[test]
    fn the_longest_wildcard_is_the_most_specific() {
        let exact = BTreeMap::from([("a.b.com".to_owned(), 1)]);
        let wildcards = BTreeMap::from([("*.com".to_owned(), 2), ("*.b.com".to_owned(), 3)]);
        for (host, found) in [
            ("a.b.com", Some(1)),
            ("c.b.com", Some(3)),
            ("c.com", Some(2)),
            ("*.c.b.com", Some(3)),
            ("*.com", Some(2)),
            ("c.org", None),
        ] {
            assert_eq!(
                most_specific(host, &exact, &wildcards).copied(),
                found,
                "{host}"
            );
        }
    }
}
