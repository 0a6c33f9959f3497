//! What is asked of the registry, and what it answers.

use std::{net::IpAddr, sync::Arc};

use super::{
    claim::{Claim, RegistryEntry},
    sidecar::SidecarScope,
};
use crate::vocabulary::{PortProtocol, Protocol};

/// Who connects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Viewer<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The Sidecar that applies to it, which `Registry::sidecar_for` finds.
    pub sidecar: Option<&'a SidecarScope>,
    /// Whether its proxy answers DNS, so that names lead to allocated addresses
    /// (`status.addresses`).
    pub dns_capture: bool,
}

/// Where to.
#[derive(Clone, Copy, Debug)]
pub struct RegistryQuery<'a> {
    /// The address, if it is known.
    pub ip: Option<IpAddr>,
    /// The name that the client asked for, if that is known.
    pub host: Option<&'a str>,
    /// The port.
    pub port: u16,
    /// The transport.
    pub protocol: Protocol,
}

/// What the registry makes of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'r> {
    /// An entry takes it.
    Declared(Hit<'r>),
    /// No entry takes it.
    Undeclared {
        /// Whether the port has a listener for HTTP: then an HTTP request for an unknown host is
        /// answered by the proxy under `REGISTRY_ONLY` (502), where anything else is reset.
        http: bool,
    },
    /// Address and port do not tell. What the client says first would.
    NameNeeded {
        /// The `Host` of an HTTP request.
        http: bool,
        /// The SNI of a TLS handshake.
        tls: bool,
    },
    /// The name does not tell: this entry takes it at its own addresses only.
    AddressNeeded(Hit<'r>),
}

/// The entry that takes a destination.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'r> {
    /// The object.
    pub entry: &'r Arc<RegistryEntry>,
    /// Its host, as written there.
    pub host: &'r Arc<str>,
    /// How its port is treated.
    pub protocol: PortProtocol,
    /// What led to it.
    pub by: By,
}

impl<'r> Hit<'r> {
    /// The claim as an answer.
    pub(super) fn of(claim: &'r Arc<Claim>, by: By) -> Self {
        Self {
            entry: &claim.entry,
            host: &claim.host_as_written,
            protocol: claim.protocol,
            by,
        }
    }

    /// Whether it is the host of an entry that the claim is of.
    pub(super) fn is_of(&self, claim: &Claim) -> bool {
        self.entry.object == claim.entry.object && *self.host == claim.host_as_written
    }
}

impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.entry.object == other.entry.object
            && (self.host, self.protocol, self.by) == (other.host, other.protocol, other.by)
    }
}

impl Eq for Hit<'_> {}

/// What led from a destination to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The name: for HTTP that of the request.
    Host,
    /// The name, which TLS sends in its first message.
    Sni,
    /// An address of the entry.
    Address,
    /// A range of the entry.
    Range,
    /// The port: the entry takes it at any address.
    Port,
}

impl By {
    /// Its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Sni => "sni",
            Self::Address => "address",
            Self::Range => "range",
            Self::Port => "port",
        }
    }
}
