//! Entries that one would expect to take a connection, and why they do not. For people.

use std::{collections::BTreeMap, fmt, hash::Hash, sync::Arc};

use super::{
    Destination, Entry, Hit, Match, ObjectRef, Registry, Viewer,
    claim::Claim,
    index::{Listener, Part},
    lookup::{Asked, View},
    shelf::{Reader, Shelf},
};
use crate::vocabulary::{Host, PortProtocol, Protocol, host_name::unabbreviated};

/// How many are told at most.
const MOST: usize = 8;
/// How many are told of another host on the same port.
const NEIGHBOURS: usize = 3;
/// How many claims are looked at for each way to find them.
const LOOKED_AT: usize = 64;

/// An entry that nearly takes a connection.
#[derive(Clone, Debug)]
pub struct NearMiss<'r> {
    /// The object.
    pub entry: &'r Arc<Entry>,
    /// Its host, as written there.
    pub host: &'r Arc<str>,
    /// Why not.
    pub why: Why,
}

/// Why an entry does not take a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// `exportTo` leaves out the client's namespace.
    NotExported,
    /// This Sidecar's egress hosts leave it out.
    HiddenBySidecar(ObjectRef),
    /// It has these ports.
    OtherPorts(Vec<u16>),
    /// `*.foo.com` is not for `foo.com`.
    WildcardOnly,
    /// The entry's port, or the connection, is UDP.
    Udp,
    /// It has addresses, and this is none of them.
    OtherAddress,
    /// It has the address, but the name is another.
    OtherName,
    /// It is for another host altogether, on the same port.
    OtherHost,
    /// Only the name leads to it.
    NameOnly,
    /// This one comes first: by its longer range, its nearer name, its namespace or its age.
    Yields(ObjectRef),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExported => f.write_str("its exportTo leaves out the client's namespace"),
            Self::HiddenBySidecar(sidecar) => {
                write!(f, "the egress hosts of {sidecar} leave it out")
            }
            Self::OtherPorts(ports) => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                write!(f, "it declares another port: {}", ports.join(", "))
            }
            Self::WildcardOnly => f.write_str("a wildcard is not for the name that it is below"),
            Self::Udp => f.write_str("the mesh has no listener for UDP"),
            Self::OtherAddress => f.write_str("it has addresses, and this is none of them"),
            Self::OtherName => f.write_str("it has the address, but the name is another"),
            Self::OtherHost => f.write_str("it declares another host"),
            Self::NameOnly => f.write_str("only a host name leads to it"),
            Self::Yields(other) => write!(f, "{other} comes first"),
        }
    }
}

impl Registry {
    /// Entries that have the name or the address of a destination, a wildcard above or directly
    /// below the name, or a range around the address, and do not take it; at most eight. If there
    /// is nothing like the name, some of those on the same port.
    pub fn near_misses<'r>(
        &'r self,
        viewer: &Viewer<'r>,
        to: &Destination<'_>,
    ) -> Vec<NearMiss<'r>> {
        let view = View::new(self, viewer);
        let asked = Asked::new(to);
        let hit = match self.lookup(viewer, to) {
            Match::Declared(hit) | Match::AddressNeeded(hit) => Some(hit),
            Match::Undeclared { .. } | Match::NameNeeded { .. } => None,
        };
        let mut by_host: BTreeMap<(&ObjectRef, &Host), Vec<&'r Arc<Claim>>> = BTreeMap::new();
        for claim in self.candidates(viewer, &asked) {
            let object = &claim.entry.object;
            let claims = by_host.entry((object, &claim.host)).or_default();
            if !claims.iter().any(|other| Arc::ptr_eq(other, claim)) {
                claims.push(claim);
            }
        }
        let misses = by_host.values().filter_map(|claims| {
            let at_port = claims.iter().find(|claim| claim.port == asked.port);
            let claim = at_port.or_else(|| claims.first())?;
            let why = match at_port {
                Some(claim) => view.why_not(claim, to, &asked, hit)?,
                None => view.hidden(claim).unwrap_or_else(|| {
                    let mut ports: Vec<u16> = claims.iter().map(|claim| claim.port).collect();
                    ports.sort_unstable();
                    Why::OtherPorts(ports)
                }),
            };
            Some(NearMiss {
                entry: &claim.entry,
                host: &claim.host_as_written,
                why,
            })
        });
        misses.take(MOST).collect()
    }

    fn candidates<'r>(&'r self, viewer: &Viewer<'_>, asked: &Asked<'_>) -> Vec<&'r Arc<Claim>> {
        let index = &self.index;
        let mut found = Vec::new();
        if let Some(name) = &asked.host {
            let whole = unabbreviated(name, viewer.namespace);
            let names = [Some(&**name), whole.as_deref()];
            for name in names.into_iter().flatten() {
                let below = index.by_host.at(name, true);
                for claims in index.by_host.covering(name).chain(below) {
                    found.extend(claims.of(None, Reader::Curious).take(LOOKED_AT));
                }
            }
        }
        if let Some(ip) = asked.ip {
            found.extend(curious(&index.by_address_alone, ip));
            for range in index.ranges(ip, asked.port) {
                found.extend(curious(&index.by_range, (range, asked.port)));
            }
        }
        if found.is_empty() && asked.host.is_some() {
            found.extend(self.neighbours(viewer, asked.port));
        }
        found
    }

    /// Some of the entries that names lead to on a port, where no entry is anything like the name.
    fn neighbours<'r>(
        &'r self,
        viewer: &Viewer<'_>,
        port: u16,
    ) -> impl Iterator<Item = &'r Arc<Claim>> {
        let own = self.namespaces.get(viewer.namespace).map(Reader::Own);
        let readers = own.into_iter().chain([Reader::Everyone]);
        let parts = [Part::HttpByNameOnly, Part::TlsByNameOnly];
        let keys = readers.flat_map(move |reader| parts.map(|part| (reader, part)));
        let claims = keys.flat_map(move |(reader, part)| {
            [false, true].into_iter().flat_map(move |moved_by_dns| {
                let key = Listener {
                    port,
                    part,
                    moved_by_dns,
                };
                self.index.listeners.of(key, reader).take(NEIGHBOURS)
            })
        });
        claims.take(NEIGHBOURS)
    }
}

