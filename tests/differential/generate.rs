//! Configurations and connections, biased to where rules meet: ranges that overlap, ports of the
//! proxy itself, the pod's own addresses, several owners.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use egress_observer_istio::rules::{Backend, Version};
use egress_observer_tests::rules::{self, DnsRules, RuleSettings, ambient};
use ipnet::IpNet;

use crate::{
    place::{self, PORTS},
    random::Random,
};

/// What the rules of a pod are.
#[derive(Clone, Debug)]
pub(crate) enum Rules {
    Sidecar(Backend, Box<RuleSettings>),
    Ambient(ambient::AmbientSettings),
}

/// What the decision is told; the kernel has all of it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Istio's version.
    pub(crate) version: bool,
    /// The device by which a connection leaves.
    pub(crate) device: bool,
    /// How many of the nameservers; the rest are `others`.
    pub(crate) servers: usize,
    /// A group that stands in the rules by number and in the configuration by name.
    pub(crate) named_group: Option<u32>,
}

/// One configuration.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rules: Rules,
    pub(crate) told: Told,
}

impl Plan {
    /// Whether the decision is told everything.
    pub(crate) fn is_open(&self) -> bool {
        let Rules::Sidecar(_, settings) = &self.rules else {
            return true;
        };
        let all_servers = match &settings.dns {
            DnsRules::Servers(servers) => self.told.servers == servers.len(),
            DnsRules::Off | DnsRules::All => true,
        };
        self.told.version && self.told.device && all_servers && self.told.named_group.is_none()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) transport: Transport,
    /// As the application gives it: also IPv4-mapped and unspecified.
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// What the socket is bound to.
    pub(crate) source: Option<IpAddr>,
    /// SO_MARK.
    pub(crate) mark: u32,
}

/// What the run asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) kind: Option<Kind>,
    pub(crate) minor: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// iptables-restore and ip6tables-restore
    Iptables,
    /// nft
    Nftables,
    /// The rules that istio-cni makes for ztunnel
    Ambient,
}

/// Versions, the borders between two sets of rules more than once.
const MINORS: [u16; 31] = [
    5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 17, 18, 18, 19, 20, 20, 21, 22, 22, 23, 23, 24, 24, 25,
    25, 26, 27, 28, 29, 30,
];
const IDS: [u32; 10] = [0, 1000, 1001, 1002, 1337, 1338, 2000, 3000, 4000, 65534];
const MARKS: [u32; 9] = [0, 0, 0, 0, 0x539, 0x1539, 0x111, 0x2111, 0x53a];

pub(crate) fn plan(random: &mut Random, wanted: Wanted) -> Plan {
    let kind = wanted.kind.unwrap_or_else(|| match random.below(100) {
        0..55 => Kind::Iptables,
        55..90 => Kind::Nftables,
        _ => Kind::Ambient,
    });
    let rules = match kind {
        Kind::Iptables => {
            let minor = wanted.minor.unwrap_or_else(|| random.pick(&MINORS));
            Rules::Sidecar(Backend::Iptables, Box::new(settings(random, minor)))
        }
        Kind::Nftables => {
            let minor = wanted.minor.unwrap_or_else(|| 27 + random.below(5) as u16);
            Rules::Sidecar(Backend::Nftables, Box::new(settings(random, minor)))
        }
        Kind::Ambient => Rules::Ambient(ambient::AmbientSettings {
            dns: random.percent(70),
            ipv6: random.percent(75),
        }),
    };
    let told = told(random, &rules);
    Plan { rules, told }
}

fn told(random: &mut Random, rules: &Rules) -> Told {
    let mut told = Told {
        version: true,
        device: true,
        servers: 0,
        named_group: None,
    };
    let Rules::Sidecar(_, settings) = rules else {
        return told;
    };
    if let DnsRules::Servers(servers) = &settings.dns {
        told.servers = servers.len();
    }
    if random.percent(80) {
        return told;
    }
    // A version that nobody names is one of those that the decision tries.
    let oldest = Version::REGIMES.last().map_or(0, |version| version.0);
    told.version = settings.minor < oldest || random.percent(40);
    told.device = random.percent(60);
    if random.percent(40) {
        told.servers = random.below(told.servers + 1);
    }
    let groups = settings.include_groups.as_ref();
    let groups = groups.unwrap_or(&settings.exclude_groups);
    if !groups.is_empty() && random.percent(50) {
        told.named_group = Some(random.pick(groups));
    }
    told
}

