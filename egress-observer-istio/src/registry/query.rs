//! What is asked of the registry, and what it answers.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{
    host_entry::{HostEntry, RegistryEntry},
    object_ref::ObjectRef,
    sidecar::SidecarScope,
};
use crate::{
    rules::{Release, Version},
    vocabulary::{PortProtocol, Protocol},
};

/// Who connects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Viewer<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod's labels, which VirtualServices may ask for.
    pub labels: Option<&'a BTreeMap<String, String>>,
    /// The Sidecar that applies to it, which `Registry::sidecar_for` finds.
    pub sidecar: Option<&'a SidecarScope>,
    /// Whether its proxy answers DNS.
    pub dns_capture: bool,
    /// Whether its proxy has `DNS_AUTO_ALLOCATE`: before 1.25 names lead to allocated addresses with
    /// it only.
    pub auto_allocate: bool,
    /// Whether it is ztunnel that gets its connections, and not a sidecar.
    pub is_ambient: bool,
    /// The version of its proxy; none is today's.
    pub version: Option<Version>,
    /// The same with its patch level, if that is known.
    pub release: Option<Release>,
}

impl Viewer<'_> {
    /// Whether its version is 1.`minor` or later.
    pub fn is_since(&self, minor: u16) -> bool {
        self.version.is_none_or(|own| own >= Version(minor))
    }

    /// Whether its release is this one or a later one.
    pub fn is_since_release(&self, release: Release) -> bool {
        match self.release {
            Some(own) => own >= release,
            None => self.is_since(release.0),
        }
    }

    /// Whether its proxy uses allocated addresses, so that it listens there, and names lead there
    /// (`nodeUsesAutoallocatedIPs` in `pilot/pkg/model/service.go`).
    pub fn uses_allocated(&self) -> bool {
        self.dns_capture && (self.auto_allocate || self.is_since(25))
    }
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
    /// No entry takes it, but a VirtualService does: port 80 has such for hosts that no entry has.
    Ruled(Routed<'r>),
    /// Nothing takes it.
    Undeclared {
        /// Whether the port has a listener for HTTP: then an HTTP request for an unknown host is
        /// answered by the proxy under `REGISTRY_ONLY` (502), where anything else is reset.
        http: bool,
        /// Whether a headless Service has the port: then its pods' addresses are known to the mesh,
        /// which this registry may not have.
        headless: bool,
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
    /// Where the mesh sends it.
    pub routed: Routed<'r>,
}

/// The cluster that a sidecar sends a connection to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routed<'r> {
    /// Its host. Empty where the proxy answers itself.
    pub host: &'r str,
    /// Its port.
    pub port: u16,
    /// Its subset, or nothing.
    pub subset: &'r str,
    /// The object that declares that host, if the client's proxy has such a cluster.
    pub object: Option<&'r ObjectRef>,
    /// The VirtualService that says so.
    pub via: Option<&'r ObjectRef>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a connection that the mesh sends to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It gets to the host that was dialled, or to one that a VirtualService puts in its place.
    AsDialled,
    /// It gets to another host: a TCP port without addresses takes all.
    ListenerWithoutAddress,
    /// It gets to another host, by a route that is not about the one that was dialled.
    Route,
    /// It gets to another host, whose address this is.
    AddressOfAnother,
    /// There is no such cluster.
    NoCluster,
}

impl Routed<'_> {
    /// The cluster, as Envoy calls it (`BuildSubsetKey` in `pilot/pkg/model/service.go`).
    pub fn cluster(&self) -> String {
        format!("outbound|{}|{}|{}", self.port, self.subset, self.host)
    }
}

impl Hit<'_> {
    /// Whether it is the host of an entry.
    pub(super) fn is_of(&self, of: &HostEntry) -> bool {
        self.entry.object == of.entry.object && *self.host == of.host_as_written
    }
}

impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.entry.object == other.entry.object
            && (self.host, self.protocol, self.by, self.routed)
                == (other.host, other.protocol, other.by, other.routed)
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
