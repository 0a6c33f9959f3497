//! Entries that one would expect to take a connection, and do not.

use std::{collections::BTreeMap, hash::Hash, sync::Arc};

use super::{
    claim::Claim,
    listener::{Listener, Part},
    miss::{NearMiss, Why},
    object_ref::ObjectRef,
    query::{Hit, Match, RegistryQuery, Viewer},
    reader::Reader,
    shelf::Shelf,
    sought::Sought,
    store::Registry,
    view::ClientView,
};
use crate::vocabulary::{Host, host_name::unabbreviated};

/// How many are told at most.
const MOST: usize = 8;
/// How many are told of another host on the same port.
const NEIGHBOURS: usize = 3;
/// How many claims are looked at for each way to find them.
const LOOKED_AT: usize = 64;

impl Registry {
    /// Entries that have the name or the address of a destination, a wildcard above or directly
    /// below the name, or a range around the address, and do not take it; at most eight. If there
    /// is nothing like the name, some of those on the same port.
    pub fn near_misses<'r>(
        &'r self,
        viewer: &Viewer<'r>,
        to: &RegistryQuery<'_>,
    ) -> Vec<NearMiss<'r>> {
        let view = ClientView::new(self, viewer);
        let sought = Sought::new(to);
        let hit = match self.lookup(viewer, to) {
            Match::Declared(hit) | Match::AddressNeeded(hit) => Some(hit),
            Match::Undeclared { .. } | Match::NameNeeded { .. } => None,
        };
        let mut by_host: BTreeMap<(&ObjectRef, &Host), Vec<&'r Arc<Claim>>> = BTreeMap::new();
        for claim in self.candidates(viewer, &sought) {
            let object = &claim.entry.object;
            let claims = by_host.entry((object, &claim.host)).or_default();
            if !claims.iter().any(|other| Arc::ptr_eq(other, claim)) {
                claims.push(claim);
            }
        }
        by_host
            .values()
            .filter_map(|claims| view.near_miss(claims, to, &sought, hit))
            .take(MOST)
            .collect()
    }

    fn candidates<'r>(&'r self, viewer: &Viewer<'_>, sought: &Sought<'_>) -> Vec<&'r Arc<Claim>> {
        let index = &self.index;
        let mut found = Vec::new();
        if let Some(name) = &sought.host {
            let whole = unabbreviated(name, viewer.namespace);
            let names = [Some(&**name), whole.as_deref()];
            for name in names.into_iter().flatten() {
                let below = index.by_host.at(name, true);
                for claims in index.by_host.covering(name).chain(below) {
                    found.extend(claims.of(None, Reader::Curious).take(LOOKED_AT));
                }
            }
        }
        if let Some(ip) = sought.ip {
            found.extend(curious(&index.by_address_alone, ip));
            for range in index.ranges(ip, sought.port) {
                found.extend(curious(&index.by_range, (range, sought.port)));
            }
        }
        if found.is_empty() && sought.host.is_some() {
            found.extend(self.neighbours(viewer, sought.port));
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

impl ClientView<'_, '_> {
    /// Why an entry's host is not what a connection leads to, if it is not, by its claims.
    fn near_miss<'r>(
        &self,
        claims: &[&'r Arc<Claim>],
        to: &RegistryQuery<'_>,
        sought: &Sought<'_>,
        hit: Option<Hit<'_>>,
    ) -> Option<NearMiss<'r>> {
        let at_port = claims.iter().find(|claim| claim.port == sought.port);
        let claim = at_port.or_else(|| claims.first())?;
        let why = match at_port {
            Some(claim) => self.why_not(claim, to, sought, hit)?,
            None => self.hidden(claim).unwrap_or_else(|| {
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
    }
}
