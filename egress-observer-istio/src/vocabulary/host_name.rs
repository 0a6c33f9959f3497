//! How a host's name is spelled: the form that is compared, the short forms of Services' names, and
//! which texts are names at all. Patterns that stand for many names are in [`super::host`].

use std::{borrow::Cow, iter};

/// The domain of a cluster that names no other (`istiod --domain`).
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// A name in the spelling that is compared: lower case, no trailing dot.
pub fn normal(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    // All of it is looked at, which is quicker than to stop at the first.
    let has_upper = |found: bool, byte: u8| found | byte.is_ascii_uppercase();
    if name.bytes().fold(false, has_upper) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The names that a name is below, the longest first.
pub fn parents(name: &str) -> impl Iterator<Item = &str> {
    iter::successors(parent(name), |name| parent(name))
}

/// Bytes are looked at one by one: labels are short, and a search for a character takes longer to begin.
fn parent(name: &str) -> Option<&str> {
    let dot = name.bytes().position(|byte| byte == b'.')?;
    name.get(dot + 1..)
}

/// What a Service is called in the whole cluster (`ServiceHostname` in `pkg/config/kube/conversion.go`).
pub fn service_name(name: &str, namespace: &str, domain: &str) -> String {
    format!("{name}.{namespace}.svc.{domain}")
}

/// The whole name of a Service that a client in `namespace` may have meant by a shorter one
/// (`GenerateAltVirtualHosts` in `pilot/pkg/networking/core/httproute.go`).
pub fn unabbreviated(name: &str, namespace: &str, domain: &str) -> Option<String> {
    match name.bytes().filter(|byte| *byte == b'.').count() {
        0 => Some(service_name(name, namespace, domain)),
        1 => Some(format!("{name}.svc.{domain}")),
        2 if name.ends_with(".svc") => Some(format!("{name}.{domain}")),
        _ => None,
    }
}

/// Whether a name in the spelling of [`normal`] can only be one of the cluster's own: a single
/// label, or below `svc`.
pub fn is_of_cluster(name: &str, domain: &str) -> bool {
    let parent = name
        .strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix(".svc."))
        .unwrap_or_default();
    !name.contains('.') || name.ends_with(".svc") || !parent.is_empty()
}

/// A name that a resolver can be asked for, in the spelling of [`normal`]. DNS itself takes upper
/// case and underscores.
pub fn dns_name(text: &str) -> Option<String> {
    let name = normal(text);
    let known = name.len() <= 253 && name.split('.').all(is_dns_label) && !ends_in_number(&name);
    known.then(|| name.into_owned())
}

/// Whether a name is one that Istio takes for a host (`ValidateFQDN` in
/// `pkg/config/validation/agent/validation.go`): DNS itself is less strict.
pub fn is_istio_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label) && !ends_in_number(name)
}

/// Whether a text is a label of RFC 1123 in lower case, as the names of namespaces are.
pub fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether only digits stand behind the last dot, as in an address and in no name of a host.
pub fn ends_in_number(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_of_services_are_completed() {
        let cases = [
            ("a", Some("a.shop.svc.cluster.local")),
            ("a.b", Some("a.b.svc.cluster.local")),
            ("a.b.svc", Some("a.b.svc.cluster.local")),
            ("a.b.com", None),
        ];
        for (name, expected) in cases {
            assert_eq!(
                unabbreviated(name, "shop", CLUSTER_DOMAIN).as_deref(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn the_clusters_own_names_are_short_or_end_in_svc() {
        for name in ["a", "a.b.svc", "a.b.svc.cluster.local"] {
            assert!(is_of_cluster(name, CLUSTER_DOMAIN), "{name}");
        }
        for name in ["a.b", "svc.test", "a.notsvc", "a.notsvc.cluster.local"] {
            assert!(!is_of_cluster(name, CLUSTER_DOMAIN), "{name}");
        }
    }

    #[test]
    fn dns_takes_names_that_istio_does_not() {
        for name in ["www.baidu.com", "a", "1.a", "xn--bcher-kva.test"] {
            assert!(is_istio_name(name), "{name}");
            assert_eq!(dns_name(name).as_deref(), Some(name));
        }
        for name in ["a_b.test", "-a.test", "a-.test", "A.test", "a.test."] {
            assert!(!is_istio_name(name), "{name}");
            assert_eq!(dns_name(name).as_deref(), Some(&*normal(name)));
        }
        for name in ["", "a..test", "a.1", "*.test", "bücher.test"] {
            assert!(!is_istio_name(name), "{name}");
            assert_eq!(dns_name(name), None, "{name}");
        }
    }
}
