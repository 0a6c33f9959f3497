//! What an object claims: a host at a port, and how a connection leads there.

use std::{cmp::Ordering, net::IpAddr, sync::Arc};

use super::host_entry::{HostEntry, Place, Port};
use crate::vocabulary::PortProtocol;

/// A host at a port of an entry.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) of: Arc<HostEntry>,
    nth_port: u16,
}

impl Claim {
    /// A claim for each port of a host.
    pub(super) fn all(of: &Arc<HostEntry>) -> impl Iterator<Item = Self> {
        let n_ports = u16::try_from(of.ports.len()).unwrap_or(u16::MAX);
        (0..n_ports).map(|nth_port| Self {
            of: Arc::clone(of),
            nth_port,
        })
    }

    pub(super) fn at(&self) -> &Port {
        &self.of.ports[usize::from(self.nth_port)]
    }

    pub(super) fn port(&self) -> u16 {
        self.at().number
    }

    pub(super) fn protocol(&self) -> PortProtocol {
        self.at().protocol
    }

    /// Whether requests for its host are routed by name (`IsHTTPOrSniffed` in
    /// `pkg/config/protocol/instance.go`).
    pub(super) fn has_virtual_host(&self) -> bool {
        self.at().has_virtual_host()
    }

    /// Single addresses under which it is found: those that it listens at, and those that stand for
    /// its name when only the address is known.
    pub(super) fn known_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let of = &self.of;
        let endpoints = of.endpoints.iter().copied();
        let told = match of.place {
            Place::Endpoints => !self.is_http(),
            Place::Addresses | Place::Alias(_) => of.addresses.is_empty() || self.is_http(),
        };
        of.single_addresses()
            .chain(of.allocated.iter().copied())
            .chain(endpoints.filter(move |_| told))
    }

    fn is_http(&self) -> bool {
        self.protocol() == PortProtocol::Http
    }

    /// Whether an address is one of those, or in one of the ranges.
    pub(super) fn has_address(&self, ip: IpAddr) -> bool {
        self.known_addresses().any(|known| known == ip)
            || self.of.ranges().any(|range| range.contains(&ip))
    }

    /// The oldest first, then by name and namespace (`SortServicesByCreationTime` in
    /// `pilot/pkg/model/push_context.go`), then as the entry has them.
    fn order(&self) -> (impl Ord + '_, u16) {
        (self.of.order(), self.nth_port)
    }
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
