//! What is asked of the registry, and what it answers.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{
    host_entry::{HostEntry, RegistryEntry},
    object_ref::ObjectRef,
    sidecar::SidecarScope,
};
use crate::{
    rules::{Release, Version},
    vocabulary::{PortProtocol, Protocol, Reason},
};

/// Who connects, as far as it matters to what the mesh makes of a destination.
#[derive(Clone, Copy, Debug, Default)]
pub struct Viewer<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod's labels, which VirtualServices may ask for.
    pub labels: Option<&'a BTreeMap<String, String>>,
    /// The Sidecar that applies to it, which `Registry::sidecar_for` finds.
    pub sidecar: Option<&'a SidecarScope>,
    /// Whether the pod's proxy answers DNS.
    pub dns_capture: bool,
    /// Whether the pod's proxy has `DNS_AUTO_ALLOCATE`: before 1.25 names lead to allocated
    /// addresses with it only.
    pub auto_allocate: bool,
    /// Whether the pod's addresses are all IPv6: the proxy's listeners for whole ports are on `[::]`
    /// alone.
    pub is_v6_only: bool,
    /// Whether it is ztunnel that gets the pod's connections, and not a sidecar.
    pub is_ambient: bool,
    /// The version of the pod's proxy; `None` is today's.
    pub version: Option<Version>,
    /// The release of the pod's proxy, with its patch level; `None` if that is not known.
    pub release: Option<Release>,
}

/// The newest release that there are rules for.
const NEWEST: Version = Version(31);

impl Viewer<'_> {
    /// Whether the proxy's version is 1.`minor` or later. What comes after the newest release is not
    /// today's.
    pub fn is_since(&self, minor: u16) -> bool {
        self.version.unwrap_or(NEWEST) >= Version(minor)
    }

    /// Whether the proxy's release is this one or a later one.
    pub fn is_since_release(&self, release: Release) -> bool {
        match self.release {
            Some(own) => own >= release,
            None => self.is_since(release.0),
        }
    }

    /// Whether the proxy uses allocated addresses, so that it listens there, and names lead there
    /// (`nodeUsesAutoallocatedIPs` in `pilot/pkg/model/service.go`). ztunnel is always told of them
    /// (`constructServiceEntries` in `pilot/pkg/serviceregistry/ambient/services.go`).
    pub fn uses_allocated(&self) -> bool {
        self.dns_capture && (self.is_ambient || self.auto_allocate || self.is_since(25))
    }
}

/// Where a connection goes, which the registry is asked about.
#[derive(Clone, Copy, Debug)]
pub struct RegistryQuery<'a> {
    /// The address that the client dials; `None` where it is not known.
    pub ip: Option<IpAddr>,
    /// The name that the client asked for; `None` where it is not known.
    pub host: Option<&'a str>,
    /// The port that the client dials.
    pub port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

/// What the registry makes of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'r> {
    /// An entry takes the destination.
    Declared(Hit<'r>),
    /// No entry takes the destination, but a VirtualService does: port 80 has such for hosts that
    /// no entry has.
    Ruled(Routed<'r>),
    /// Nothing that the client sees takes the destination.
    Undeclared {
        /// Whether the port has a listener for HTTP: then an HTTP request for an unknown host is
        /// answered by the proxy under `REGISTRY_ONLY` (502), where anything else is reset.
        http: bool,
        /// Whether a headless Service has the port: then its pods' addresses are known to the mesh,
        /// which this registry may not have.
        headless: bool,
    },
    /// Address and port do not tell: what the client says first would.
    NameNeeded {
        /// Whether the `Host` of an HTTP request would tell.
        http: bool,
        /// Whether the server name (SNI) of a TLS handshake would tell.
        tls: bool,
    },
    /// Envoy refuses the listener that takes it, and goes on with the last one that it took.
    Refused,
    /// The name does not tell: this entry takes the destination at its own addresses only.
    AddressNeeded(Hit<'r>),
}

/// The entry that takes a destination.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'r> {
    /// What the entry declares, and the object that it is of.
    pub entry: &'r Arc<RegistryEntry>,
    /// The host of the entry that fits, as it is written there.
    pub host: &'r Arc<str>,
    /// How the sidecar treats connections to the entry's port.
    pub protocol: PortProtocol,
    /// What led from the destination to the entry.
    pub by: By,
    /// The cluster that the mesh sends the connection to.
    pub routed: Routed<'r>,
}

/// The cluster that a sidecar sends a connection to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routed<'r> {
    /// The cluster's host; empty where the proxy answers itself.
    pub host: &'r str,
    /// The cluster's port.
    pub port: u16,
    /// The cluster's subset; empty for none.
    pub subset: &'r str,
    /// The object that declares that host, if the client's proxy has such a cluster.
    pub object: Option<&'r ObjectRef>,
    /// The VirtualService whose route leads to the cluster, or the waypoint that ztunnel sends the
    /// connection through.
    pub via: Option<&'r ObjectRef>,
    /// What becomes of the connection there.
    pub fate: Fate,
}

/// What becomes of a connection that the mesh sends to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The connection gets to the host that was dialled, or to one that a VirtualService puts in
    /// its place.
    AsDialled,
    /// The connection gets to another host: a TCP port without addresses takes all.
    ListenerWithoutAddress,
    /// The connection gets to another host, by a route that is not about the one that was dialled.
    Route,
    /// The connection gets to another host, which has this address.
    AddressOfAnother,
    /// The connection gets nowhere: the proxy does not have the cluster.
    NoCluster,
    /// ztunnel, or the waypoint, knows the address, and has nothing behind it at this port.
    NoEndpoints,
    /// It cannot be told, for this reason.
    Untold(Reason),
}

impl Routed<'_> {
    /// The cluster's name as Envoy has it (`BuildSubsetKey` in `pilot/pkg/model/service.go`).
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
    /// The name led to it; for HTTP that of the request.
    Host,
    /// The name that TLS sends in its first message led to it.
    Sni,
    /// An address of the entry led to it.
    Address,
    /// A range of the entry led to it.
    Range,
    /// The port led to it: the entry takes that at any address.
    Port,
}

impl By {
    /// The one spelling of this member, in the output of commands.
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
