//! What an object claims: a host at a port, and how a connection leads there.

use std::{cmp::Ordering, fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::shelf::NamespaceId;
use crate::{
    injection::pod::namespace,
    vocabulary::{Host, PortProtocol},
};

/// The kinds of objects that a registry is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `networking.istio.io ServiceEntry`.
    ServiceEntry,
    /// `v1 Service`.
    Service,
    /// `networking.istio.io Sidecar`.
    Sidecar,
    /// `networking.istio.io VirtualService`.
    VirtualService,
    /// `networking.istio.io DestinationRule`.
    DestinationRule,
}

impl ObjectKind {
    /// As in `kind` of a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceEntry => "ServiceEntry",
            Self::Service => "Service",
            Self::Sidecar => "Sidecar",
            Self::VirtualService => "VirtualService",
            Self::DestinationRule => "DestinationRule",
        }
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectRef {
    pub(super) fn new(kind: ObjectKind, in_namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace(in_namespace),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        write!(f, "{kind} {}/{}", self.namespace, self.name)
    }
}

/// A value in an object that cannot be read, and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object.
    pub object: ObjectRef,
    /// The field.
    pub field: &'static str,
    /// What stands there.
    pub value: String,
    /// What should.
    pub expected: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            field,
            value,
            expected,
        } = self;
        write!(f, "{object}: {field}: `{value}` is not {expected}")
    }
}

/// A ServiceEntry or a Service.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub object: ObjectRef,
    /// `metadata.creationTimestamp`; RFC 3339 in UTC, so that the order of texts is that of time.
    pub created: String,
    /// `spec.resolution`, NONE if not given; empty for a Service.
    pub resolution: String,
    /// `spec.location`; empty for a Service.
    pub location: String,
    /// `exportTo` as written.
    pub export_to: Vec<String>,
    pub(super) namespace: NamespaceId,
}

/// A host at a port of an entry.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) entry: Arc<Entry>,
    pub(super) host: Host,
    pub(super) host_as_written: Arc<str>,
    /// Its host's place in the entry.
    pub(super) nth_host: usize,
    pub(super) port: u16,
    pub(super) protocol: PortProtocol,
    /// `spec.addresses`, or the cluster IPs of a Service.
    pub(super) addresses: Arc<[IpNet]>,
    /// `status.addresses` for this host.
    pub(super) allocated: Vec<IpAddr>,
    /// Where traffic for the host ends up; a client may go there itself.
    pub(super) endpoints: Arc<[IpAddr]>,
    /// Whether only the host's name leads here: a Service without a cluster IP, whose listeners are
    /// at its pods' addresses, or nowhere.
    pub(super) only_by_name: bool,
}

impl Claim {
    /// Whether the proxy listens for it on the port at every address (`0.0.0.0_port`), where what
    /// the client says decides, and not where it goes to. HTTP always; everything else only if the
    /// entry has no addresses (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`).
    pub(super) fn is_at_any_address(&self) -> bool {
        !self.only_by_name && (self.protocol == PortProtocol::Http || self.addresses.is_empty())
    }

    /// Whether the above holds only for clients whose proxy does not answer DNS: with one that does,
    /// the proxy listens at the allocated addresses instead (`GetAddressForProxy` in
    /// `pilot/pkg/model/service.go`).
    pub(super) fn is_moved_by_dns(&self) -> bool {
        self.protocol != PortProtocol::Http
            && self.addresses.is_empty()
            && !self.allocated.is_empty()
    }

    /// Whether an address decides, and not a name.
    pub(super) fn is_bound(&self) -> bool {
        self.protocol != PortProtocol::Http
            && !(self.addresses.is_empty() && self.allocated.is_empty())
    }

    /// Whether an egress listener with this port in a Sidecar keeps it out: listeners at one address
    /// are others than the one at every address.
    pub(super) fn is_locked_out(&self) -> bool {
        self.protocol == PortProtocol::Http
            || self.addresses.is_empty()
            || self.addresses.iter().any(|net| single(net).is_none())
    }

    /// Single addresses under which it is found: those that it listens at, and those that stand for
    /// its name when only the address is known.
    pub(super) fn known_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let listed = self.addresses.iter().filter_map(single);
        let endpoints = self.endpoints.iter().copied();
        listed
            .chain(self.allocated.iter().copied())
            .chain(endpoints.filter(|_| self.is_at_any_address()))
    }

    /// Ranges under which it is found.
    pub(super) fn known_ranges(&self) -> impl Iterator<Item = IpNet> {
        let ranges = self.addresses.iter().filter(|net| single(net).is_none());
        ranges.map(IpNet::trunc)
    }

    /// Whether the proxy has a listener for it at this address.
    pub(super) fn listens_at(&self, ip: IpAddr) -> bool {
        self.is_bound()
            && (self.allocated.contains(&ip)
                || self
                    .addresses
                    .iter()
                    .filter_map(single)
                    .any(|own| own == ip))
    }

    /// Whether its host's name is needed, since nothing else tells it from others on the port.
    pub(super) fn is_named_only(&self) -> bool {
        self.entry.object.kind == ObjectKind::ServiceEntry
            && self.is_at_any_address()
            && self.addresses.is_empty()
            && self.endpoints.is_empty()
    }

    /// The oldest first, then by namespace and name (`SortServicesByCreationTime` in
    /// `pilot/pkg/model/push_context.go`), then as the entry has them.
    fn order(&self) -> (&str, &str, &str, ObjectKind, usize, u16) {
        let Entry {
            object, created, ..
        } = &*self.entry;
        let (namespace, name) = (&*object.namespace, &*object.name);
        (
            created,
            namespace,
            name,
            object.kind,
            self.nth_host,
            self.port,
        )
    }
}

/// The address of a range that has only one. A range of one address is treated as that address.
pub(super) fn single(net: &IpNet) -> Option<IpAddr> {
    (net.prefix_len() == net.max_prefix_len()).then(|| net.addr())
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Claim {}
