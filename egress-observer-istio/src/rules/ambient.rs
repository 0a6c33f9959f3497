//! Ambient mode: the rules that istio-cni makes in a pod for ztunnel
//! (`cni/pkg/iptables/iptables_linux.go`, from 1.24 on).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use super::ambient_rule::AmbientRule;
use super::{
    decision::Decision,
    dialled::{Dialled, packet_address},
    dns::{DNS_LISTENER, DNS_PORT},
    rule::Rule,
};
use crate::vocabulary::{Protocol, Reason};

/// Where ztunnel takes connections in the pod.
const OUTBOUND: u16 = 15_001;
/// The kubelet's probes come from here, and are answered to it.
const PROBE_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 7, 127);
const PROBE_V6: Ipv6Addr = Ipv6Addr::new(
    0xfd16, 0x9254, 0x7127, 0x1337, 0xffff, 0xffff, 0xffff, 0xffff,
);
/// The mark of ztunnel's own sockets, which need CAP_NET_ADMIN or CAP_NET_RAW.
const MARK: u32 = 0x539;
const MARK_MASK: u32 = 0xfff;
/// The mark of replies to what ztunnel took in.
const INBOUND_MARK: u32 = 0x111;

/// `AmbientConfig` is what a pod's rules were made from. Annotations of sidecars mean nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbientConfig {
    /// Whether ztunnel answers the pod's DNS.
    pub dns: bool,
    /// Whether there are rules for IPv6.
    pub ipv6: bool,
}

impl Default for AmbientConfig {
    /// istio-cni's defaults from 1.25 on.
    fn default() -> Self {
        Self {
            dns: true,
            ipv6: true,
        }
    }
}

/// `decide` applies the rules in their order; the first that fits decides. Users and groups do not
/// matter;
/// `mark` is the socket's SO_MARK, 0 for what has no capability to set one.
pub fn decide(config: AmbientConfig, dialled: &Dialled<'_>, mark: u32) -> Decision {
    let ip = packet_address(dialled.ip);
    if ip.is_ipv6() && !config.ipv6 {
        return Decision::direct(Reason::NoIpv6Rules, Rule::NoIpv6Rules);
    }
    let tcp = dialled.protocol == Protocol::Tcp;
    let localhost = match ip {
        IpAddr::V4(ip) => ip == Ipv4Addr::LOCALHOST,
        IpAddr::V6(ip) => ip == Ipv6Addr::LOCALHOST,
    };
    let over_loopback = ip.is_loopback() || dialled.own.contains(&ip);
    let ztunnel = mark & MARK_MASK == MARK;
    if tcp && (ip == PROBE_V4 || ip == PROBE_V6) {
        return Decision::direct(Reason::Ambient, Rule::Ambient(AmbientRule::Probe));
    }
    let asks = if tcp { !localhost } else { !over_loopback };
    if config.dns && dialled.port == DNS_PORT && asks && !ztunnel {
        return Decision::captured(
            Reason::DnsCapture,
            DNS_LISTENER,
            Rule::Ambient(AmbientRule::Dns),
        );
    }
    if tcp && mark & MARK_MASK == INBOUND_MARK {
        return Decision::direct(Reason::Ambient, Rule::Ambient(AmbientRule::InboundMark));
    }
    if over_loopback && !localhost {
        return Decision::direct(Reason::Loopback, Rule::Ambient(AmbientRule::Loopback));
    }
    if tcp && !localhost && !ztunnel {
        return Decision::captured(
            Reason::Ambient,
            OUTBOUND,
            Rule::Ambient(AmbientRule::Redirect),
        );
    }
    let reason = if localhost {
        Reason::Loopback
    } else if ztunnel {
        Reason::ProxyUid
    } else {
        Reason::NotTcp
    };
    Decision::direct(reason, Rule::Ambient(AmbientRule::NoRule))
}
