//! Whether two setups make the same rules.

use ipnet::IpNet;

use super::setup::Membership;
use crate::rules::{CaptureConfig, PortRange, Ports, Ranges};

/// Whether two setups make the same rules; `None` if one is not known. Versions and the order of
/// lists do not matter.
pub(super) fn same(a: &Membership, b: &Membership) -> Option<bool> {
    use Membership as M;
    Some(match (a, b) {
        (M::Unknown(_), _) | (_, M::Unknown(_)) => return None,
        (M::Sidecar(a), M::Sidecar(b)) => same_rules(a, b),
        (M::Outside(_), M::Outside(_)) | (M::NotRedirected, M::NotRedirected) => true,
        (M::Ambient(a), M::Ambient(b)) => a == b,
        (M::Sidecar(_) | M::NotRedirected | M::Ambient(_) | M::Outside(_), _) => false,
    })
}

fn same_rules(a: &CaptureConfig, b: &CaptureConfig) -> bool {
    same_ranges(&a.include, &b.include)
        && same_ranges(&a.exclude, &b.exclude)
        && sorted_ports(&a.include_ports) == sorted_ports(&b.include_ports)
        && sorted_ports(&a.exclude_ports) == sorted_ports(&b.exclude_ports)
        && without_lists(a) == without_lists(b)
}

fn same_ranges(a: &Ranges, b: &Ranges) -> bool {
    a.is_all() == b.is_all() && sorted_ranges(a) == sorted_ranges(b)
}

fn sorted_ranges(ranges: &Ranges) -> Vec<IpNet> {
    let mut list: Vec<_> = ranges.list().iter().map(IpNet::trunc).collect();
    list.sort_unstable();
    list.dedup();
    list
}

fn sorted_ports(ports: &Ports) -> Vec<(u16, u16)> {
    let mut list: Vec<_> = ports.list().iter().map(ends).collect();
    list.sort_unstable();
    list.dedup();
    list
}

fn ends(range: &PortRange) -> (u16, u16) {
    (*range.start(), *range.end())
}

/// Everything that has no order.
fn without_lists(config: &CaptureConfig) -> CaptureConfig {
    CaptureConfig {
        version: None,
        include: Ranges::default(),
        exclude: Ranges::default(),
        include_ports: Ports::default(),
        exclude_ports: Ports::default(),
        ..config.clone()
    }
}
