//! Which outbound connections a sidecar's rules capture: a pure function of what the rules were
//! made from and of the connection.
//!
//! The rules are those of Istio's `tools/istio-iptables/pkg/capture/run.go` (chain `ISTIO_OUTPUT`)
//! and `tools/istio-nftables/pkg/capture/run.go` (chain `istio-output`), from Istio 1.5 on. A test
//! compares them with a kernel that has such rules.

pub mod ambient;
pub mod flags;
mod ranges;
mod rule;
mod spans;
mod version;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

pub use self::ranges::{elements, prefix};
#[cfg(test)]
pub use self::ranges::{ports, ranges};
pub use self::{
    ranges::{ListError, PortRange, Ports, Ranges},
    rule::{Rule, Setting},
    version::Version,
};
use crate::vocabulary::{Expected, Protocol, Reason};

/// What a pod's rules were made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureConfig {
    /// Istio's version; `None` if it cannot be told.
    pub version: Option<Version>,
    /// What the rules were made with.
    pub backend: Backend,
    /// Whether there are rules for IPv6.
    pub ipv6: bool,
    /// Where captured connections go.
    pub proxy_port: u16,
    /// Where the proxy's connections to its own pod go.
    pub inbound_port: u16,
    /// HBONE: the proxy's tunnel to itself is never looped back.
    pub tunnel_port: u16,
    /// Users whose connections are never captured: the proxy's. In the order of the rules.
    pub proxy_uids: Vec<u32>,
    /// Groups whose connections are never captured.
    pub proxy_gids: Vec<u32>,
    /// Devices over which nothing is captured.
    pub exclude_interfaces: Vec<String>,
    /// Ports never to capture.
    pub exclude_ports: Ports,
    /// Whose connections are captured, by group.
    pub owner_groups: OwnerGroups,
    /// Which DNS the proxy answers, if any.
    pub dns: Option<DnsCapture>,
    /// What counts as IPv4's localhost.
    pub loopback: Ipv4Net,
    /// Destinations not to capture.
    pub exclude: Ranges,
    /// Ports to capture wherever they lead, excluded ranges apart.
    pub include_ports: Ports,
    /// Destinations to capture.
    pub include: Ranges,
}

impl Default for CaptureConfig {
    /// Istio's defaults: everything but the proxy's own.
    fn default() -> Self {
        Self {
            version: Some(Version::CURRENT),
            backend: Backend::Iptables,
            ipv6: false,
            proxy_port: 15_001,
            inbound_port: 15_006,
            tunnel_port: 15_008,
            proxy_uids: vec![1337],
            proxy_gids: vec![1337],
            exclude_interfaces: Vec::new(),
            exclude_ports: Ports::default(),
            owner_groups: OwnerGroups::default(),
            dns: None,
            loopback: Ipv4Net::from(Ipv4Addr::LOCALHOST),
            exclude: Ranges::default(),
            include_ports: Ports::default(),
            include: Ranges::all(),
        }
    }
}

/// What rules see of a port: ports of one kind are treated alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortKind {
    excluded: Option<u32>,
    included: Option<u32>,
    dns: bool,
    tunnel: bool,
}

impl PortKind {
    /// What the rules made from this see; without any, those of ambient mode.
    pub fn new(config: Option<&CaptureConfig>, port: u16) -> Self {
        Self {
            excluded: config.and_then(|config| config.exclude_ports.first(port)),
            included: config.and_then(|config| config.include_ports.first(port)),
            dns: port == DNS_PORT,
            tunnel: config.is_some_and(|config| config.tunnel_port == port),
        }
    }
}

/// What rules are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// `iptables-restore` and `ip6tables-restore`: without IPv6 rules there is no rule for IPv6.
    #[default]
    Iptables,
    /// `nft` with tables of family `inet`: rules without addresses are for IPv6, too, always.
    Nftables,
}

