//! Entries that one would expect to take a connection, and do not.

use std::{collections::BTreeMap, hash::Hash, sync::Arc};

use super::{
    claim::Claim,
    host_entry::HostEntry,
    listener::{Listener, Part},
    miss::{NearMiss, Why},
    object_ref::ObjectRef,
    query::{Hit, Match, RegistryQuery, Viewer},
    reader::{Audience, Reader},
    shelf::Shelf,
    sought::Sought,
    store::Registry,
    view::ClientView,
};
use crate::vocabulary::Host;

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
            Match::Ruled(_)
            | Match::Undeclared { .. }
            | Match::Refused
            | Match::NameNeeded { .. } => None,
        };
        let mut hosts: BTreeMap<(&ObjectRef, &Host), &'r Arc<HostEntry>> = BTreeMap::new();
        for of in self.candidates(&view, &sought) {
            hosts.insert((&of.entry.object, &of.host), of);
        }
        hosts
            .values()
            .filter_map(|of| view.near_miss(of, to, &sought, hit))
            .take(MOST)
            .collect()
    }

    fn candidates<'r>(
        &'r self,
        view: &ClientView<'r, '_>,
        sought: &Sought<'_>,
    ) -> Vec<&'r Arc<HostEntry>> {
        let index = &self.index;
        let mut found = Vec::new();
        if let Some(name) = &sought.host {
            for name in view.spellings(name) {
                let below = index.by_host.at(&name, true);
                for claims in index.by_host.covering(&name).chain(below) {
                    found.extend(claims.all().take(LOOKED_AT));
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
            found.extend(self.neighbours(view.audience(), sought.port));
        }
        found
    }

    /// Some of the entries that names lead to on a port, where no entry is anything like the name.
    fn neighbours(&self, audience: Audience, port: u16) -> impl Iterator<Item = &Arc<HostEntry>> {
        let parts = [Part::HttpByNameOnly, Part::TlsByNameOnly];
        let keys = parts.map(|part| Listener::both(port, part));
        let keys = keys.into_iter().flatten();
        let claims = keys.flat_map(move |key| {
            let seen = self.index.listeners.seen(key, audience);
            seen.map(|(_, claim)| &claim.of).take(NEIGHBOURS)
        });
        claims.take(NEIGHBOURS)
    }
}

fn curious<K: Copy + Eq + Hash>(shelf: &Shelf<K>, key: K) -> impl Iterator<Item = &Arc<HostEntry>> {
    let claims = shelf.of(key, Reader::Curious).take(LOOKED_AT);
    claims.map(|claim| &claim.of)
}

impl ClientView<'_, '_> {
    /// Why an entry's host is not what a connection leads to, if it is not.
    fn near_miss<'r>(
        &self,
        of: &'r Arc<HostEntry>,
        to: &RegistryQuery<'_>,
        sought: &Sought<'_>,
        hit: Option<Hit<'_>>,
    ) -> Option<NearMiss<'r>> {
        let at_port = Claim::all(of).find(|claim| claim.port() == sought.port);
        let why = match at_port {
            Some(claim) => self.why_not(&claim, to, sought, hit)?,
            None => self.hidden(of).unwrap_or_else(|| {
                let mut ports: Vec<u16> = of.ports.iter().map(|port| port.number).collect();
                ports.sort_unstable();
                Why::OtherPorts(ports)
            }),
        };
        Some(NearMiss {
            entry: &of.entry,
            host: &of.host_as_written,
            why,
        })
    }
}
