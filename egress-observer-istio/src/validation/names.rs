//! Which texts Istio takes for names, addresses and paths (`pkg/config/labels/instance.go`,
//! `pkg/config/validation/agent/validation.go`).

use std::net::{IpAddr, Ipv6Addr};

/// What a Unix socket's address begins with.
pub(super) const UNIX: &str = "unix://";

/// A label of RFC 1123; Istio also takes upper case (`IsDNS1123Label`).
pub(super) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    bytes.len() <= 63
        && ends
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// The first label of a host: a label, a star, or a label behind `*` or `*-`
/// (`IsWildcardDNS1123Label`).
fn is_first_label(text: &str) -> bool {
    text.len() <= 63
        && match text.strip_prefix('*') {
            Some("") => true,
            Some(rest) => is_label(rest.strip_prefix('-').unwrap_or(rest)),
            None => is_label(text),
        }
}

/// Why a host, which may be a wildcard, is none; nothing for one (`ValidateWildcardDomain`).
pub(super) fn wildcard_fault(host: &str) -> Option<String> {
    length_fault(host).or_else(|| {
        let (first, rest) = host
            .split_once('.')
            .map_or((host, None), |(a, b)| (a, Some(b)));
        if is_first_label(first) {
            labels_fault(rest?)
        } else {
            Some(label_message(first))
        }
    })
}

/// Why a text is no whole name without wildcard; nothing for one (`ValidateFQDN`).
pub(super) fn fqdn_fault(name: &str) -> Option<String> {
    length_fault(name).or_else(|| labels_fault(name))
}

/// `CheckDNS1123Preconditions`.
fn length_fault(name: &str) -> Option<String> {
    match name.len() {
        0 => Some("it is empty".to_owned()),
        1..=255 => None,
        n => Some(format!("it has {n} characters, and a name has at most 255")),
    }
}

/// `ValidateDNS1123Labels`: a dot may end a name.
fn labels_fault(name: &str) -> Option<String> {
    let last = name.rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!(
            "its last label `{last}` is a number, as in an address"
        ));
    }
    // What stands behind the dot of `name.`.
    if name.is_empty() {
        return None;
    }
    let mut labels = name.strip_suffix('.').unwrap_or(name).split('.');
    labels.find(|label| !is_label(label)).map(label_message)
}

fn label_message(label: &str) -> String {
    if label.is_empty() {
        return "a label of it is empty".to_owned();
    }
    if label.len() > 63 {
        return format!("its label `{label}` has more than 63 characters");
    }
    format!("its label `{label}` has other characters than letters, digits and inner dashes")
}

/// Whether a star stands elsewhere than in a label of its own at the beginning
/// (`ValidatePartialWildCard`).
pub(super) fn is_partial_wildcard(host: &str) -> bool {
    host.contains('*') && host.len() != 1 && !host.starts_with("*.")
}

/// An address as Go's `netip.ParseAddr` reads it, which knows zones of IPv6.
pub(super) fn is_ip(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// An address, or a range in CIDR form; host bits are allowed (`ValidateIPSubnet`).
pub(super) fn is_subnet(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return is_ip(text);
    };
    let max = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let plain = bits.bytes().all(|byte| byte.is_ascii_digit());
    plain
        && (bits == "0" || !bits.starts_with('0'))
        && bits.parse().is_ok_and(|bits: u8| bits <= max)
}

/// Why a path, or the name of an abstract socket, is none for a Unix socket; nothing for one
/// (`ValidateUnixAddress`).
pub(super) fn unix_fault(path: &str) -> Option<&'static str> {
    match path {
        "" => Some("the path of the socket is missing"),
        path if path.starts_with('@') => None,
        path if !path.starts_with('/') => Some("the path of the socket is relative"),
        path if path.ends_with('/') => Some("the path is that of a directory"),
        _ => None,
    }
}

/// Whether a protocol is one that Istio knows, in whatever case; an empty one is guessed from what
/// the connection carries (`ValidateProtocol`, `Parse` in `pkg/config/protocol/instance.go`).
pub(super) fn is_protocol(text: &str) -> bool {
    const KNOWN: [&str; 13] = [
        "",
        "tcp",
        "udp",
        "grpc",
        "grpc-web",
        "http",
        "http_proxy",
        "http2",
        "https",
        "tls",
        "mongo",
        "redis",
        "mysql",
    ];
    KNOWN.iter().any(|known| known.eq_ignore_ascii_case(text))
}

/// A key of labels: a name, with a DNS name and a slash before it if it is somebody's
/// (`validateTagKey`).
pub(super) fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label))
        && !name.is_empty()
        && name.len() <= 63
        && is_label_value(name)
}

/// A value of labels, which may be empty.
pub(super) fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.into_iter().flatten().all(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_with_a_star_at_most_at_the_beginning() {
        let good = [
            "a.test",
            "A.Test",
            "short",
            "a.test.",
            "*",
            "*.a.test",
            "*a.test",
            "*-a.test",
            "1.a",
            "123",
            "xn--bcher-kva.test",
        ];
        for host in good {
            assert_eq!(wildcard_fault(host), None, "{host}");
        }
        let long = format!("{}.test", "a".repeat(64));
        let bad = [
            "",
            ".",
            "-",
            "a_b.test",
            "-a.test",
            "a-.test",
            "a..test",
            "a.*.test",
            "10.0.0.1",
            "a.1",
            "2001:db8::1",
            "*.*.test",
            "a b.test",
            "bücher.test",
            "http://a.test",
            &*long,
        ];
        for host in bad {
            assert!(wildcard_fault(host).is_some(), "{host}");
        }
        for host in ["*", "*.a.test", "*a.test"] {
            assert!(fqdn_fault(host).is_some(), "{host}");
        }
    }

    #[test]
    fn addresses_and_ranges_are_as_go_reads_them() {
        for text in [
            "10.0.0.1",
            "2001:db8::",
            "::1",
            "fe80::1%eth0",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_ip(text) && is_subnet(text), "{text}");
        }
        for text in ["10.0.0.0/8", "172.16.2.16/16", "2001:db8::/32", "0.0.0.0/0"] {
            assert!(is_subnet(text) && !is_ip(text), "{text}");
        }
        let bad = [
            "",
            "10.0.0",
            "10.0.0.01",
            "10.0.0.1:80",
            "a.test",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "fe80::1%",
            "10.0.0.1%eth0",
            "fe80::%eth0/64",
            "[::1]",
        ];
        for text in bad {
            assert!(!is_subnet(text), "{text}");
        }
    }

    #[test]
    fn labels_have_keys_and_values() {
        for key in [
            "app",
            "app.kubernetes.io/name",
            "A_b.c",
            "security.istio.io/tlsMode",
        ] {
            assert!(is_label_key(key), "{key}");
        }
        for key in ["", "/a", "a/", "-a", "a b", "a/b/c", "x_y/a"] {
            assert!(!is_label_key(key), "{key}");
        }
        for (value, expected) in [("", true), ("v1.2_b", true), ("-", false), ("a b", false)] {
            assert_eq!(is_label_value(value), expected, "{value}");
        }
    }
}