impl Backend {
    /// By `--native-nftables`, which the injector renders from `global.nativeNftables`.
    pub const fn of(native_nftables: bool) -> Self {
        if native_nftables {
            Self::Nftables
        } else {
            Self::Iptables
        }
    }
}

/// `ISTIO_OUTBOUND_OWNER_GROUPS` and `.._EXCLUDE`: whose connections are captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerGroups {
    /// Only these, if given.
    pub include: Option<Vec<u32>>,
    /// None of these; counts only where `include` is not given.
    pub exclude: Vec<u32>,
    /// Groups given by name. Their numbers stand in the proxy image's `/etc/group`.
    pub named: Vec<String>,
}

/// Which DNS questions go to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsCapture {
    /// All.
    All,
    /// Those to the pod's nameservers.
    Nameservers {
        /// As far as they are known.
        known: Vec<IpAddr>,
        /// Whether there may be others.
        others: bool,
    },
}

/// A connection as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Dialled<'a> {
    /// Destination before any NAT.
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
    /// The address that the socket is bound to, if it is known to be bound.
    pub source: Option<IpAddr>,
    /// The device that it leaves by, where that is known; for loopback it is.
    pub interface: Option<&'a str>,
}

/// What the rules do with a connection, and which one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What they do.
    pub expected: Expected,
    /// The kind of rule, or what is missing to tell.
    pub reason: Reason,
    /// The listener that gets a captured connection, where it is known.
    pub port: Option<u16>,
    /// The rule itself.
    pub rule: Rule,
}

impl Decision {
    const fn captured(reason: Reason, port: u16, rule: Rule) -> Self {
        Self {
            expected: Expected::Captured,
            reason,
            port: Some(port),
            rule,
        }
    }

    /// Nothing redirects it.
    pub const fn direct(reason: Reason, rule: Rule) -> Self {
        Self {
            expected: Expected::Direct,
            reason,
            port: None,
            rule,
        }
    }

    /// It cannot be told.
    pub const fn unknown(reason: Reason, rule: Rule) -> Self {
        Self {
            expected: Expected::Unknown,
            reason,
            port: None,
            rule,
        }
    }

    /// What is certain when either may be: the common part, and otherwise the reason why it is
    /// open.
    pub fn or(self, other: Self, open: Reason, rule: Rule) -> Self {
        if self.expected == other.expected && self.port == other.port {
            return other;
        }
        if self.expected == other.expected {
            return Self {
                port: None,
                reason: open,
                rule,
                ..self
            };
        }
        Self::unknown(open, rule)
    }
}

/// Where DNS questions go that the proxy answers.
pub const DNS_LISTENER: u16 = 15_053;
const DNS_PORT: u16 = 53;
const LOOPBACK_DEVICE: &str = "lo";

/// Applies the rules in their order; the first that fits decides. Rules that hold an address are
/// there for IPv6 only if the pod got rules for it.
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
        ip: canonical(dialled.ip),
        ..*dialled
    };
    if let Some(version) = config.version {
        return Chain::new(config, &dialled, version).decide();
    }
    let [newest, older @ ..] = Version::REGIMES;
    let decide = |version| Chain::new(config, &dialled, version).decide();
    older.into_iter().fold(decide(newest), |decision, version| {
        decide(version).or(decision, Reason::UnknownVersion, Rule::Version)
    })
}

/// The address that a packet to it carries: IPv4 for IPv4-mapped, loopback for unspecified.
fn canonical(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
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

    /// Rules 8 to 11.
    fn by_address(&self) -> Decision {
        let (config, ip) = (self.config, self.dialled.ip);
        if self.to_localhost {
            return Decision::direct(Reason::Loopback, Rule::Localhost);
        }
        let place = |ranges: &Ranges| self.addresses.then(|| ranges.first(ip)).flatten();
        if let Some(place) = place(&config.exclude) {
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
        } else if let Some(place) = place(&config.include) {
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

#[cfg(test)]
mod tests;
