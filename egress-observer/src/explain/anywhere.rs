//! The decision where only a name is given: what is the same at every address that it may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use egress_observer_istio::{
    injection::setup::Setup,
    rules::{Decision, Dialled, Ranges, Rule},
    vocabulary::Reason,
};

/// What the rules do at any address of the families that the pod has, its own and loopback apart.
/// They see an address only through ranges, so one address for each stretch between the ends of
/// ranges stands for all. If these differ, it is open, and the address would tell.
pub(super) fn decide(setup: &Setup, dialled: &Dialled<'_>) -> Decision {
    let own = dialled.own;
    let mut addresses: Vec<IpAddr> = Vec::new();
    let config = setup.config();
    let ranges = config.map(|config| [&config.exclude, &config.include]);
    let ends = || {
        let lists = ranges.into_iter().flatten();
        lists.flat_map(Ranges::ends)
    };
    if own.is_empty() || own.iter().any(IpAddr::is_ipv4) {
        // What lies before the first range, and behind loopback.
        let elsewhere = [Ipv4Addr::new(1, 0, 0, 0), Ipv4Addr::new(128, 0, 0, 0)];
        addresses.extend(elsewhere.map(IpAddr::from));
        addresses.extend(ends().filter(IpAddr::is_ipv4));
    }
    if own.iter().any(IpAddr::is_ipv6) {
        addresses.push(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into());
        addresses.extend(ends().filter(IpAddr::is_ipv6));
    }
    let special = |ip: &IpAddr| ip.is_loopback() || ip.is_unspecified() || own.contains(ip);
    let decisions = addresses
        .into_iter()
        .filter(|ip| !special(ip))
        .map(|ip| setup.decide(&Dialled { ip, ..*dialled }));
    // The first one stands for "anywhere else", and says it best where all agree.
    decisions
        .reduce(|first, other| other.or(first, Reason::AddressNeeded, Rule::None))
        .unwrap_or(Decision::unknown(Reason::AddressNeeded, Rule::None))
}

/// How many ranges are named.
const NAMED: usize = 4;

/// What the rules do at addresses in the lists and elsewhere, in words; nothing if that is the same.
pub(super) fn cases(setup: &Setup, dialled: &Dialled<'_>) -> Option<String> {
    let config = setup.config()?;
    let at = |ip: IpAddr| setup.decide(&Dialled { ip, ..*dialled });
    let words = |decision: Decision| format!("{} ({})", decision.expected, decision.reason);
    let listed: Vec<&IpNet> = config
        .exclude
        .list()
        .iter()
        .chain(config.include.list())
        .collect();
    let mut cases: Vec<String> = listed
        .iter()
        .take(NAMED)
        .map(|range| format!("in {range} {}", words(at(range.network()))))
        .collect();
    if listed.len() > NAMED {
        cases.push(format!("{} ranges more", listed.len() - NAMED));
    }
    let free = |ip: &IpAddr| !listed.iter().any(|range| range.contains(ip));
    let somewhere = [Ipv4Addr::new(1, 0, 0, 0), Ipv4Addr::new(203, 0, 113, 0)];
    if let Some(ip) = somewhere.map(IpAddr::from).iter().find(|ip| free(ip)) {
        cases.push(format!("anywhere else {}", words(at(*ip))));
    }
    (cases.len() > 1).then(|| format!("by its address: {}", cases.join("; ")))
}
