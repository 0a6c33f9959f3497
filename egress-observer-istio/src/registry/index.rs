//! Claims by everything that a connection can be found by.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use hashbrown::HashMap;
use ipnet::IpNet;

use super::{
    by_host::ByHost,
    claim::Claim,
    host_entry::{HostEntry, Place},
    listener::Listener,
    reader::Reader,
    reversed::Reversed,
    rivals::Rivals,
    shelf::{PortShelf, Shelf},
};
use crate::vocabulary::{Host, PortProtocol};

/// The index.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// By host, the entries that have it.
    pub(super) by_host: ByHost<Rivals>,
    /// By single address and port.
    pub(super) by_address: Shelf<(IpAddr, u16)>,
    /// By single address, for whoever asks why.
    pub(super) by_address_alone: Shelf<IpAddr>,
    pub(super) by_range: Shelf<(IpNet, u16)>,
    /// The lengths of the ranges on a port, and how many claims have one.
    lengths: HashMap<u16, BTreeMap<u8, usize>>,
    pub(super) listeners: PortShelf,
    /// Every host, for those below a name.
    reversed: Reversed,
    /// ExternalName Services, by their own names.
    pub(super) aliases: HashMap<Arc<str>, Arc<HostEntry>>,
    /// Hosts of ServiceEntries by the addresses of their endpoints, which ztunnel knows.
    by_endpoint: HashMap<IpAddr, Vec<Arc<HostEntry>>>,
}

impl Index {
    /// Takes in what is about a host at no port.
    pub(super) fn insert_host(&mut self, readers: &[Reader], host: &Arc<HostEntry>) {
        let insert = |rivals: &mut Rivals| rivals.insert(host, readers);
        self.by_host.change(&host.host, insert, Rivals::is_empty);
        self.reversed.insert(&host.host);
        if let Place::Alias(_) = host.place {
            self.aliases
                .insert(Arc::clone(&host.host.name), Arc::clone(host));
        }
        for ip in endpoints(host) {
            let hosts = self.by_endpoint.entry(*ip).or_default();
            hosts.push(Arc::clone(host));
        }
    }

    /// Gives up what is about a host at no port.
    pub(super) fn remove_host(&mut self, host: &HostEntry) {
        let remove = |rivals: &mut Rivals| rivals.remove(host);
        self.by_host.change(&host.host, remove, Rivals::is_empty);
        self.reversed.remove(&host.host);
        if let Place::Alias(_) = host.place {
            self.aliases.remove(&host.host.name);
        }
        for ip in endpoints(host) {
            if let Some(hosts) = self.by_endpoint.get_mut(ip) {
                hosts.retain(|of| of.order() != host.order());
                if hosts.is_empty() {
                    self.by_endpoint.remove(ip);
                }
            }
        }
    }

    /// The hosts of ServiceEntries with an endpoint at an address.
    pub(super) fn at_endpoint(&self, ip: IpAddr) -> impl Iterator<Item = &Arc<HostEntry>> {
        self.by_endpoint.get(&ip).into_iter().flatten()
    }

    /// Every entry that is found by an address, whoever sees it.
    pub(super) fn known_at(&self, ip: IpAddr) -> impl Iterator<Item = &Arc<HostEntry>> {
        let claims = self.by_address_alone.of(ip, Reader::Curious);
        claims.map(|claim| &claim.of)
    }

    /// Every entry with a range around an address, at whatever port.
    pub(super) fn with_range(&self, ip: IpAddr) -> impl Iterator<Item = &Arc<HostEntry>> {
        self.lengths.keys().flat_map(move |port| {
            let ranges = self.ranges(ip, *port).map(move |range| (range, *port));
            let claims = ranges.flat_map(|key| self.by_range.of(key, Reader::Curious));
            claims.map(|claim| &claim.of)
        })
    }

    /// What there is for the hosts below a wildcard; nothing for one that is none.
    pub(super) fn below(&self, host: &Host) -> impl Iterator<Item = &Rivals> {
        let hosts = self.reversed.below(host);
        hosts.filter_map(|host| self.by_host.get(host))
    }

    pub(super) fn insert(&mut self, readers: &[Reader], claim: &Claim) {
        let port = claim.port();
        let readers = seen(readers, claim);
        for ip in claim.known_addresses() {
            self.by_address_alone.insert(ip, &[Reader::Curious], claim);
            self.by_address.insert((ip, port), readers, claim);
        }
        for range in claim.of.ranges() {
            self.by_range.insert((range, port), readers, claim);
            self.by_range
                .insert((range, port), &[Reader::Curious], claim);
            let lengths = self.lengths.entry(port).or_default();
            *lengths.entry(range.prefix_len()).or_default() += 1;
        }
        for listener in Listener::of(claim) {
            self.listeners.insert(listener, readers, claim);
        }
    }

    pub(super) fn remove(&mut self, readers: &[Reader], claim: &Claim) {
        let port = claim.port();
        let readers = seen(readers, claim);
        for ip in claim.known_addresses() {
            self.by_address_alone.remove(ip, &[Reader::Curious], claim);
            self.by_address.remove((ip, port), readers, claim);
        }
        for range in claim.of.ranges() {
            self.by_range.remove((range, port), readers, claim);
            self.by_range
                .remove((range, port), &[Reader::Curious], claim);
            self.forget_length(port, range.prefix_len());
        }
        for listener in Listener::of(claim) {
            self.listeners.remove(listener, readers, claim);
        }
    }

    fn forget_length(&mut self, port: u16, length: u8) {
        let Some(lengths) = self.lengths.get_mut(&port) else {
            return;
        };
        if let Some(n) = lengths.get_mut(&length) {
            *n -= 1;
            if *n == 0 {
                lengths.remove(&length);
            }
        }
        if lengths.is_empty() {
            self.lengths.remove(&port);
        }
    }

    /// The ranges that hold an address and that some claim on the port may have, the longest first.
    pub(super) fn ranges(&self, ip: IpAddr, port: u16) -> impl Iterator<Item = IpNet> {
        let lengths = self.lengths.get(&port).into_iter().flatten().rev();
        lengths.filter_map(move |(length, _)| Some(IpNet::new(ip, *length).ok()?.trunc()))
    }
}

/// The addresses of the endpoints of a ServiceEntry's host.
fn endpoints(host: &HostEntry) -> &[IpAddr] {
    if host.entry.is_service() {
        &[]
    } else {
        &host.endpoints
    }
}

/// Nobody in the mesh sees UDP: no listener is made for it.
fn seen<'a>(readers: &'a [Reader], claim: &Claim) -> &'a [Reader] {
    match claim.protocol() {
        PortProtocol::Udp => &[],
        PortProtocol::Http | PortProtocol::Tls | PortProtocol::Tcp | PortProtocol::Sniffed => {
            readers
        }
    }
}
