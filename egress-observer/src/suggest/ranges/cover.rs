//! Ranges for addresses: merged, covered, compared.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Ranges that hold what the given ones hold, no two of which overlap, IPv4 first.
pub(super) fn merged(ranges: impl IntoIterator<Item = IpNet>) -> Vec<IpNet> {
    let ranges: Vec<IpNet> = ranges.into_iter().map(|range| range.trunc()).collect();
    let mut merged = IpNet::aggregate(&ranges);
    merged.sort();
    merged
}

/// Whether ranges that are [`merged`] hold a whole range.
pub(super) fn hold(merged: &[IpNet], range: &IpNet) -> bool {
    merged.iter().any(|one| one.contains(range))
}

/// Whether they hold a part of it.
pub(super) fn touch(ranges: &[IpNet], range: &IpNet) -> bool {
    ranges
        .iter()
        .any(|one| one.contains(range) || range.contains(one))
}

/// The version of IP that a range is of.
pub(super) const fn version(range: &IpNet) -> u8 {
    match range {
        IpNet::V4(_) => 4,
        IpNet::V6(_) => 6,
    }
}

/// Ranges as text.
pub(super) fn joined(ranges: &[IpNet], separator: &str) -> String {
    let texts: Vec<_> = ranges.iter().map(ToString::to_string).collect();
    texts.join(separator)
}

/// The shortest prefixes that a range may have.
#[derive(Clone, Copy)]
pub(super) struct Widest {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

/// The fewest ranges that hold all addresses, none of them wider than allowed: each is the smallest
/// around what it holds.
pub(super) fn cover(addresses: impl IntoIterator<Item = IpAddr>, widest: Widest) -> Vec<IpNet> {
    let mut sorted = merged(addresses.into_iter().map(IpNet::from));
    sorted.sort();
    let mut cover: Vec<IpNet> = Vec::new();
    // In their order, what shares a prefix stands together.
    for range in sorted {
        let joined = cover.last().and_then(|last| join(last, &range));
        match joined {
            Some(joined) if joined.prefix_len() >= limit(&joined, widest) => {
                cover.pop();
                cover.push(joined);
            }
            _ => cover.push(range),
        }
    }
    cover
}

const fn limit(range: &IpNet, widest: Widest) -> u8 {
    match range {
        IpNet::V4(_) => widest.v4,
        IpNet::V6(_) => widest.v6,
    }
}

/// The smallest range around two of one family.
fn join(a: &IpNet, b: &IpNet) -> Option<IpNet> {
    match (a, b) {
        (IpNet::V4(a), IpNet::V4(b)) => {
            let differing = u32::from(a.network()) ^ u32::from(b.network());
            let common = narrow(differing.leading_zeros());
            let length = common.min(a.prefix_len()).min(b.prefix_len());
            let joined = Ipv4Net::new(a.network(), length).ok()?;
            Some(joined.trunc().into())
        }
        (IpNet::V6(a), IpNet::V6(b)) => {
            let differing = u128::from(a.network()) ^ u128::from(b.network());
            let common = narrow(differing.leading_zeros());
            let length = common.min(a.prefix_len()).min(b.prefix_len());
            let joined = Ipv6Net::new(a.network(), length).ok()?;
            Some(joined.trunc().into())
        }
        (IpNet::V4(_), IpNet::V6(_)) | (IpNet::V6(_), IpNet::V4(_)) => None,
    }
}

/// A number of bits, at most 128.
fn narrow(bits: u32) -> u8 {
    u8::try_from(bits).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace()
            .map(|net| net.parse().unwrap())
            .collect()
    }

    #[test]
    fn overlaps_and_host_bits_are_merged_away() {
        let merged = merged(nets("10.7.240.0/20 fd00::1/8 10.4.0.1/14 192.168.0.0/16"));
        assert_eq!(merged, nets("10.4.0.0/14 192.168.0.0/16 fd00::/8"));
    }

    #[test]
    fn a_cover_is_the_smallest_around_its_addresses_up_to_a_width() {
        let cases = [
            (
                "10.96.0.1 10.96.0.10 10.104.7.7 10.111.255.9",
                12,
                "10.96.0.0/12",
            ),
            ("10.96.0.1 172.20.0.10", 12, "10.96.0.1/32 172.20.0.10/32"),
            ("10.244.1.4 10.244.1.7", 16, "10.244.1.4/30"),
            ("10.0.12.5 10.0.45.7 fd00::1", 16, "10.0.0.0/18 fd00::1/128"),
            ("", 16, ""),
        ];
        for (addresses, v4, expected) in cases {
            let addresses = addresses.split_whitespace().map(|ip| ip.parse().unwrap());
            let found = cover(addresses, Widest { v4, v6: 64 });
            assert_eq!(found, nets(expected));
        }
    }

    proptest! {
        #[test]
        fn a_cover_holds_every_address(addresses in prop::collection::vec(any::<u32>(), 0..30), v4 in 0_u8..=32) {
            let addresses: Vec<IpAddr> = addresses
                .into_iter()
                .map(|ip| std::net::Ipv4Addr::from(ip).into())
                .collect();
            let cover = cover(addresses.iter().copied(), Widest { v4, v6: 0 });
            for ip in addresses {
                prop_assert!(cover.iter().any(|range| range.contains(&ip)));
            }
            for range in cover {
                prop_assert!(range.prefix_len() >= v4);
            }
        }
    }
}
