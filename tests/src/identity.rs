//! Names and ids as Kubernetes makes them, the same for the same seed: a failing run can be
//! repeated.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The letters of Kubernetes' generated names: no vowels, nothing that looks like another.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A container id: 64 hexadecimal digits.
pub fn container_id(seed: &str) -> String {
    (0..4)
        .map(|part| format!("{:016x}", hash(seed, part)))
        .collect()
}

/// A random-looking uid (RFC 9562, version 4).
pub fn uid(seed: &str) -> String {
    let (a, b) = (hash(seed, 0), hash(seed, 1));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | (b >> 48) & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

/// The end of a generated name, such as `d9dqw`.
pub fn suffix(seed: &str, length: usize) -> String {
    let mut rest = hash(seed, 0);
    let letters = (0..length).map(|_| {
        let index = usize::try_from(rest % 27).unwrap_or_default();
        rest /= 27;
        char::from(LETTERS[index])
    });
    letters.collect()
}

fn hash(seed: &str, part: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, part).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_lengths_that_parsers_expect() {
        assert_eq!(container_id("a").len(), 64);
        assert_ne!(container_id("a"), container_id("b"));
        let uid = uid("a");
        let parts: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uid}");
        assert_eq!(suffix("a", 5).len(), 5);
    }
}
