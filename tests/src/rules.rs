//! Istio's rules for the outbound connections of a pod, written from its settings in the order in
//! which Istio writes them.
//!
//! This knows nothing of the agent, and that is its point: `tests/differential` gives the rules to
//! a kernel and compares what the kernel does with what the agent expects.
//!
//! The chains of `istio-iptables` changed three times in a way that shows: 1.18, 1.23 and 1.25
//! ([`iptables`]); the native ones of 1.27 and later have their own form ([`nftables`]), and so
//! have those of ambient mode ([`ambient`]).
//!
//! Left out is what cannot change where a new connection goes: conntrack zones for DNS over UDP
//! (table raw; each zone asks the nat table anew), marks for TPROXY and the dropping of invalid
//! packets (table mangle), interfaces of virtual machines (traffic that does not start in the pod).

pub mod ambient;
pub mod iptables;
pub mod nftables;

use std::{fmt::Write as _, net::IpAddr, ops::RangeInclusive};

/// The proxy's own ports, which are never captured on the way in.
pub const PROXY_PORTS: [u16; 3] = [15090, 15021, 15020];
/// Where DNS questions go that the proxy answers.
pub const DNS_LISTENER: u16 = 15053;

/// The settings of a sidecar's rules: `istio-iptables`' flags and variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSettings {
    /// Istio 1.`minor`.
    pub minor: u16,
    /// Whether the pod's addresses ask for IPv6 rules.
    pub ipv6: bool,
    /// `-p`.
    pub proxy_port: u16,
    /// `-z`.
    pub inbound_port: u16,
    /// `-e`.
    pub tunnel_port: u16,
    /// `-u`.
    pub proxy_uids: Vec<u32>,
    /// `-g`.
    pub proxy_gids: Vec<u32>,
    /// `-c`.
    pub exclude_interfaces: Vec<String>,
    /// `-o`.
    pub exclude_ports: Vec<RangeInclusive<u16>>,
    /// `ISTIO_OUTBOUND_OWNER_GROUPS`; `None` is `*`.
    pub include_groups: Option<Vec<u32>>,
    /// `ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE`.
    pub exclude_groups: Vec<u32>,
    /// Which DNS questions the proxy gets.
    pub dns: DnsRules,
    /// `ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR`.
    pub loopback: String,
    /// `-x`.
    pub exclude: Vec<String>,
    /// `-q`.
    pub include_ports: Vec<RangeInclusive<u16>>,
    /// `-i`; `None` is `*`.
    pub include: Option<Vec<String>>,
}

impl Default for RuleSettings {
    /// What the injector does when nobody asked for anything.
    fn default() -> Self {
        Self {
            minor: 30,
            ipv6: true,
            proxy_port: 15001,
            inbound_port: 15006,
            tunnel_port: 15008,
            proxy_uids: vec![1337],
            proxy_gids: vec![1337],
            exclude_interfaces: Vec::new(),
            exclude_ports: Vec::new(),
            include_groups: None,
            exclude_groups: Vec::new(),
            dns: DnsRules::Off,
            loopback: "127.0.0.1/32".to_owned(),
            exclude: Vec::new(),
            include_ports: Vec::new(),
            include: None,
        }
    }
}

/// DNS capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsRules {
    Off,
    /// `CAPTURE_ALL_DNS`, and istio-cni.
    All,
    /// The pod's nameservers.
    Servers(Vec<IpAddr>),
}

/// One address family; `iptables` has one rule set for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    pub const fn restore_command(self) -> &'static str {
        match self {
            Self::V4 => "iptables-restore",
            Self::V6 => "ip6tables-restore",
        }
    }

    /// Where the proxy's own inbound connections come from.
    const fn inbound_source(self) -> &'static str {
        match self {
            Self::V4 => "127.0.0.6/32",
            Self::V6 => "::6/128",
        }
    }

    fn has(self, range: &str) -> bool {
        (self == Self::V6) == range.contains(':')
    }

    fn of(self, ranges: &[String]) -> impl Iterator<Item = &String> {
        ranges.iter().filter(move |range| self.has(range))
    }
}

