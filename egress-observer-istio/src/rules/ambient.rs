//! Ambient mode: the rules that istio-cni makes in a pod for ztunnel
//! (`cni/pkg/iptables/iptables_linux.go`, from 1.24 on).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{DNS_LISTENER, DNS_PORT, Decision, Dialled, canonical};
use crate::vocabulary::{Protocol, Reason};

/// Where ztunnel takes connections in the pod.
pub const OUTBOUND: u16 = 15_001;
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

/// What a pod's rules were made from. Annotations of sidecars mean nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbientConfig {
    /// Whether ztunnel answers DNS.
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

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An answer to the kubelet's probe.
    Probe,
    /// DNS.
    Dns,
    /// A reply to what ztunnel took in.
    InboundMark,
    /// The pod to itself.
    Loopback,
    /// TCP.
    Redirect,
    /// No rule.
    NoRule,
}

impl Rule {
    /// As in `iptables-save`.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Probe => "-A ISTIO_OUTPUT -d 169.254.7.127/32 -p tcp -j ACCEPT",
            Self::Dns => {
                "-A ISTIO_OUTPUT --dport 53 -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15053"
            }
            Self::InboundMark => "-A ISTIO_OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT",
            Self::Loopback => "-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ACCEPT",
            Self::Redirect => {
                "-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001"
            }
            Self::NoRule => "end of ISTIO_OUTPUT: no rule redirects it",
        }
    }
}

/// Applies the rules in their order; the first that fits decides. Users and groups do not matter;
/// `mark` is the socket's SO_MARK, 0 for what has no capability to set one.
pub fn decide(config: AmbientConfig, dialled: &Dialled<'_>, mark: u32) -> Decision {
    let ip = canonical(dialled.ip);
    let rule = |rule| super::Rule::Ambient(rule);
    if ip.is_ipv6() && !config.ipv6 {
        return Decision::direct(Reason::NoIpv6Rules, super::Rule::NoIpv6Rules);
    }
    let tcp = dialled.protocol == Protocol::Tcp;
    let localhost = match ip {
        IpAddr::V4(ip) => ip == Ipv4Addr::LOCALHOST,
        IpAddr::V6(ip) => ip == Ipv6Addr::LOCALHOST,
    };
    let over_loopback = ip.is_loopback() || dialled.own.contains(&ip);
    let ztunnel = mark & MARK_MASK == MARK;
    if tcp && (ip == PROBE_V4 || ip == PROBE_V6) {
        return Decision::direct(Reason::Ambient, rule(Rule::Probe));
    }
    let asks = if tcp { !localhost } else { !over_loopback };
    if config.dns && dialled.port == DNS_PORT && asks && !ztunnel {
        return Decision::captured(Reason::DnsCapture, DNS_LISTENER, rule(Rule::Dns));
    }
    if tcp && mark & MARK_MASK == INBOUND_MARK {
        return Decision::direct(Reason::Ambient, rule(Rule::InboundMark));
    }
    if over_loopback && !localhost {
        return Decision::direct(Reason::Loopback, rule(Rule::Loopback));
    }
    if tcp && !localhost && !ztunnel {
        return Decision::captured(Reason::Ambient, OUTBOUND, rule(Rule::Redirect));
    }
    let reason = if localhost {
        Reason::Loopback
    } else if ztunnel {
        Reason::ProxyUid
    } else {
        Reason::NotTcp
    };
    Decision::direct(reason, rule(Rule::NoRule))
}