fn settings(random: &mut Random, minor: u16) -> RuleSettings {
    let proxy_uids = match random.below(100) {
        0..60 => vec![1337],
        _ => random.several(1, 3, |random| random.pick(&IDS)),
    };
    let proxy_gids = if random.percent(60) {
        proxy_uids.clone()
    } else {
        random.several(1, 3, |random| random.pick(&IDS))
    };
    let (include_groups, exclude_groups) = match random.below(100) {
        0..15 => (None, ids(random)),
        15..27 => (Some(ids(random)), Vec::new()),
        27..30 => (Some(ids(random)), ids(random)),
        _ => (None, Vec::new()),
    };
    let other_ports = random.percent(10);
    RuleSettings {
        minor,
        ipv6: random.percent(70),
        proxy_port: if other_ports { 15101 } else { 15001 },
        inbound_port: if other_ports { 15106 } else { 15006 },
        tunnel_port: if other_ports { 15108 } else { 15008 },
        proxy_uids,
        proxy_gids,
        exclude_interfaces: interfaces(random),
        exclude_ports: ports(random, 30),
        include_groups,
        exclude_groups,
        dns: dns(random, minor),
        loopback: loopback(random),
        exclude: some_ranges(random, 45),
        include_ports: ports(random, 40),
        include: random.percent(60).then(|| included(random)),
    }
}

fn ids(random: &mut Random) -> Vec<u32> {
    random.several(0, 3, |random| random.pick(&IDS))
}

fn interfaces(random: &mut Random) -> Vec<String> {
    let devices = ["lo", place::MAIN, place::SECOND, place::SECOND, "absent0"];
    if random.percent(20) {
        random.several(1, 2, |random| random.pick(&devices).to_owned())
    } else {
        Vec::new()
    }
}

fn ports(random: &mut Random, share: usize) -> Vec<RangeInclusive<u16>> {
    if !random.percent(share) {
        return Vec::new();
    }
    random.several(1, 4, |random| {
        let (a, b) = (random.pick(&PORTS), random.pick(&PORTS));
        match random.below(100) {
            0..20 => a.min(b)..=a.max(b),
            20..22 => 0..=65535,
            _ => a..=a,
        }
    })
}

fn dns(random: &mut Random, minor: u16) -> DnsRules {
    match random.below(100) {
        0..40 => DnsRules::Off,
        // The variable is read from 1.11 on.
        40..60 if minor >= 11 => DnsRules::All,
        // A pod without any nameserver, where the program looks: from 1.25 on.
        60..63 if minor >= 25 => DnsRules::Servers(Vec::new()),
        _ => DnsRules::Servers(random.several(1, 3, |random| random.pick(&place::servers()))),
    }
}

fn loopback(random: &mut Random) -> String {
    let others = ["127.0.0.0/8", "127.0.0.1/31", "10.0.0.0/8", "10.79.3.2/32"];
    if random.percent(75) {
        "127.0.0.1/32".to_owned()
    } else {
        random.pick(&others).to_owned()
    }
}

fn included(random: &mut Random) -> Vec<String> {
    let share = if random.percent(12) { 0 } else { 100 };
    some_ranges(random, share)
}

fn some_ranges(random: &mut Random, share: usize) -> Vec<String> {
    if random.percent(share) {
        random.several(1, 6, range)
    } else {
        Vec::new()
    }
}

/// A range around an address of interest, most often with its host bits.
fn range(random: &mut Random) -> String {
    const FIXED: [&str; 8] = [
        "0.0.0.0/0",
        "::/0",
        "127.0.0.0/8",
        "127.1.2.3/8",
        "::1/128",
        "10.96.0.0/12",
        "fd00::/8",
        "10.79.3.2/32",
    ];
    const LENGTHS_V4: [u8; 14] = [1, 4, 8, 8, 12, 16, 16, 24, 24, 30, 31, 32, 32, 32];
    const LENGTHS_V6: [u8; 12] = [1, 7, 8, 16, 32, 48, 64, 64, 96, 127, 128, 128];
    if random.percent(20) {
        return random.pick(&FIXED).to_owned();
    }
    let address = if random.percent(80) {
        random.pick(&place::outside())
    } else {
        random.pick(&place::own())
    };
    let length = if address.is_ipv4() {
        random.pick(&LENGTHS_V4)
    } else {
        random.pick(&LENGTHS_V6)
    };
    let range = IpNet::new(address, length).expect("a length of this family");
    if random.percent(60) {
        range.to_string()
    } else {
        range.trunc().to_string()
    }
}

