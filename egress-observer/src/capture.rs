//! Which outbound connections a sidecar's rules capture: a pure function of the pod's capture
//! settings and the connection.
//!
//! The rules are those of Istio's `tools/istio-iptables/pkg/capture/run.go`, chain `ISTIO_OUTPUT`,
//! as of Istio 1.25.

pub(crate) mod flags;
mod ranges;

use std::net::IpAddr;

pub use self::ranges::{PortRange, RangeError, Ranges, parse_ports, parse_ranges};
use crate::model::{Expected, Protocol, Reason};

/// What a pod's rules were made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureConfig {
    /// Users whose connections are never captured: the proxy's. In the order of the rules.
    pub proxy_uids: Vec<u32>,
    /// Groups whose connections are never captured.
    pub proxy_gids: Vec<u32>,
    /// Destinations to capture.
    pub include: Ranges,
    /// Destinations not to capture.
    pub exclude: Ranges,
    /// Ports to capture wherever they lead, excluded ranges apart.
    pub include_ports: Vec<PortRange>,
    /// Ports never to capture.
    pub exclude_ports: Vec<PortRange>,
    /// Whether there are rules for IPv6.
    pub ipv6: bool,
    /// Whether the proxy answers DNS.
    pub dns_capture: bool,
}

impl Default for CaptureConfig {
    /// Istio's defaults: everything but the proxy's own.
    fn default() -> Self {
        Self {
            proxy_uids: vec![1337],
            proxy_gids: vec![1337],
            include: Ranges::All,
            exclude: Ranges::default(),
            include_ports: Vec::new(),
            exclude_ports: Vec::new(),
            ipv6: false,
            dns_capture: false,
        }
    }
}

/// A connection as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Dialled<'a> {
    /// Destination before any NAT; never IPv4-mapped.
    pub ip: IpAddr,
    /// Destination port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
    /// File system user id of whoever created the socket.
    pub uid: u32,
    /// File system group id of whoever created the socket.
    pub gid: u32,
    /// The pod's own addresses, which are reached over loopback.
    pub own: &'a [IpAddr],
}

/// What the rules do with a connection, and which one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What they do.
    pub expected: Expected,
    /// The rule.
    pub reason: Reason,
}

const fn captured(reason: Reason) -> Decision {
    Decision {
        expected: Expected::Captured,
        reason,
    }
}

const fn direct(reason: Reason) -> Decision {
    Decision {
        expected: Expected::Direct,
        reason,
    }
}

const fn unknown(reason: Reason) -> Decision {
    Decision {
        expected: Expected::Unknown,
        reason,
    }
}

const DNS_PORT: u16 = 53;
/// HBONE: the proxy's tunnel to itself is never looped back.
const TUNNEL_PORT: u16 = 15_008;

/// Applies the rules in their order; the first that fits decides.
///
/// 1. IPv6 without IPv6 rules is direct.
/// 2. An excluded port is direct, TCP or UDP.
/// 3. For each proxy user, then for each proxy group: the proxy dialling its own pod goes to the
///    inbound listener; anybody else over loopback is direct, unless a loopback range is included;
///    what the proxy dials is direct.
/// 4. DNS, where the proxy answers it, depends on the resolver asked.
/// 5. 127.0.0.1 and ::1 are direct, and so is all that is not TCP.
/// 6. An excluded range is direct.
/// 7. An included port, and then an included range, is captured.
/// 8. Everything else is direct.
pub fn decide(config: &CaptureConfig, dialled: &Dialled<'_>) -> Decision {
    let Dialled {
        ip, port, protocol, ..
    } = *dialled;
    if ip.is_ipv6() && !config.ipv6 {
        return direct(Reason::NoIpv6Rules);
    }
    let among = |ports: &[PortRange]| ports.iter().any(|range| range.contains(&port));
    if among(&config.exclude_ports) {
        return direct(Reason::ExcludedPort);
    }
    if let Some(decision) = owner_rules(config, dialled) {
        return decision;
    }
    if config.dns_capture && port == DNS_PORT {
        return unknown(Reason::DnsCapture);
    }
    if is_localhost(ip) {
        return direct(Reason::Loopback);
    }
    if protocol != Protocol::Tcp {
        return direct(Reason::NotTcp);
    }
    if config.exclude.contains(ip) {
        return direct(Reason::ExcludedRange);
    }
    if among(&config.include_ports) {
        return captured(Reason::IncludedPort);
    }
    if config.include.contains(ip) {
        return captured(Reason::IncludedRange);
    }
    direct(Reason::NotIncluded)
}

/// Rule 3.
fn owner_rules(config: &CaptureConfig, dialled: &Dialled<'_>) -> Option<Decision> {
    let Dialled {
        ip,
        port,
        protocol,
        uid,
        gid,
        own,
    } = *dialled;
    let over_loopback = ip.is_loopback() || own.contains(&ip);
    let loopback_included = config.include.names_loopback();
    let users = config.proxy_uids.iter().map(|proxy| (*proxy, uid));
    let groups = config.proxy_gids.iter().map(|proxy| (*proxy, gid));
    for (proxy, owner) in users.chain(groups) {
        let to_itself = over_loopback
            && !is_localhost(ip)
            && protocol == Protocol::Tcp
            && port != TUNNEL_PORT
            && owner == proxy;
        if to_itself {
            return Some(unknown(Reason::ProxyUid));
        }
        if over_loopback && !loopback_included && owner != proxy {
            return Some(direct(Reason::Loopback));
        }
        if owner == proxy {
            return Some(direct(Reason::ProxyUid));
        }
    }
    None
}

