//! The agent's decision on a connection, and where it says that the connection arrives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use egress_observer_istio::{
    rules::{
        self, Backend, CaptureConfig, Decision, Dialled, DnsCapture, OwnerGroups, Ports, Ranges,
        Version,
        ambient::{self, AmbientConfig},
    },
    vocabulary::{Expected, Protocol},
};
use egress_observer_tests::rules::{DnsRules, RuleSettings, ports_text};

use crate::{
    bed::{Arrival, Side},
    generate::{Plan, Probe, Rules, Told, Transport},
    place,
};

/// What the agent knows of a pod's rules.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Sidecar(Box<CaptureConfig>),
    Ambient(AmbientConfig),
}

/// The agent's configuration for a plan: its lists go through the agent's own parsers.
pub(crate) fn known(plan: &Plan) -> Result<Known> {
    match &plan.rules {
        Rules::Ambient(settings) => Ok(Known::Ambient(AmbientConfig {
            dns: settings.dns,
            ipv6: settings.ipv6,
        })),
        Rules::Sidecar(backend, settings) => {
            let config = config(*backend, settings, &plan.told);
            let config = config.with_context(|| plan.rules.command_line())?;
            Ok(Known::Sidecar(Box::new(config)))
        }
    }
}

fn config(backend: Backend, settings: &RuleSettings, told: &Told) -> Result<CaptureConfig> {
    let version = told.version.then_some(Version(settings.minor));
    let joint = match backend {
        Backend::Iptables => ':',
        Backend::Nftables => '-',
    };
    let ports = |list| Ports::parse(&ports_text(list, joint), backend);
    let ranges = |text: &str| Ranges::parse(text, version).map(|(ranges, _)| ranges);
    Ok(CaptureConfig {
        version,
        backend,
        ipv6: settings.ipv6,
        proxy_port: settings.proxy_port,
        inbound_port: settings.inbound_port,
        tunnel_port: settings.tunnel_port,
        proxy_uids: settings.proxy_uids.clone(),
        proxy_gids: settings.proxy_gids.clone(),
        exclude_interfaces: settings.exclude_interfaces.clone(),
        exclude_ports: ports(&settings.exclude_ports)?,
        owner_groups: owner_groups(settings, told),
        dns: match &settings.dns {
            DnsRules::Off => None,
            DnsRules::All => Some(DnsCapture::All),
            DnsRules::Servers(servers) => Some(DnsCapture::Nameservers {
                known: servers.iter().take(told.servers).copied().collect(),
                others: told.servers < servers.len(),
            }),
        },
        loopback: settings.loopback.parse()?,
        exclude: ranges(&settings.exclude.join(","))?,
        include_ports: ports(&settings.include_ports)?,
        include: ranges(&settings.include_text())?,
    })
}

fn owner_groups(settings: &RuleSettings, told: &Told) -> OwnerGroups {
    let without_named = |groups: &Vec<u32>| -> Vec<u32> {
        let numbers = groups.iter().filter(|gid| Some(**gid) != told.named_group);
        numbers.copied().collect()
    };
    OwnerGroups {
        include: settings.include_groups.as_ref().map(without_named),
        exclude: without_named(&settings.exclude_groups),
        named: told
            .named_group
            .iter()
            .map(|_| "named".to_owned())
            .collect(),
    }
}

/// The agent's decision.
pub(crate) fn decide(known: &Known, told: &Told, probe: &Probe) -> Decision {
    let own = place::own();
    let device = place::device(probe.ip);
    let dialled = Dialled {
        ip: probe.ip,
        port: probe.port,
        protocol: match probe.transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
        },
        uid: probe.uid,
        gid: probe.gid,
        own: &own,
        source: probe.source,
        interface: told.device.then_some(device),
    };
    match known {
        Known::Sidecar(config) => rules::decide(config, &dialled),
        Known::Ambient(config) => ambient::decide(*config, &dialled, probe.mark),
    }
}

/// Whether a decision says that a connection arrives where it did. An unknown one says nothing.
pub(crate) fn agrees(decision: &Decision, probe: &Probe, arrival: Option<Arrival>) -> bool {
    let Some(arrival) = arrival else {
        return false;
    };
    let ip = place::dialled(probe.ip);
    let localhost: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let is_at = |ip: IpAddr| arrival.ip.is_none_or(|at| at == ip);
    match decision.expected {
        Expected::Unknown => true,
        Expected::Direct => {
            let side = if place::stays(ip) {
                Side::Pod
            } else {
                Side::Peer
            };
            arrival.side == side && arrival.port == probe.port && is_at(ip)
        }
        Expected::Captured => {
            let port = decision.port.unwrap_or(arrival.port);
            arrival.side == Side::Pod && arrival.port == port && is_at(localhost)
        }
    }
}
