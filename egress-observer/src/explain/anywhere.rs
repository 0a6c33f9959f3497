//! What is said where only a name is given, and the address that it leads to decides.

use std::net::{IpAddr, Ipv4Addr};

use egress_observer_istio::{
    injection::setup::Setup,
    judgement::{Asker, Endpoint},
};
use ipnet::IpNet;

use super::destination::To;

/// How many ranges are named.
const NAMED: usize = 4;

/// What the answer rests on where it holds as the name is public.
pub(super) fn rests_on(to: &To) -> String {
    let host = to.host.as_deref().unwrap_or_default();
    format!(
        "rests on this: {host} is a public name, and those lead to no link-local address \
         (169.254.0.0/16, fe80::/10), for which the rules have another answer; if the pod does resolve \
         it to one, give that: --to {host}@IP:{}",
        to.port
    )
}

/// What the rules do at addresses in the lists and elsewhere, in words; nothing if that is the same.
pub(super) fn cases(asker: &Asker<'_>, setup: &Setup, to: &Endpoint) -> Option<String> {
    let config = setup.config()?;
    let listed: Vec<&IpNet> = config
        .exclude
        .list()
        .iter()
        .chain(config.include.list())
        .collect();
    let mut cases: Vec<String> = listed
        .iter()
        .take(NAMED)
        .map(|range| format!("in {range} {}", at(asker, range.network(), to)))
        .collect();
    if listed.len() > NAMED {
        cases.push(format!("{} ranges more", listed.len() - NAMED));
    }
    let somewhere = [Ipv4Addr::new(1, 0, 0, 0), Ipv4Addr::new(203, 0, 113, 0)];
    let mut somewhere = somewhere.map(IpAddr::from).into_iter();
    if let Some(ip) = somewhere.find(|ip| !listed.iter().any(|range| range.contains(ip))) {
        cases.push(format!("anywhere else {}", at(asker, ip, to)));
    }
    (cases.len() > 1).then(|| format!("by its address: {}", cases.join("; ")))
}

fn at(asker: &Asker<'_>, ip: IpAddr, to: &Endpoint) -> String {
    let decision = asker.applied_at(ip, to);
    format!("{} ({})", decision.expected, decision.reason)
}
