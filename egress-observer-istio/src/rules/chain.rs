//! The way of a connection through the chain `ISTIO_OUTPUT`, version by version
//! (`tools/istio-iptables/pkg/capture/run.go`, `tools/istio-nftables/pkg/capture/run.go`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

use super::{
    backend::Backend,
    config::CaptureConfig,
    decision::Decision,
    dialled::{Dialled, packet_address},
    dns::{DNS_LISTENER, DNS_PORT, DnsCapture},
    ranges::Ranges,
    rule::Rule,
    version::Version,
};
use crate::vocabulary::{Protocol, Reason};

const LOOPBACK_DEVICE: &str = "lo";

/// `decide` applies the rules in their order; the first that fits decides. Rules that hold an
/// address are there for IPv6 only if the pod got rules for it.
///
/// 1. IPv6 without IPv6 rules is direct (iptables; nft goes on).
/// 2. What leaves by an excluded device is direct.
/// 3. An excluded port is direct, TCP or UDP.
/// 4. From 127.0.0.6 or ::6 over loopback: the proxy's own inbound traffic, direct.
/// 5. For each proxy user, then for each proxy group: the proxy dialling its own pod goes to the
///    inbound listener; anybody else over loopback is direct, unless a loopback range is included;
///    what the proxy dials is direct.
/// 6. By the owner's group, where groups are given, it is direct.
/// 7. DNS that the proxy answers is captured.
/// 8. 127.0.0.1 and ::1 are direct.
/// 9. An excluded range is direct.
/// 10. An included port, and then an included range, is captured, if it is TCP.
/// 11. Everything else is direct.
///
/// Where a rule depends on something that is not known, both ways are taken: the answer is what
/// they have in common.
pub fn decide(config: &CaptureConfig, dialled: &Dialled<'_>) -> Decision {
    let dialled = Dialled {
        ip: packet_address(dialled.ip),
        ..*dialled
    };
    if let Some(version) = config.version {
        return Chain::new(config, &dialled, version).decide();
    }
    let [newest, older @ ..] = Version::REGIMES;
    let mut decision = Chain::new(config, &dialled, newest).decide();
    for version in older {
        let other = Chain::new(config, &dialled, version).decide();
        decision = other.or(decision, Reason::UnknownVersion, Rule::Version);
    }
    decision
}

/// One connection's way through the rules of one version.
struct Chain<'a> {
    config: &'a CaptureConfig,
    dialled: &'a Dialled<'a>,
    version: Version,
    /// Whether rules that hold an address are there for this family.
    addresses: bool,
    /// Whether it leaves by the loopback device.
    over_loopback: bool,
    /// Whether it goes to what the rules call localhost.
    to_localhost: bool,
    /// Whether there are rules for DNS.
    dns: bool,
}

impl<'a> Chain<'a> {
    fn new(config: &'a CaptureConfig, dialled: &'a Dialled<'a>, version: Version) -> Self {
        let ip = dialled.ip;
        let addresses = ip.is_ipv4() || config.ipv6;
        // `ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR` is read from 1.21 on.
        let loopback = if version >= Version(21) {
            config.loopback
        } else {
            Ipv4Net::from(Ipv4Addr::LOCALHOST)
        };
        let dns = match &config.dns {
            // Usable from 1.8 on.
            _ if version < Version(8) => false,
            None => false,
            Some(DnsCapture::All) => true,
            Some(DnsCapture::Nameservers { known, others }) => *others || !known.is_empty(),
        };
        Self {
            config,
            dialled,
            version,
            addresses,
            over_loopback: ip.is_loopback() || dialled.own.contains(&ip),
            to_localhost: match ip {
                IpAddr::V4(ip) => loopback.contains(&ip),
                IpAddr::V6(ip) => addresses && ip == Ipv6Addr::LOCALHOST,
            },
            dns,
        }
    }

