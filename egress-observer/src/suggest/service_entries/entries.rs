//! From destinations to entries: one for a host and a namespace, with what its ports need.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    answer::{ConnectionTally, EntryUser, SuggestedEntry, Suggestions},
    host::Wildcard,
    known::{KnownMesh, Near},
    name::Names,
    observed::{EntryTarget, ObservedDestinations, Usage, WantedEntry},
    settings::EntrySettings,
};
use crate::service_entry::{EntryPort, Location, NewServiceEntry, Resolution, host_of};

/// As many elements as a list of a ServiceEntry may have (its CustomResourceDefinition).
const MOST: usize = 256;

/// What becomes one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    /// As it is written.
    pub(super) host: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// HTTP and TLS ports of a host: the client says the name.
    Named,
    /// The same below a wildcard.
    Wildcard,
    /// TCP ports of a host: the address tells.
    Bytes,
    /// An address that has no name.
    Address,
}

/// An entry in the making.
#[derive(Debug, Default)]
struct Draft {
    users: BTreeMap<(String, String), ConnectionTally>,
    ports: BTreeSet<u16>,
    addresses: BTreeSet<IpAddr>,
    hosts: BTreeSet<String>,
    near: BTreeSet<Near>,
}

/// The entries for everything that wants one, and what has none.
pub(super) fn plan(
    observed: &ObservedDestinations,
    settings: &EntrySettings,
    known: Option<&KnownMesh>,
) -> Suggestions {
    let mut drafts: BTreeMap<Key, Draft> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (wanted, usage) in &observed.wanted {
        let (key, wildcard) = key(wanted, settings);
        used.extend(wildcard);
        drafts.entry(key).or_default().add(wanted, usage);
    }
    let mut names = Names::default();
    for ((namespace, name), _) in known.into_iter().flat_map(KnownMesh::entries) {
        names.take(namespace, name);
    }
    let entries = drafts.iter().map(|(key, draft)| {
        let beside = key.kind == Kind::Bytes && drafts.contains_key(&key.named());
        let suffix = if beside { "-tcp" } else { "" };
        let name = names.name(&key.namespace, &key.host, suffix);
        draft.entry(key, name, settings)
    });
    let entries = entries.collect();
    let unused = settings.wildcards.iter().filter(|all| !used.contains(all));
    let unused = unused
        .map(|wildcard| wildcard.as_str().to_owned())
        .collect();
    Suggestions::new(entries, observed.not_suggested(), unused)
}

/// Which entry a destination belongs to, and the wildcard that it is below.
pub(super) fn key(wanted: &WantedEntry, settings: &EntrySettings) -> (Key, Option<Wildcard>) {
    let namespace = match &settings.in_namespace {
        Some(given) => given.0.clone(),
        None => wanted.namespace.clone(),
    };
    let (host, kind, wildcard) = match &wanted.target {
        EntryTarget::Address(ip) => (host_of(*ip), Kind::Address, None),
        EntryTarget::Host(host) if !settings.protocol(wanted.port).says_a_name() => {
            (host.clone(), Kind::Bytes, None)
        }
        EntryTarget::Host(host) => match nearest(&settings.wildcards, host) {
            Some(above) => (
                above.as_str().to_owned(),
                Kind::Wildcard,
                Some(above.clone()),
            ),
            None => (host.clone(), Kind::Named, None),
        },
    };
    let key = Key {
        namespace,
        host,
        kind,
    };
    (key, wildcard)
}

/// The longest wildcard that a host is below.
fn nearest<'w>(wildcards: &'w [Wildcard], host: &str) -> Option<&'w Wildcard> {
    let above = wildcards.iter().filter(|wildcard| wildcard.covers(host));
    above.max_by_key(|wildcard| wildcard.as_str().len())
}

impl Key {
    /// The entry for the ports of the host at which the client says the name.
    fn named(&self) -> Self {
        Self {
            kind: Kind::Named,
            ..self.clone()
        }
    }
}

