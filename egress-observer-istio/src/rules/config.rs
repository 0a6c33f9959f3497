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
    /// Only these, if given.
    pub include: Option<Vec<u32>>,
    /// None of these; counts only where `include` is not given.
    pub exclude: Vec<u32>,
    /// Groups given by name. Their numbers stand in the proxy image's `/etc/group`.
    pub named: Vec<String>,
}