pub(crate) fn probe(random: &mut Random, plan: &Plan) -> Probe {
    let transport = if random.percent(75) {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    let (uids, gids, lists): (&[u32], &[u32], _) = match &plan.rules {
        Rules::Sidecar(_, settings) => {
            let RuleSettings {
                proxy_uids,
                proxy_gids,
                include_ports,
                exclude_ports,
                ..
            } = &**settings;
            (
                proxy_uids,
                proxy_gids,
                [&include_ports[..], exclude_ports].concat(),
            )
        }
        Rules::Ambient(_) => (&[1337], &[1337], Vec::new()),
    };
    let ip = destination(random, plan);
    let question = match transport {
        Transport::Tcp => 20,
        Transport::Udp => 60,
    };
    let port = match random.below(100) {
        share if share < question => 53,
        share if share < question + 20 && !lists.is_empty() => {
            let range = random.pick(&lists);
            let edge = if random.percent(50) {
                range.start()
            } else {
                range.end()
            };
            // Only the ports that somebody listens on.
            *PORTS.iter().find(|port| *port == edge).unwrap_or(&443)
        }
        _ => random.pick(&PORTS),
    };
    let uids = if random.percent(18) { uids } else { &IDS };
    let gids = if random.percent(14) { gids } else { &IDS };
    let sources = place::sources(ip);
    let bound = !sources.is_empty() && random.percent(20);
    Probe {
        transport,
        ip,
        port,
        uid: random.pick(uids),
        gid: random.pick(gids),
        source: bound.then(|| random.pick(&sources)),
        mark: match plan.rules {
            Rules::Ambient(_) => random.pick(&MARKS),
            Rules::Sidecar(..) => 0,
        },
    }
}

fn destination(random: &mut Random, plan: &Plan) -> IpAddr {
    match random.below(100) {
        0..40 => random.pick(&place::outside()),
        40..58 => random.pick(&place::own()),
        58..72 => random.pick(&place::loopback()),
        72..76 => match random.pick(&place::outside()) {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().into(),
            IpAddr::V6(_) => Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
        },
        76..78 => Ipv4Addr::UNSPECIFIED.into(),
        78..80 => Ipv6Addr::UNSPECIFIED.into(),
        _ => of_plan(random, plan).unwrap_or_else(|| random.pick(&place::outside())),
    }
}

/// A nameserver, or an end of a range and what lies beside it.
fn of_plan(random: &mut Random, plan: &Plan) -> Option<IpAddr> {
    let Rules::Sidecar(_, settings) = &plan.rules else {
        return None;
    };
    let mut candidates = Vec::new();
    if let DnsRules::Servers(servers) = &settings.dns {
        candidates.extend(servers);
    }
    for range in settings.include.iter().flatten().chain(&settings.exclude) {
        let range: IpNet = range.parse().expect("a range of ours");
        let (first, last) = (range.network(), range.broadcast());
        candidates.extend([first, last]);
        candidates.extend(before(first));
        candidates.extend(after(last));
    }
    candidates.retain(|ip| place::is_reachable(*ip));
    (!candidates.is_empty()).then(|| random.pick(&candidates))
}

fn before(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip)
            .checked_sub(1)
            .map(|n| Ipv4Addr::from(n).into()),
        IpAddr::V6(ip) => u128::from(ip)
            .checked_sub(1)
            .map(|n| Ipv6Addr::from(n).into()),
    }
}

fn after(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip)
            .checked_add(1)
            .map(|n| Ipv4Addr::from(n).into()),
        IpAddr::V6(ip) => u128::from(ip)
            .checked_add(1)
            .map(|n| Ipv6Addr::from(n).into()),
    }
}

impl Rules {
    /// As a person would ask Istio for them.
    pub(crate) fn command_line(&self) -> String {
        match self {
            Self::Sidecar(Backend::Iptables, settings) => settings.command_line(':'),
            Self::Sidecar(Backend::Nftables, settings) => {
                format!("{} --native-nftables", settings.command_line('-'))
            }
            Self::Ambient(settings) => format!("istio-cni, ambient: {settings:?}"),
        }
    }

    /// The rules themselves, all families.
    pub(crate) fn text(&self) -> String {
        let families = rules::Family::ALL;
        match self {
            Self::Sidecar(Backend::Iptables, settings) => families
                .map(|family| rules::iptables::nat(settings, family))
                .concat(),
            Self::Sidecar(Backend::Nftables, settings) => rules::nftables::nat(settings),
            Self::Ambient(settings) => families
                .map(|family| ambient::nat(*settings, family))
                .concat(),
        }
    }
}
