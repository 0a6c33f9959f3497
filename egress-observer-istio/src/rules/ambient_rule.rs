//! The rules of ambient mode by name, and as text that is found in `iptables-save`
//! (`cni/pkg/iptables/iptables_linux.go`).

/// `AmbientRule` is the rule of ambient mode that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbientRule {
    /// The rule for answers to the kubelet's probes.
    Probe,
    /// The rule for DNS, which goes to ztunnel.
    Dns,
    /// The rule for replies to what ztunnel took in.
    InboundMark,
    /// The rule for what the pod sends to itself.
    Loopback,
    /// The rule for all other TCP, which goes to ztunnel.
    Redirect,
    /// No rule is about the connection.
    NoRule,
}

impl AmbientRule {
    /// The rule as `iptables-save` has it.
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