impl RuleSettings {
    /// What counts as localhost: the variable is read from 1.21 on, and for IPv4 only.
    fn localhost(&self, family: Family) -> &str {
        match family {
            Family::V4 if self.minor >= 21 => &self.loopback,
            Family::V4 => "127.0.0.1/32",
            Family::V6 => "::1/128",
        }
    }

    /// Whether DNS shows in the rules at all: from 1.8 on.
    fn has_dns(&self) -> bool {
        self.minor >= 8
            && match &self.dns {
                DnsRules::Off => false,
                DnsRules::All => true,
                DnsRules::Servers(servers) => !servers.is_empty(),
            }
    }

    /// The destinations of DNS rules: the nameservers of a family, or `None` once for any.
    fn dns_destinations(&self, family: Family) -> Vec<Option<String>> {
        match &self.dns {
            DnsRules::Servers(servers) => {
                let length = if family == Family::V4 { 32 } else { 128 };
                let of_family = servers
                    .iter()
                    .filter(|ip| ip.is_ipv6() == (family == Family::V6));
                of_family.map(|ip| Some(format!("{ip}/{length}"))).collect()
            }
            DnsRules::All => vec![None],
            DnsRules::Off => Vec::new(),
        }
    }

    /// Istio looks at a range's own address only: `0.0.0.0/0` is not loopback. From 1.7 on.
    fn includes_loopback(&self) -> bool {
        let mut included = self.include.iter().flatten();
        self.minor >= 7
            && included.any(|range| {
                let address = range.split('/').next().map(str::parse::<IpAddr>);
                address.is_some_and(|ip| ip.is_ok_and(|ip| ip.is_loopback()))
            })
    }

    /// The settings as a person would give them to `istio-iptables`.
    pub fn command_line(&self, joint: char) -> String {
        let mut line = match &self.dns {
            DnsRules::Off => String::new(),
            DnsRules::All => "ISTIO_META_DNS_CAPTURE=true CAPTURE_ALL_DNS=true ".to_owned(),
            DnsRules::Servers(ips) => {
                format!("ISTIO_META_DNS_CAPTURE=true (nameservers {}) ", join(ips))
            }
        };
        if let Some(groups) = &self.include_groups {
            line += &format!("ISTIO_OUTBOUND_OWNER_GROUPS={} ", join(groups));
        }
        if !self.exclude_groups.is_empty() {
            let groups = join(&self.exclude_groups);
            line += &format!("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE={groups} ");
        }
        line + &format!(
            "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR={} istio-iptables (1.{}, IPv6 {}) -p {} -z {} -e {} \
             -u {} -g {} -i '{}' -x '{}' -q '{}' -o '{}' -c '{}'",
            self.loopback,
            self.minor,
            if self.ipv6 { "on" } else { "off" },
            self.proxy_port,
            self.inbound_port,
            self.tunnel_port,
            join(&self.proxy_uids),
            join(&self.proxy_gids),
            self.include_text(),
            self.exclude.join(","),
            ports_text(&self.include_ports, joint),
            ports_text(&self.exclude_ports, joint),
            self.exclude_interfaces.join(","),
        )
    }

    /// The value of `-i`.
    pub fn include_text(&self) -> String {
        self.include
            .as_ref()
            .map_or_else(|| "*".to_owned(), |ranges| ranges.join(","))
    }
}

/// A list of ports as the rules' language has it: `8000:9000` for iptables, `8000-9000` for nft.
pub fn ports_text(ports: &[RangeInclusive<u16>], joint: char) -> String {
    join(ports.iter().map(|range| port_text(range, joint)))
}

fn port_text(range: &RangeInclusive<u16>, joint: char) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}{joint}{}", range.start(), range.end())
    }
}

pub(crate) fn join<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for item in items {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}{}", item.to_string()).expect("writing to a String cannot fail");
    }
    text
}
