//! Host names with wildcards.

/// Whether a host, or a wildcard such as `*.example.com`, and another one have a name in common.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    match (a.strip_prefix('*'), b.strip_prefix('*')) {
        (None, None) => a == b,
        (Some(suffix), None) => covers(suffix, &b),
        (None, Some(suffix)) => covers(suffix, &a),
        (Some(a), Some(b)) => a.ends_with(b) || b.ends_with(a),
    }
}

/// A wildcard stands for at least one character.
fn covers(suffix: &str, host: &str) -> bool {
    host.len() > suffix.len() && host.ends_with(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_what_is_in_front() {
        assert!(overlap("*.foo.com", "a.foo.com"));
        assert!(overlap("A.foo.com", "a.foo.com"));
        assert!(overlap("*", "a.foo.com"));
        assert!(overlap("*.foo.com", "*.a.foo.com"));
        assert!(!overlap("*.foo.com", "foo.com"));
        assert!(!overlap("a.foo.com", "b.foo.com"));
    }
}