fn curious<K: Copy + Eq + Hash>(shelf: &Shelf<K>, key: K) -> impl Iterator<Item = &Arc<Claim>> {
    shelf.of(key, Reader::Curious).take(LOOKED_AT)
}

impl View<'_, '_> {
    /// Why a claim on the very port does not take a connection, if it does not.
    fn why_not(
        &self,
        claim: &Claim,
        to: &Destination<'_>,
        asked: &Asked<'_>,
        hit: Option<Hit<'_>>,
    ) -> Option<Why> {
        let is_hit = |hit: &Hit<'_>| {
            hit.entry.object == claim.entry.object && *hit.host == claim.host_as_written
        };
        if hit.as_ref().is_some_and(is_hit) {
            return None;
        }
        if claim.protocol == PortProtocol::Udp || to.protocol == Protocol::Udp {
            return Some(Why::Udp);
        }
        if let Some(why) = self.hidden(claim) {
            return Some(why);
        }
        let has_ip = asked.ip.map(|ip| {
            let ranges = || claim.known_ranges().any(|range| range.contains(&ip));
            claim.known_addresses().any(|known| known == ip) || ranges()
        });
        if let Some(name) = &asked.host {
            let apex = claim.host.wildcard && *claim.host.name == **name;
            if apex && has_ip != Some(true) {
                return Some(Why::WildcardOnly);
            }
            if claim.is_bound() && has_ip == Some(false) {
                return Some(Why::OtherAddress);
            }
        }
        let stands_for = |name: &str| {
            let whole = unabbreviated(name, self.viewer.namespace);
            claim.host.stands_for(name) || whole.is_some_and(|name| claim.host.stands_for(&name))
        };
        Some(match (hit, &asked.host) {
            (Some(hit), _) => Why::Yields(hit.entry.object.clone()),
            (None, Some(name)) if !stands_for(name) && has_ip == Some(true) => Why::OtherName,
            (None, Some(name)) if !stands_for(name) => Why::OtherHost,
            (None, _) => Why::NameOnly,
        })
    }

    /// Why a client does not even see a claim, if it does not.
    pub(super) fn hidden(&self, claim: &Claim) -> Option<Why> {
        let sees = |reader: &Reader| match reader {
            Reader::Own(id) | Reader::Granted(id) => Some(*id) == self.namespace,
            Reader::Everyone => true,
            Reader::Curious => false,
        };
        if !self.registry.readers(&claim.entry).iter().any(sees) {
            return Some(Why::NotExported);
        }
        let sidecar = self.viewer.sidecar?;
        (!self.lets_through(claim)).then(|| Why::HiddenBySidecar(sidecar.object.clone()))
    }
}
