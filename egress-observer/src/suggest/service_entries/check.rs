//! What an entry does not do for the connections that it is for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    answer::SuggestedEntry,
    entries::key,
    known::KnownMesh,
    observed::{EntryTarget, ObservedDestinations, Usage, WantedEntry},
    settings::EntrySettings,
};
use crate::{
    explain::To,
    flows::Caller,
    service_entry::NewServiceEntry,
    text::count,
    trial::{TriedChange, losses},
};
use egress_observer_istio::{
    registry::{Match, Registry, RegistryQuery},
    vocabulary::{Export, Protocol, Verdict},
};

/// How many notes an entry has at most.
const NOTES: usize = 8;
/// For how many namespaces it is tried what an entry takes away.
const USERS: usize = 8;

/// Says which connections no entry brings under control, since no sidecar sees them.
pub(super) fn note_unseen(entries: &mut [SuggestedEntry]) {
    let unseen = [
        (
            Verdict::ConfiguredBypass,
            "around the sidecar as configured: with the entry that is declared_bypass",
        ),
        (
            Verdict::UnexpectedBypass,
            "around the sidecar against the configuration: the entry has no effect there",
        ),
        (
            Verdict::Unmeshed,
            "out of pods without a sidecar: the entry has no effect there",
        ),
    ];
    for entry in entries {
        for (verdict, how) in unseen {
            let users = entry.used_by.iter();
            let counts = users.filter_map(|user| user.tally.verdicts.get(&verdict));
            let n = counts.fold(0_u64, |sum, n| sum.saturating_add(*n));
            if n > 0 {
                let n = count(n, "connection");
                entry.notes.push(format!("{n} went {how}"));
            }
        }
    }
}

/// Says which entries of a namespace have the same listener.
pub(super) fn note_shared(entries: &mut [SuggestedEntry]) {
    let mut hosts: BTreeMap<Listener, BTreeSet<String>> = BTreeMap::new();
    for entry in entries.iter() {
        for listener in listeners(&entry.manifest) {
            let of_listener = hosts.entry(listener).or_default();
            of_listener.extend(entry.manifest.hosts.iter().cloned());
        }
    }
    hosts.retain(|_, hosts| hosts.len() > 1);
    for entry in entries {
        let room = NOTES.saturating_sub(entry.notes.len());
        let shared = listeners(&entry.manifest).filter_map(|listener| {
            let others = hosts.get(&listener)?.iter();
            let others = others.filter(|host| !entry.manifest.hosts.contains(host));
            let others = others.cloned().collect::<Vec<_>>().join(", ");
            let (_, ip, port) = listener;
            Some(format!(
                "{ip} port {port} is {others}'s, too: the older entry gets all connections"
            ))
        });
        let shared: Vec<_> = shared.take(room).collect();
        entry.notes.extend(shared);
    }
}

/// Namespace, address and port.
type Listener = (String, String, u16);

fn listeners(manifest: &NewServiceEntry) -> impl Iterator<Item = Listener> {
    manifest.addresses.iter().flat_map(|address| {
        let ports = manifest.ports.iter();
        ports.map(|port| (manifest.namespace.clone(), address.clone(), port.number))
    })
}

/// Says which connections are still undeclared with all entries applied, and why.
pub(super) fn note_undeclared(
    entries: &mut [SuggestedEntry],
    observed: &ObservedDestinations,
    settings: &EntrySettings,
    applied: &KnownMesh,
) {
    let mut by_port: BTreeMap<(String, String, u16), usize> = BTreeMap::new();
    for (place, SuggestedEntry { manifest, .. }) in entries.iter().enumerate() {
        for host in &manifest.hosts {
            let ports = manifest.ports.iter().map(|port| port.number);
            by_port.extend(ports.map(|port| {
                let key = (manifest.namespace.clone(), host.clone(), port);
                (key, place)
            }));
        }
    }
    for (wanted, usage) in &observed.wanted {
        let (key, _) = key(wanted, settings);
        let place = by_port.get(&(key.namespace, key.host, wanted.port));
        let Some(entry) = place.and_then(|place| entries.get_mut(*place)) else {
            continue;
        };
        for (workload, from, to) in uses(wanted, usage) {
            if entry.notes.len() < NOTES {
                entry
                    .notes
                    .extend(still_undeclared(applied, workload, from, &to));
            }
        }
    }
}

/// Every connection that wants an entry: whose, and where to.
fn uses<'u>(
    wanted: &'u WantedEntry,
    usage: &'u Usage,
) -> impl Iterator<Item = (&'u str, &'u Caller, To)> {
    let unknown = usage.addresses.is_empty().then_some(None);
    let ips = usage.addresses.iter().copied().map(Some).chain(unknown);
    let destinations = ips.map(|ip| To {
        host: match &wanted.target {
            EntryTarget::Host(host) => Some(host.clone()),
            EntryTarget::Address(_) => None,
        },
        ip,
        port: wanted.port,
        protocol: Some(Protocol::Tcp),
    });
    destinations.flat_map(|to| {
        let users = usage.users.iter();
        users.map(move |(workload, (from, _))| (workload.as_str(), from, to.clone()))
    })
}

fn still_undeclared(applied: &KnownMesh, workload: &str, from: &Caller, to: &To) -> Option<String> {
    if !matches!(applied.lookup(from, to), Match::Undeclared { .. }) {
        return None;
    }
    let near = applied.near(from, to);
    let why = near
        .iter()
        .map(|near| format!("{}: {}", near.object, near.because));
    let why = why.collect::<Vec<_>>().join("; ");
    let namespace = &from.namespace;
    Some(format!(
        "not enough for {namespace}/{workload} to {to}: {why}"
    ))
}

/// Says what works today and would not any more with all entries applied.
pub(super) fn note_lost(entries: &mut [SuggestedEntry], before: &Registry, applied: &KnownMesh) {
    let after = applied.registry();
    for entry in entries {
        let users = entry.used_by.iter().map(|user| user.namespace.clone());
        let namespaces: BTreeSet<String> = users.collect();
        let change = [TriedChange::Declare(entry.manifest.clone())];
        for namespace in namespaces.iter().take(USERS) {
            let now = applied.sight(before, namespace);
            let then = applied.sight(&after, namespace);
            let to = RegistryQuery {
                ip: None,
                host: entry.manifest.hosts.first().map(String::as_str),
                port: entry.manifest.ports.first().map_or(0, |port| port.number),
                protocol: Protocol::Tcp,
            };
            let lost = losses(&now, &then, &to, &change);
            if !lost.is_empty() && entry.notes.len() < NOTES {
                let lost = lost.join("; ");
                entry
                    .notes
                    .push(format!("it breaks what works today in {namespace}: {lost}"));
            }
        }
    }
}

/// Says who does not see the entry that it needs.
pub(super) fn note_blind(entries: &mut [SuggestedEntry]) {
    for entry in entries {
        let NewServiceEntry {
            namespace,
            export_to,
            ..
        } = &entry.manifest;
        let export = Export::of(export_to, &[]);
        let users: BTreeSet<&str> = entry
            .used_by
            .iter()
            .map(|user| user.namespace.as_str())
            .collect();
        let blind: Vec<&str> = users
            .into_iter()
            .filter(|user| !export.shows_to(namespace, user))
            .collect();
        if !blind.is_empty() {
            let blind = blind.join(", ");
            entry
                .notes
                .push(format!("exportTo leaves out {blind}, which uses it"));
        }
    }
}