fn is_localhost(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip == std::net::Ipv4Addr::LOCALHOST,
        IpAddr::V6(ip) => ip == std::net::Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(include: &str, exclude: &str) -> CaptureConfig {
        CaptureConfig {
            include: parse_ranges(include).unwrap(),
            exclude: parse_ranges(exclude).unwrap(),
            ..CaptureConfig::default()
        }
    }

    fn to(address: &str, port: u16) -> Dialled<'static> {
        Dialled {
            ip: address.parse().unwrap(),
            port,
            protocol: Protocol::Tcp,
            uid: 1000,
            gid: 1000,
            own: &[],
        }
    }

    #[test]
    fn a_star_captures_every_address() {
        assert_eq!(
            decide(&config("*", ""), &to("8.8.8.8", 80)),
            captured(Reason::IncludedRange)
        );
    }

    #[test]
    fn an_empty_include_list_captures_nothing() {
        assert_eq!(
            decide(&config("", ""), &to("8.8.8.8", 80)),
            direct(Reason::NotIncluded)
        );
    }

    #[test]
    fn excluded_ranges_win_over_included_ports_and_these_over_ranges() {
        let mut config = config("10.0.0.0/8", "10.1.0.0/16");
        config.include_ports = parse_ports("443").unwrap();
        assert_eq!(
            decide(&config, &to("10.1.2.3", 443)),
            direct(Reason::ExcludedRange)
        );
        assert_eq!(
            decide(&config, &to("8.8.8.8", 443)),
            captured(Reason::IncludedPort)
        );
        assert_eq!(
            decide(&config, &to("10.2.2.3", 80)),
            captured(Reason::IncludedRange)
        );
        assert_eq!(
            decide(&config, &to("8.8.8.8", 80)),
            direct(Reason::NotIncluded)
        );
    }

    #[test]
    fn excluded_ports_win_over_everything() {
        let mut config = config("*", "");
        config.include_ports = parse_ports("443").unwrap();
        config.exclude_ports = parse_ports("443").unwrap();
        assert_eq!(
            decide(&config, &to("8.8.8.8", 443)),
            direct(Reason::ExcludedPort)
        );
    }

    #[test]
    fn the_proxy_is_never_captured_by_user_or_by_group() {
        let config = config("*", "");
        let by_user = Dialled {
            uid: 1337,
            ..to("8.8.8.8", 80)
        };
        let by_group = Dialled {
            gid: 1337,
            ..to("8.8.8.8", 80)
        };
        assert_eq!(decide(&config, &by_user), direct(Reason::ProxyUid));
        assert_eq!(decide(&config, &by_group), direct(Reason::ProxyUid));
    }

    #[test]
    fn loopback_and_the_own_address_are_direct() {
        let config = config("*", "");
        let own = ["10.0.0.5".parse().unwrap()];
        assert_eq!(
            decide(&config, &to("127.0.0.1", 80)),
            direct(Reason::Loopback)
        );
        assert_eq!(
            decide(&config, &to("127.0.0.2", 80)),
            direct(Reason::Loopback)
        );
        let to_self = Dialled {
            own: &own,
            ..to("10.0.0.5", 80)
        };
        assert_eq!(decide(&config, &to_self), direct(Reason::Loopback));
    }

    #[test]
    fn an_included_loopback_range_captures_all_but_localhost() {
        let config = config("127.0.0.0/8", "");
        assert_eq!(
            decide(&config, &to("127.0.0.2", 80)),
            captured(Reason::IncludedRange)
        );
        assert_eq!(
            decide(&config, &to("127.0.0.1", 80)),
            direct(Reason::Loopback)
        );
    }

    #[test]
    fn udp_is_never_captured() {
        let udp = Dialled {
            protocol: Protocol::Udp,
            ..to("8.8.8.8", 443)
        };
        assert_eq!(decide(&config("*", ""), &udp), direct(Reason::NotTcp));
    }

    #[test]
    fn dns_is_open_where_the_proxy_answers_it() {
        let config = CaptureConfig {
            dns_capture: true,
            ..config("*", "")
        };
        let udp = Dialled {
            protocol: Protocol::Udp,
            ..to("10.96.0.10", 53)
        };
        assert_eq!(decide(&config, &udp), unknown(Reason::DnsCapture));
    }

    #[test]
    fn ipv6_needs_rules_of_its_own() {
        let without = config("*", "");
        let with = CaptureConfig {
            ipv6: true,
            ..without.clone()
        };
        assert_eq!(
            decide(&without, &to("2001:db8::1", 80)),
            direct(Reason::NoIpv6Rules)
        );
        assert_eq!(
            decide(&with, &to("2001:db8::1", 80)),
            captured(Reason::IncludedRange)
        );
        let v4_only = CaptureConfig {
            ipv6: true,
            ..config("0.0.0.0/0", "")
        };
        assert_eq!(
            decide(&v4_only, &to("2001:db8::1", 80)),
            direct(Reason::NotIncluded)
        );
    }
}
