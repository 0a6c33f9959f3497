//! The listeners at every address (`0.0.0.0_port`), and what claims add to them.

use super::claim::Claim;
use crate::vocabulary::PortProtocol;

/// What a listener at every address (`0.0.0.0_port`) has on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listener {
    pub(super) port: u16,
    pub(super) part: Part,
    /// Whether it is elsewhere for clients whose proxy answers DNS.
    pub(super) moved_by_dns: bool,
}

/// In what way a claim is part of such a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// HTTP, by `Host`.
    Http,
    /// TCP: takes everything.
    Tcp,
    /// Both, by the first bytes.
    Sniffed,
    /// HTTP of an entry that gives no address to know it by.
    HttpByNameOnly,
    /// TLS likewise.
    TlsByNameOnly,
}

impl Listener {
    /// What a claim adds.
    pub(super) fn of(claim: &Claim) -> impl Iterator<Item = Self> {
        let parts: &[Part] = match (claim.protocol, claim.is_named_only()) {
            _ if !claim.is_at_any_address() => &[],
            (PortProtocol::Http, false) => &[Part::Http],
            (PortProtocol::Http, true) => &[Part::Http, Part::HttpByNameOnly],
            (PortProtocol::Tls, true) => &[Part::TlsByNameOnly],
            (PortProtocol::Tcp, _) => &[Part::Tcp],
            (PortProtocol::Sniffed, false) => &[Part::Sniffed],
            (PortProtocol::Sniffed, true) => {
                &[Part::Sniffed, Part::HttpByNameOnly, Part::TlsByNameOnly]
            }
            (PortProtocol::Tls, false) | (PortProtocol::Udp, _) => &[],
        };
        let (port, moved) = (claim.port, claim.is_moved_by_dns());
        // The listener for HTTP stays, but such a client knows the host by its allocated address.
        let known = !claim.allocated.is_empty();
        parts.iter().map(move |part| Self {
            port,
            part: *part,
            moved_by_dns: match part {
                Part::HttpByNameOnly | Part::TlsByNameOnly => known,
                Part::Http | Part::Tcp | Part::Sniffed => moved,
            },
        })
    }
}
