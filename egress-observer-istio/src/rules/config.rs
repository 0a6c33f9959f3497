//! What a sidecar's rules are made from.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{
    backend::Backend,
    dns::{DNS_PORT, DnsCapture},
    ports::Ports,
    ranges::Ranges,
    version::Version,
};

/// `CaptureConfig` is all that a pod's rules were made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureConfig {
    /// The version of Istio that made the rules; `None` if it cannot be told.
    pub version: Option<Version>,
    /// The program that the rules were made with.
    pub backend: Backend,
    /// Whether there are rules for IPv6.
    pub ipv6: bool,
    /// The port that captured connections are sent to.
    pub proxy_port: u16,
    /// The port that the proxy's connections to its own pod are sent to.
    pub inbound_port: u16,
    /// The port of HBONE: the proxy's tunnel to itself is never sent back to it.
    pub tunnel_port: u16,
    /// The users whose connections are never captured, which are the proxy's, in the order of the
    /// rules.
    pub proxy_uids: Vec<u32>,
    /// The groups whose connections are never captured, in the order of the rules.
    pub proxy_gids: Vec<u32>,
    /// The devices over which nothing is captured.
    pub exclude_interfaces: Vec<String>,
    /// The destination ports that are never captured.
    pub exclude_ports: Ports,
    /// Whose connections are captured, by the group of the socket's owner.
    pub owner_groups: OwnerGroups,
    /// Which DNS questions the proxy answers; `None` for none.
    pub dns: Option<DnsCapture>,
    /// The range that counts as IPv4's localhost.
    pub loopback: Ipv4Net,
    /// The destinations that are left alone.
    pub exclude: Ranges,
    /// The destination ports that are captured wherever they lead, excluded ranges apart.
    pub include_ports: Ports,
    /// The destinations that are captured.
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

/// `PortKind` is what rules see of a port: ports of one kind are treated alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortKind {
    excluded: Option<u32>,
    included: Option<u32>,
    dns: bool,
    tunnel: bool,
}

impl PortKind {
    /// The kind that the rules made from this see; without any, those of ambient mode do.
    pub fn new(config: Option<&CaptureConfig>, port: u16) -> Self {
        Self {
            excluded: config.and_then(|config| config.exclude_ports.first(port)),
            included: config.and_then(|config| config.include_ports.first(port)),
            dns: port == DNS_PORT,
            tunnel: config.is_some_and(|config| config.tunnel_port == port),
        }
    }
}

/// `ISTIO_OUTBOUND_OWNER_GROUPS` and `.._EXCLUDE` say whose connections are captured, by group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerGroups {
    /// The only groups whose connections are captured; `None` for all.
    pub include: Option<Vec<u32>>,
    /// The groups whose connections are not captured; counts only where `include` is not given.
    pub exclude: Vec<u32>,
    /// Groups that are given by name, whose numbers stand in the proxy image's `/etc/group`.
    pub named: Vec<String>,
}
