//! The listeners at every address (`0.0.0.0_port`), and what claims add to them.

use super::{claim::Claim, host_entry::Place, object_ref::ObjectKind};
use crate::vocabulary::{PortProtocol, ServerFirst};

/// What a listener at every address (`0.0.0.0_port`) has on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listener {
    pub(super) port: u16,
    pub(super) part: Part,
    /// Whether it is elsewhere for clients whose proxy uses allocated addresses.
    pub(super) is_moved: bool,
}

impl Listener {
    /// What is there for clients with and without allocated addresses.
    pub(super) fn both(port: u16, part: Part) -> [Self; 2] {
        [false, true].map(|is_moved| Self {
            port,
            part,
            is_moved,
        })
    }
}

/// In what way a claim is part of such a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// HTTP, by `Host`.
    Http,
    /// TLS, by SNI.
    Tls,
    /// TCP: takes everything.
    Tcp,
    /// TCP whose server speaks first.
    ServerFirst(ServerFirst),
    /// Both HTTP and TCP, by the first bytes.
    Sniffed,
    /// HTTP of an entry that gives no address to know it by.
    HttpByNameOnly,
    /// TLS likewise.
    TlsByNameOnly,
    /// Anything but HTTP, within ranges.
    Ranged(ConflictKind),
    /// In any way, or in none: an egress listener for the port makes of it what it says itself.
    Any,
    /// No part of it: a headless Service, which has listeners at its pods instead.
    Headless,
}

/// What conflicts of claims on one listener go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ConflictKind {
    /// TLS, or TCP.
    Stream,
    /// TCP whose server speaks first.
    ServerFirst(ServerFirst),
    /// Both HTTP and TCP, by the first bytes.
    Sniffed,
}

impl ConflictKind {
    /// Of a claim that is not HTTP.
    pub(super) fn of(claim: &Claim) -> Self {
        match (claim.at().server_first, claim.protocol()) {
            (Some(protocol), _) => Self::ServerFirst(protocol),
            (None, PortProtocol::Sniffed) => Self::Sniffed,
            (None, _) => Self::Stream,
        }
    }
}

impl Listener {
    /// What a claim adds.
    pub(super) fn of(claim: &Claim) -> impl Iterator<Item = Self> {
        let (port, moved) = (claim.port(), claim.of.is_moved());
        let parts = parts(claim);
        parts.iter().map(move |part| Self {
            port,
            part: *part,
            is_moved: match part {
                // The listener for HTTP stays, but such a client knows the host by its address.
                Part::Any | Part::Ranged(_) | Part::Http | Part::Headless => false,
                Part::HttpByNameOnly
                | Part::TlsByNameOnly
                | Part::Tls
                | Part::Tcp
                | Part::ServerFirst(_)
                | Part::Sniffed => moved,
            },
        })
    }
}

fn parts(claim: &Claim) -> &'static [Part] {
    let named_only = is_named_only(claim);
    match (claim.protocol(), claim.at().server_first) {
        (PortProtocol::Udp, _) => &[],
        (PortProtocol::Http, _) if named_only => &[Part::Http, Part::HttpByNameOnly],
        (PortProtocol::Http, _) => &[Part::Http],
        _ if claim.of.place == Place::Endpoints => &[Part::Headless],
        _ if !claim.of.addresses.is_empty() => ranged(claim),
        (PortProtocol::Tls, _) if named_only => &[Part::Tls, Part::TlsByNameOnly],
        (PortProtocol::Tls, _) => &[Part::Tls],
        (PortProtocol::Tcp, Some(ServerFirst::Mongo)) => &[Part::ServerFirst(ServerFirst::Mongo)],
        (PortProtocol::Tcp, Some(ServerFirst::MySql)) => &[Part::ServerFirst(ServerFirst::MySql)],
        (PortProtocol::Tcp, None) => &[Part::Tcp],
        (PortProtocol::Sniffed, _) if named_only => {
            &[Part::Sniffed, Part::HttpByNameOnly, Part::TlsByNameOnly]
        }
        (PortProtocol::Sniffed, _) => &[Part::Sniffed],
    }
}

fn ranged(claim: &Claim) -> &'static [Part] {
    match ConflictKind::of(claim) {
        _ if claim.of.ranges().next().is_none() => &[],
        ConflictKind::Stream => &[Part::Ranged(ConflictKind::Stream)],
        ConflictKind::Sniffed => &[Part::Ranged(ConflictKind::Sniffed)],
        ConflictKind::ServerFirst(ServerFirst::Mongo) => {
            &[Part::Ranged(ConflictKind::ServerFirst(ServerFirst::Mongo))]
        }
        ConflictKind::ServerFirst(ServerFirst::MySql) => {
            &[Part::Ranged(ConflictKind::ServerFirst(ServerFirst::MySql))]
        }
    }
}

/// Whether its host's name is needed, since nothing else tells it from others on the port.
fn is_named_only(claim: &Claim) -> bool {
    claim.of.entry.object.kind == ObjectKind::ServiceEntry
        && claim.of.place == Place::Addresses
        && claim.of.addresses.is_empty()
        && claim.of.endpoints.is_empty()
}