impl Draft {
    fn add(&mut self, wanted: &WantedEntry, usage: &Usage) {
        self.ports.insert(wanted.port);
        self.addresses.extend(&usage.addresses);
        self.near.extend(usage.near.iter().cloned());
        if let EntryTarget::Host(host) = &wanted.target {
            self.hosts.insert(host.clone());
        }
        for (workload, (_, tally)) in &usage.users {
            let user = (wanted.namespace.clone(), workload.clone());
            self.users.entry(user).or_default().add(tally);
        }
    }

    fn entry(&self, key: &Key, name: String, settings: &EntrySettings) -> SuggestedEntry {
        let (resolution, because) = key.kind.resolution();
        let addresses = if key.kind.has_addresses() {
            self.addresses
                .iter()
                .take(MOST)
                .map(ToString::to_string)
                .collect()
        } else {
            Vec::new()
        };
        let ports = self.ports.iter().take(MOST).map(|number| {
            let protocol = settings.protocol(*number);
            let word = protocol.as_str().to_ascii_lowercase();
            EntryPort {
                number: *number,
                name: format!("{word}-{number}"),
                protocol,
                target: 0,
            }
        });
        let mut total = ConnectionTally::default();
        for tally in self.users.values() {
            total.add(tally);
        }
        let protocols = &settings.protocols;
        let guessed = self
            .ports
            .iter()
            .filter(|port| !protocols.contains_key(port));
        let wildcard = key.kind == Kind::Wildcard;
        SuggestedEntry {
            manifest: NewServiceEntry {
                version: settings.version,
                name,
                namespace: key.namespace.clone(),
                labels: BTreeMap::new(),
                hosts: vec![key.host.clone()],
                addresses,
                ports: ports.collect(),
                export_to: self.export_to(key, settings),
                resolution,
                location: Location::External,
            },
            connections: total.connections,
            used_by: self.used_by(),
            hosts: self.hosts.iter().filter(|_| wildcard).cloned().collect(),
            wanted: self.ports.iter().copied().collect(),
            guessed: guessed.copied().collect(),
            because,
            near: self.near.iter().cloned().collect(),
            notes: self.left_out(key.kind),
        }
    }

    fn used_by(&self) -> Vec<EntryUser> {
        let users = self.users.iter();
        let users = users.map(|((namespace, workload), tally)| EntryUser {
            namespace: namespace.clone(),
            workload: workload.clone(),
            tally: tally.clone(),
        });
        users.collect()
    }

    /// What an entry has no room for.
    fn left_out(&self, kind: Kind) -> Vec<String> {
        let addresses = kind.has_addresses().then_some(self.addresses.len());
        let lists = [(addresses, "addresses"), (Some(self.ports.len()), "ports")];
        let full = lists.into_iter().filter_map(|(n, what)| {
            let n = n.filter(|n| *n > MOST)?;
            Some(format!(
                "{n} {what} were observed, and an entry takes {MOST}"
            ))
        });
        full.collect()
    }

    /// As few as possible: the users' own namespace, if that is where the entry is.
    fn export_to(&self, key: &Key, settings: &EntrySettings) -> Vec<String> {
        if let Some(given) = &settings.export_to {
            return given.0.clone();
        }
        let own = self
            .users
            .keys()
            .all(|(namespace, _)| *namespace == key.namespace);
        vec![if own { "." } else { "*" }.to_owned()]
    }
}

impl Kind {
    const fn has_addresses(self) -> bool {
        match self {
            Self::Bytes | Self::Address => true,
            Self::Named | Self::Wildcard => false,
        }
    }

    /// How the proxy finds the host, and why so.
    const fn resolution(self) -> (Resolution, &'static str) {
        match self {
            Self::Named => (
                Resolution::Dns,
                "the client says the name (HTTP Host, TLS SNI), and the sidecar resolves it",
            ),
            Self::Wildcard => (
                Resolution::None,
                "a wildcard cannot be resolved: connections go where the client was going",
            ),
            Self::Bytes => (
                Resolution::Dns,
                "TCP says no name: only the addresses tell, and those are the ones observed",
            ),
            Self::Address => (
                Resolution::None,
                "no name is known: everything to this address and port is taken, by whatever name",
            ),
        }
    }
}
