//! The rules by name.

use super::ambient_rule::AmbientRule;

/// `Rule` is the rule that decided. Numbers are places in the lists of the configuration that it was made
/// from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// There are no rules for IPv6, which the destination is.
    NoIpv6Rules,
    /// The connection leaves by an excluded device.
    ExcludedInterface(u32),
    /// The destination's port is an excluded one.
    ExcludedPort(u32),
    /// The connection comes from 127.0.0.6 or ::6.
    InboundPassthrough,
    /// The proxy dials its own pod: its users first, then its groups.
    SelfCall(u32),
    /// Somebody else than this owner dials the pod itself.
    Loopback(u32),
    /// The connection is the proxy's: its users first, then its groups.
    Proxy(u32),
    /// The group of the socket's owner decides.
    OwnerGroup,
    /// The connection is DNS that the proxy answers.
    Dns,
    /// The destination is 127.0.0.1 or ::1.
    Localhost,
    /// The destination is in an excluded range.
    ExcludedRange(u32),
    /// The destination's port is an included one.
    IncludedPort(u32),
    /// The destination is in an included range.
    IncludedRange(u32),
    /// The included ranges are `*`, which is every address.
    IncludedAll,
    /// No rule is about the destination.
    NotIncluded,
    /// There are no rules for anything but TCP.
    NotTcp,
    /// The version decides, and is not known.
    Version,
    /// There are no rules at all, or the decision is not one of these rules'.
    None,
    /// A rule of ambient mode decides.
    Ambient(AmbientRule),
}

/// `RuleSetting` is what a rule was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleSetting {
    /// The addresses of the pod, and `ISTIO_DUAL_STACK`.
    Ipv6,
    /// The excluded devices.
    Interfaces,
    /// The excluded ports.
    ExcludePorts,
    /// The proxy's users and groups.
    Proxy,
    /// The groups of owners whose connections are captured, or are not.
    OwnerGroups,
    /// Whether the proxy answers DNS.
    Dns,
    /// The excluded ranges.
    Exclude,
    /// The included ports.
    IncludePorts,
    /// The included ranges.
    Include,
    /// Nothing that can be set.
    Fixed,
}

impl Rule {
    /// The setting that the rule was made from.
    pub const fn setting(self) -> RuleSetting {
        match self {
            Self::NoIpv6Rules => RuleSetting::Ipv6,
            Self::ExcludedInterface(_) => RuleSetting::Interfaces,
            Self::ExcludedPort(_) => RuleSetting::ExcludePorts,
            Self::SelfCall(_) | Self::Loopback(_) | Self::Proxy(_) => RuleSetting::Proxy,
            Self::OwnerGroup => RuleSetting::OwnerGroups,
            Self::Dns => RuleSetting::Dns,
            Self::ExcludedRange(_) => RuleSetting::Exclude,
            Self::IncludedPort(_) => RuleSetting::IncludePorts,
            Self::IncludedRange(_) | Self::IncludedAll | Self::NotIncluded => RuleSetting::Include,
            Self::InboundPassthrough
            | Self::Localhost
            | Self::NotTcp
            | Self::Version
            | Self::None
            | Self::Ambient(_) => RuleSetting::Fixed,
        }
    }
}
