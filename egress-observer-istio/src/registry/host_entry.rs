//! A host of a ServiceEntry or a Service: what Istio calls a service.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    named_waypoint::NamedWaypoint,
    object_ref::{ObjectKind, ObjectRef},
    reader::NamespaceId,
};
use crate::vocabulary::{Host, PortProtocol, ServerFirst};

/// A ServiceEntry or a Service.
#[derive(Clone, Debug)]
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
    /// Whether its endpoints are the hosts themselves: it lists none, and selects none.
    pub has_no_endpoints: bool,
    pub(super) namespace: NamespaceId,
    /// The waypoint that its own labels name.
    pub(super) waypoint: NamedWaypoint,
    /// The same for entries that Istio makes one of, where they have a host in common
    /// (`canMergeServices` in `pilot/pkg/model/sidecar.go`): a digest of resolution, labels, selector
    /// and `exportTo`.
    pub(super) merges_as: u64,
    /// The part of that which is about labels and selector.
    pub(super) selects_as: u64,
}

impl RegistryEntry {
    /// Whether labels and selector are those of another entry.
    pub fn selects_like(&self, other: &Self) -> bool {
        self.selects_as == other.selects_as
    }

    pub(super) fn is_service(&self) -> bool {
        self.object.kind == ObjectKind::Service
    }
}

/// A port of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) protocol: PortProtocol,
    pub(super) server_first: Option<ServerFirst>,
    /// `protocol` of a ServiceEntry in capital letters, as far as Istio knows it; else nothing.
    pub(super) word: &'static str,
    /// `targetPort` of a ServiceEntry, or nothing.
    pub(super) target: u16,
    /// Whether a port for UDP with the same number stands before it: an egress listener for the number
    /// lets that one through, and not this (`serviceMatchingListenerPort` in
    /// `pilot/pkg/model/sidecar.go`).
    pub(super) is_behind_udp: bool,
}

impl Port {
    /// Whether requests for the entry's hosts at it are routed by name (`IsHTTPOrSniffed` in
    /// `pkg/config/protocol/instance.go`).
    pub(super) fn has_virtual_host(&self) -> bool {
        matches!(self.protocol, PortProtocol::Http | PortProtocol::Sniffed)
    }
}

/// Where the proxy listens for what is not HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the entry's addresses, or at every address if it has none.
    Addresses,
    /// At the addresses of its endpoints: headless.
    Endpoints,
    /// Nowhere: it is another name of this host. Before 1.21 it is like one without addresses.
    Alias(Box<str>),
}

/// A host of an entry.
#[derive(Clone, Debug)]
pub(super) struct HostEntry {
    pub(super) entry: Arc<RegistryEntry>,
    pub(super) host: Host,
    pub(super) host_as_written: Arc<str>,
    /// Its place in the entry.
    pub(super) nth_host: usize,
    pub(super) ports: Arc<[Port]>,
    /// `spec.addresses`, or the cluster IPs of a Service.
    pub(super) addresses: Arc<[IpNet]>,
    /// `status.addresses` for this host.
    pub(super) allocated: Vec<IpAddr>,
    /// Whether istiod allocates an address to it, whether or not the status shows it yet.
    pub(super) is_allocatable: bool,
    /// Where traffic for the host ends up; a client may go there itself.
    pub(super) endpoints: Arc<[IpAddr]>,
    pub(super) place: Place,
}

impl HostEntry {
    /// Whether it has no other addresses than allocated ones. A proxy that uses those listens there,
    /// and not at every address (`GetAddressForProxy` in `pilot/pkg/model/service.go`).
    pub(super) fn is_moved(&self) -> bool {
        self.place == Place::Addresses
            && self.addresses.is_empty()
            && (self.is_allocatable || !self.allocated.is_empty())
    }

    /// The port with this number.
    pub(super) fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// The first of its ports whose requests are routed by name.
    pub(super) fn first_routed_port(&self) -> Option<u16> {
        let mut all = self.ports.iter();
        let first = all.find(|port| port.has_virtual_host())?;
        Some(first.number)
    }

    /// Its addresses that are no ranges.
    pub(super) fn single_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().filter_map(single)
    }

    /// Its ranges.
    pub(super) fn ranges(&self) -> impl Iterator<Item = IpNet> {
        let ranges = self.addresses.iter().filter(|net| single(net).is_none());
        ranges.map(IpNet::trunc)
    }

    /// Whether a connection keeps the address that it was going to (`ORIGINAL_DST`).
    pub(super) fn keeps_address(&self) -> bool {
        self.place == Place::Endpoints || self.entry.resolution == "NONE"
    }

    /// Whether every name below its own is its, too, as those of the pods of a headless Service
    /// (`generateVirtualHostDomains` in `pilot/pkg/networking/core/httproute.go`).
    pub(super) fn has_names_of_pods(&self) -> bool {
        self.place == Place::Endpoints && self.entry.is_service()
    }

    /// Whether Istio makes one of it and another one of the same host.
    pub(super) fn merges_with(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.entry, &other.entry);
        own.namespace == theirs.namespace
            && own.object.kind == theirs.object.kind
            && own.merges_as == theirs.merges_as
    }

    /// The oldest first, then by name and namespace, then as the entry has them. The name of a host
    /// that a ServiceEntry has is the host (`buildServices` in
    /// `pilot/pkg/serviceregistry/serviceentry/conversion.go`).
    pub(super) fn order(&self) -> (&str, &str, &str, &ObjectRef, usize) {
        let object = &self.entry.object;
        let name = if self.entry.is_service() {
            &object.name
        } else {
            &self.host_as_written
        };
        (
            &self.entry.created,
            name,
            &object.namespace,
            object,
            self.nth_host,
        )
    }
}

/// The address of a range that has only one. A range of one address is treated as that address.
fn single(net: &IpNet) -> Option<IpAddr> {
    (net.prefix_len() == net.max_prefix_len()).then(|| net.addr())
}
