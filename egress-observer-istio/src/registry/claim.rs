//! What an object claims: a host at a port, and how a connection leads there.

use std::{cmp::Ordering, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    object_ref::{ObjectKind, ObjectRef},
    reader::NamespaceId,
};
use crate::vocabulary::{Host, PortProtocol};

/// A ServiceEntry or a Service.
#[derive(Debug)]
pub struct RegistryEntry {
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
    pub(super) entry: Arc<RegistryEntry>,
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

    /// Whether an address is one of those, or in one of the ranges.
    pub(super) fn has_address(&self, ip: IpAddr) -> bool {
        self.known_addresses().any(|known| known == ip)
            || self.known_ranges().any(|range| range.contains(&ip))
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
        let RegistryEntry {
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