    fn is_tcp(&self) -> bool {
        self.dialled.protocol == Protocol::Tcp
    }

    /// Rules 1 and 2.
    fn decide(&self) -> Decision {
        let no_rules = !self.addresses && self.config.backend == Backend::Iptables;
        if no_rules {
            return Decision::direct(Reason::NoIpv6Rules, Rule::NoIpv6Rules);
        }
        let excluded = &self.config.exclude_interfaces;
        if excluded.is_empty() {
            return self.output();
        }
        let loopback = self.over_loopback.then_some(LOOPBACK_DEVICE);
        match loopback.or(self.dialled.interface) {
            Some(device) => match excluded.iter().zip(0..).find(|(name, _)| *name == device) {
                Some((_, place)) => {
                    Decision::direct(Reason::ExcludedInterface, Rule::ExcludedInterface(place))
                }
                None => self.output(),
            },
            None if excluded.iter().all(|name| name == LOOPBACK_DEVICE) => self.output(),
            None => {
                let rule = Rule::ExcludedInterface(0);
                let by_it = Decision::direct(Reason::ExcludedInterface, rule);
                by_it.or(self.output(), Reason::ExcludedInterface, rule)
            }
        }
    }

    /// The chain itself. Before 1.23 no UDP comes here; DNS over UDP has rules of its own.
    fn output(&self) -> Decision {
        if !self.is_tcp() && self.version < Version(23) {
            return self.old_udp();
        }
        // Excluded ports are for UDP, too, from 1.25 on.
        if (self.is_tcp() || self.version >= Version(25))
            && let Some(place) = self.config.exclude_ports.first(self.dialled.port)
        {
            return Decision::direct(Reason::ExcludedPort, Rule::ExcludedPort(place));
        }
        let inbound_source = match self.dialled.ip {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6)),
        };
        if self.over_loopback && self.addresses && self.dialled.source == Some(inbound_source) {
            return Decision::direct(Reason::InboundPassthrough, Rule::InboundPassthrough);
        }
        self.by_owner()
            .unwrap_or_else(|| self.by_group(|| self.by_destination()))
    }

    /// Rule 5.
    fn by_owner(&self) -> Option<Decision> {
        let (config, dialled) = (self.config, self.dialled);
        let loopback_included = self.version >= Version(7) && config.include.names_loopback();
        let users = config.proxy_uids.iter().map(|id| (*id, dialled.uid, false));
        let groups = config.proxy_gids.iter().map(|id| (*id, dialled.gid, true));
        for ((proxy, owner, group), place) in users.chain(groups).zip(0..) {
            let is_proxy = owner == proxy;
            // The other rules go by the device alone.
            let to_itself = self.over_loopback && self.addresses && !self.to_localhost;
            let tunnel = self.version >= Version(18) && dialled.port == config.tunnel_port;
            let dns = self.dns && !group && dialled.port == DNS_PORT;
            if is_proxy && to_itself && self.is_tcp() && !tunnel && !dns {
                return Some(Decision::captured(
                    Reason::SelfCall,
                    config.inbound_port,
                    Rule::SelfCall(place),
                ));
            }
            // With DNS capture the rule is for TCP to other ports only: a nameserver may be local.
            let by_this_rule = !self.dns || self.is_tcp() && dialled.port != DNS_PORT;
            if !is_proxy && self.over_loopback && !loopback_included && by_this_rule {
                return Some(Decision::direct(Reason::Loopback, Rule::Loopback(place)));
            }
            if is_proxy {
                return Some(Decision::direct(Reason::ProxyUid, Rule::Proxy(place)));
            }
        }
        None
    }

    /// Rule 6, from 1.14 on, and what comes after it.
    fn by_group(&self, after: impl Fn() -> Decision) -> Decision {
        let groups = &self.config.owner_groups;
        if self.version < Version(14) {
            return after();
        }
        let gid = self.dialled.gid;
        let let_through = Decision::direct(Reason::OwnerGroup, Rule::OwnerGroup);
        let listed = match &groups.include {
            Some(include) => include.contains(&gid),
            None => groups.exclude.contains(&gid),
        };
        match (&groups.include, listed) {
            (Some(_), true) => after(),
            (None, true) => let_through,
            _ if !groups.named.is_empty() => {
                let_through.or(after(), Reason::OwnerGroup, Rule::OwnerGroup)
            }
            (Some(_), false) => let_through,
            (None, false) => after(),
        }
    }

    /// Rules 7 to 11. In 1.23 and 1.24 DNS over UDP comes last.
    fn by_destination(&self) -> Decision {
        if self.is_tcp() || self.version >= Version(25) {
            self.by_dns(|| self.by_address())
        } else {
            let before = self.by_address();
            let decided = matches!(before.reason, Reason::Loopback | Reason::ExcludedRange);
            if decided {
                before
            } else {
                self.by_dns(|| before)
            }
        }
    }

    /// Rule 7.
    fn by_dns(&self, after: impl Fn() -> Decision) -> Decision {
        let ip = self.dialled.ip;
        let is_question = self.dns && self.dialled.port == DNS_PORT;
        // IPv6 from 1.12 on.
        if !is_question || ip.is_ipv6() && self.version < Version(12) {
            return after();
        }
        let captured = Decision::captured(Reason::DnsCapture, DNS_LISTENER, Rule::Dns);
        match &self.config.dns {
            Some(DnsCapture::All) => captured,
            Some(DnsCapture::Nameservers { known, .. })
                if self.addresses && known.contains(&ip) =>
            {
                captured
            }
            Some(DnsCapture::Nameservers { others: true, .. }) if self.addresses => {
                captured.or(after(), Reason::DnsCapture, Rule::Dns)
            }
            Some(DnsCapture::Nameservers { .. }) | None => after(),
        }
    }

    /// The place of the first range that holds the destination, where rules with ranges are there.
    fn first(&self, ranges: &Ranges) -> Option<u32> {
        if self.addresses {
            ranges.first(self.dialled.ip)
        } else {
            None
        }
    }

    /// Rules 8 to 11.
    fn by_address(&self) -> Decision {
        let config = self.config;
        if self.to_localhost {
            return Decision::direct(Reason::Loopback, Rule::Localhost);
        }
        if let Some(place) = self.first(&config.exclude) {
            return Decision::direct(Reason::ExcludedRange, Rule::ExcludedRange(place));
        }
        // Included ports are read from 1.7 on.
        if self.is_tcp()
            && self.version >= Version(7)
            && let Some(place) = config.include_ports.first(self.dialled.port)
        {
            let rule = Rule::IncludedPort(place);
            return Decision::captured(Reason::IncludedPort, config.proxy_port, rule);
        }
        let rule = if config.include.is_all() {
            Rule::IncludedAll
        } else if let Some(place) = self.first(&config.include) {
            Rule::IncludedRange(place)
        } else {
            return Decision::direct(Reason::NotIncluded, Rule::NotIncluded);
        };
        if self.is_tcp() {
            Decision::captured(Reason::IncludedRange, config.proxy_port, rule)
        } else {
            Decision::direct(Reason::NotTcp, rule)
        }
    }

    /// UDP before 1.23: only DNS meets rules, which let the proxy and, by group, others through.
    fn old_udp(&self) -> Decision {
        let other = Decision::direct(Reason::NotTcp, Rule::NotTcp);
        if !self.dns || self.dialled.port != DNS_PORT {
            return other;
        }
        let Dialled { uid, gid, .. } = *self.dialled;
        let proxy = self.config.proxy_uids.contains(&uid) || self.config.proxy_gids.contains(&gid);
        if proxy {
            return Decision::direct(Reason::ProxyUid, Rule::Proxy(0));
        }
        self.by_group(|| self.by_dns(|| other))
    }
}
