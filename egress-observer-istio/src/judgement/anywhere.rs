//! The decision where only a name is given: what is the same at every address that it may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    injection::setup::Setup,
    rules::{Decision, Dialled, Ranges, Rule},
    vocabulary::{NameReach, Reason},
};

/// What the rules do at any address that a name may have of the families that the pod has, its own and
/// loopback apart. They see an address only through ranges, so one address for each stretch between the ends of
/// ranges stands for all. If these differ, the decision is open, and the address would tell.
pub(super) fn decide(setup: &Setup, dialled: &Dialled<'_>, reach: NameReach) -> Decision {
    // The first one stands for "anywhere else", and says it best where all agree.
    addresses(setup, dialled.own)
        .into_iter()
        .filter(|ip| !(ip.is_loopback() || ip.is_unspecified() || dialled.own.contains(ip)))
        .filter(|ip| reach.includes(*ip))
        .map(|ip| setup.decide(&Dialled { ip, ..*dialled }))
        .reduce(|first, other| other.or(first, Reason::AddressNeeded, Rule::None))
        .unwrap_or(Decision::unknown(Reason::AddressNeeded, Rule::None))
}

/// One address of each stretch that ranges tell apart, of the families that `own` has.
fn addresses(setup: &Setup, own: &[IpAddr]) -> Vec<IpAddr> {
    let configs = [setup.config(), setup.before_change.as_deref()];
    let configs = configs.into_iter().flatten();
    let ends: Vec<IpAddr> = configs
        .flat_map(|config| [&config.exclude, &config.include])
        .flat_map(Ranges::ends)
        .collect();
    let mut addresses = Vec::new();
    if own.is_empty() || own.iter().any(IpAddr::is_ipv4) {
        // What lies before the first range, behind loopback, and behind what is link-local.
        let elsewhere = [
            Ipv4Addr::new(1, 0, 0, 0),
            Ipv4Addr::new(128, 0, 0, 0),
            Ipv4Addr::new(169, 255, 0, 0),
        ];
        addresses.extend(elsewhere.map(IpAddr::from));
        addresses.extend(ends.iter().filter(|ip| ip.is_ipv4()));
    }
    if own.iter().any(IpAddr::is_ipv6) {
        addresses.push(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into());
        addresses.push(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0).into());
        addresses.extend(ends.iter().filter(|ip| ip.is_ipv6()));
    }
    addresses
}
