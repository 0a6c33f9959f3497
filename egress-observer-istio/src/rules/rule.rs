//! The rules by name, and as text that is found in `iptables-save`.

use std::fmt::{self, Write as _};

use super::{Backend, CaptureConfig, DnsCapture, PortRange};

/// The rule that decided. Numbers are places in the lists of the configuration that it was made
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
    Ambient(super::ambient::Rule),
}

/// What a rule was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setting {
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
    /// What it was made from.
    pub const fn setting(self) -> Setting {
        match self {
            Self::NoIpv6Rules => Setting::Ipv6,
            Self::ExcludedInterface(_) => Setting::Interfaces,
            Self::ExcludedPort(_) => Setting::ExcludePorts,
            Self::SelfCall(_) | Self::Loopback(_) | Self::Proxy(_) => Setting::Proxy,
            Self::OwnerGroup => Setting::OwnerGroups,
            Self::Dns => Setting::Dns,
            Self::ExcludedRange(_) => Setting::Exclude,
            Self::IncludedPort(_) => Setting::IncludePorts,
            Self::IncludedRange(_) | Self::IncludedAll | Self::NotIncluded => Setting::Include,
            Self::InboundPassthrough
            | Self::Localhost
            | Self::NotTcp
            | Self::Version
            | Self::None
            | Self::Ambient(_) => Setting::Fixed,
        }
    }

    /// The rule as `istio-iptables` writes it, for an IPv4 destination where both are possible; for
    /// what is no single rule, words.
    pub fn text(self, config: &CaptureConfig) -> String {
        self.try_text(config).unwrap_or_default()
    }

    fn try_text(self, config: &CaptureConfig) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let port = |ranges: &[PortRange], place: u32| ranges.get(place as usize).map(port_text);
        match self {
            Self::NoIpv6Rules => text.push_str("no ip6tables rules: the pod has no IPv6 address"),
            Self::ExcludedInterface(place) => match config.exclude_interfaces.get(place as usize) {
                Some(name) => write!(text, "-A OUTPUT -o {name} -j RETURN")?,
                None => text.push_str("-A OUTPUT -o <excluded interface> -j RETURN"),
            },
            Self::ExcludedPort(place) => {
                let port = port(config.exclude_ports.list(), place).unwrap_or_default();
                write!(text, "-A ISTIO_OUTPUT -p tcp --dport {port} -j RETURN")?;
            }
            Self::InboundPassthrough => {
                text.push_str("-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN");
            }
            Self::SelfCall(place) => write!(
                text,
                "-A ISTIO_OUTPUT ! -d {} -o lo -p tcp -m owner {} -j ISTIO_IN_REDIRECT",
                config.loopback,
                owner(config, place)
            )?,
            Self::Loopback(place) => write!(
                text,
                "-A ISTIO_OUTPUT -o lo -m owner ! {} -j RETURN",
                owner(config, place)
            )?,
            Self::Proxy(place) => write!(
                text,
                "-A ISTIO_OUTPUT -m owner {} -j RETURN",
                owner(config, place)
            )?,
            Self::OwnerGroup => text.push_str("-A ISTIO_OUTPUT -m owner --gid-owner .. -j RETURN"),
            Self::Dns => {
                let to = match &config.dns {
                    Some(DnsCapture::Nameservers { .. }) => " -d <nameserver>",
                    Some(DnsCapture::All) | None => "",
                };
                let listener = super::DNS_LISTENER;
                write!(
                    text,
                    "-A ISTIO_OUTPUT_DNS{to} --dport 53 -j REDIRECT --to-ports {listener}"
                )?;
            }
            Self::Localhost => write!(text, "-A ISTIO_OUTPUT -d {} -j RETURN", config.loopback)?,
            Self::ExcludedRange(place) => match config.exclude.list().get(place as usize) {
                Some(range) => write!(text, "-A ISTIO_OUTPUT -d {range} -j RETURN")?,
                None => text.push_str("-A ISTIO_OUTPUT -d <excluded range> -j RETURN"),
            },
            Self::IncludedPort(place) => {
                let port = port(config.include_ports.list(), place).unwrap_or_default();
                write!(
                    text,
                    "-A ISTIO_OUTPUT -p tcp --dport {port} -j ISTIO_REDIRECT"
                )?;
            }
            Self::IncludedRange(place) => match config.include.list().get(place as usize) {
                Some(range) => write!(text, "-A ISTIO_OUTPUT -d {range} -j ISTIO_REDIRECT")?,
                None => text.push_str("-A ISTIO_OUTPUT -d <included range> -j ISTIO_REDIRECT"),
            },
            Self::IncludedAll => text.push_str("-A ISTIO_OUTPUT -j ISTIO_REDIRECT"),
            Self::NotIncluded => text.push_str("end of ISTIO_OUTPUT: no rule redirects it"),
            Self::NotTcp => text.push_str("-A OUTPUT -p tcp -j ISTIO_OUTPUT: no rule for UDP"),
            Self::Version => text.push_str("the rules differ between versions of Istio"),
            Self::None => {}
            Self::Ambient(rule) => text.push_str(rule.text()),
        }
        if config.backend == Backend::Nftables && text.starts_with("-A ") {
            // The same rule; its spelling in nft is another.
            text.insert_str(0, "table inet istio-proxy-nat, as in iptables: ");
        }
        Ok(text)
    }
}

fn port_text(range: &PortRange) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}:{}", range.start(), range.end())
    }
}

fn owner(config: &CaptureConfig, place: u32) -> String {
    let place = place as usize;
    let users = config.proxy_uids.len();
    match config.proxy_uids.get(place) {
        Some(uid) => format!("--uid-owner {uid}"),
        None => {
            let gid = config.proxy_gids.get(place.saturating_sub(users));
            format!("--gid-owner {}", gid.copied().unwrap_or_default())
        }
    }
}
