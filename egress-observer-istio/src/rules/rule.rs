//! The rules by name.

use super::ambient_rule::AmbientRule;

/// `Rule` is the rule that decided. Numbers are places in the lists of the configuration that it was made
/// from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// There are no rules for IPv6.
    NoIpv6Rules,
    /// It leaves by an excluded device.
    ExcludedInterface(u32),
    /// An excluded port.
    ExcludedPort(u32),
    /// From 127.0.0.6 or ::6.
    InboundPassthrough,
    /// The proxy dials its own pod: its users first, then its groups.
    SelfCall(u32),
    /// Somebody else than this owner dials the pod itself.
    Loopback(u32),
    /// It is the proxy's: its users first, then its groups.
    Proxy(u32),
    /// By the owner's group.
    OwnerGroup,
    /// DNS that the proxy answers.
    Dns,
    /// To 127.0.0.1 or ::1.
    Localhost,
    /// An excluded range.
    ExcludedRange(u32),
    /// An included port.
    IncludedPort(u32),
    /// An included range.
    IncludedRange(u32),
    /// `*`.
    IncludedAll,
    /// No rule for it.
    NotIncluded,
    /// No rules for anything but TCP.
    NotTcp,
    /// The version decides, and is not known.
    Version,
    /// No rules at all, or not one of these.
    None,
    /// A rule of ambient mode.
    Ambient(AmbientRule),
}

/// `RuleSetting` is what a rule was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleSetting {
    /// Addresses of the pod and `ISTIO_DUAL_STACK`.
    Ipv6,
    /// Excluded devices.
    Interfaces,
    /// Excluded ports.
    ExcludePorts,
    /// The proxy's users and groups.
    Proxy,
    /// Owner groups.
    OwnerGroups,
    /// DNS capture.
    Dns,
    /// Excluded ranges.
    Exclude,
    /// Included ports.
    IncludePorts,
    /// Included ranges.
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
