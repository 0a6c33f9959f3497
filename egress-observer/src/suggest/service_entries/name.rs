//! Names of objects: readable, valid, each once in its namespace, and the same every time.

use std::collections::BTreeSet;

/// The most bytes that a name may have.
const MOST: usize = 253;

/// Names that are taken, by namespace.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<(String, String)>,
}

impl Names {
    /// A name that somebody else has.
    pub(super) fn take(&mut self, namespace: &str, name: &str) {
        self.taken.insert((namespace.to_owned(), name.to_owned()));
    }

    /// A name for a host: its own with dashes for dots, or, where another has that, with a suffix
    /// that follows from the host alone.
    pub(super) fn name(&mut self, namespace: &str, host: &str, kind: &str) -> String {
        let base = match host.strip_prefix("*.") {
            Some(domain) => format!("wildcard-{domain}"),
            None => host.to_owned(),
        };
        let base = base.replace('.', "-");
        let mut name = shortened(&base, kind);
        let mut hash = fnv(host.as_bytes(), 0xcbf2_9ce4_8422_2325);
        while !self.taken.insert((namespace.to_owned(), name.clone())) {
            let suffix = format!("{kind}-{:05x}", hash & 0xf_ffff);
            name = shortened(&base, &suffix);
            hash = fnv(host.as_bytes(), hash);
        }
        name
    }
}

/// The longest beginning of a name that leaves room for the rest.
fn shortened(base: &str, suffix: &str) -> String {
    let room = MOST.saturating_sub(suffix.len());
    let base: String = base.chars().take(room).collect();
    format!("{}{suffix}", base.trim_end_matches('-'))
}

/// FNV-1a: the same in every version of Rust, unlike the standard library's.
fn fnv(bytes: &[u8], start: u64) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use egress_observer_istio::vocabulary::host_name::is_label;

    use super::*;

    #[test]
    fn a_name_that_is_taken_has_a_suffix_that_stays() {
        let mut names = Names::default();
        names.take("shop", "www-baidu-com");
        let first = names.name("shop", "www.baidu.com", "");
        assert_eq!(names.name("bank", "www.baidu.com", ""), "www-baidu-com");
        assert!(first.starts_with("www-baidu-com-"), "{first}");
        let mut again = Names::default();
        again.take("shop", "www-baidu-com");
        assert_eq!(again.name("shop", "www.baidu.com", ""), first);
        // Another host that is written the same.
        let other = again.name("shop", "www-baidu.com", "");
        assert_ne!(other, first);
    }

    #[test]
    fn names_are_valid_however_long_the_host_is() {
        let host = format!("{}.test", ["a".repeat(60).as_str(); 4].join("."));
        let mut names = Names::default();
        let all = [
            names.name("shop", &host, "-tcp"),
            names.name("shop", &host, "-tcp"),
            names.name("shop", "*.example.com", ""),
        ];
        for name in &all {
            assert!(name.len() <= MOST, "{name}");
            assert!(
                name.split('.')
                    .all(|part| part.len() > 63 || is_label(part))
            );
        }
        assert!(all[0].ends_with("-tcp"));
        assert_ne!(all[0], all[1]);
        assert_eq!(all[2], "wildcard-example-com");
    }
}
