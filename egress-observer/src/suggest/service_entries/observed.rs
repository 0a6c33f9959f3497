//! What came of the recorded connections: those that want an entry, those that cannot have one, and
//! what the entries of today take.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    answer::{ConnectionTally, NotSuggested, WhyNotSuggested},
    known::{EntryId, Near, id},
    recorded::{tally, workload},
};
use crate::flows::{Caller, RecordedFlow};
use egress_observer_istio::{registry::Match, vocabulary::Protocol};

/// Destinations, and entries that there are.
#[derive(Debug, Default)]
pub(crate) struct ObservedDestinations {
    pub(super) wanted: BTreeMap<WantedEntry, Usage>,
    refused: BTreeMap<Refused, u64>,
    pub(super) coverage: BTreeMap<EntryId, Coverage>,
    /// Connections that any entry on their port may take, since no name is known.
    pub(super) nameless: u64,
}

/// A destination of a namespace's workloads that the mesh does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WantedEntry {
    pub(super) namespace: String,
    pub(super) target: EntryTarget,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EntryTarget {
    Host(String),
    /// No name is known.
    Address(IpAddr),
}

/// Who connects there, and what stands near it.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// By workload.
    pub(super) users: BTreeMap<String, (Caller, ConnectionTally)>,
    pub(super) addresses: BTreeSet<IpAddr>,
    pub(super) near: BTreeSet<Near>,
}

/// What is told of a destination that has no entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Refused {
    namespace: String,
    names: Vec<String>,
    ip: Option<IpAddr>,
    port: u16,
    protocol: Protocol,
    reason: WhyNotSuggested,
}

/// What an entry of today has to do with these connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Coverage {
    /// Connections that it takes.
    pub(super) connections: u64,
    /// Connections that it may take: several names lead to the address, or none is known.
    pub(super) perhaps: u64,
}

/// How many near entries are kept of one destination.
const NEAR: usize = 8;

impl ObservedDestinations {
    pub(super) fn want(&mut self, flow: &RecordedFlow, target: EntryTarget, near: BTreeSet<Near>) {
        let wanted = WantedEntry {
            namespace: flow.from.namespace.clone(),
            target,
            port: flow.to.port,
        };
        let usage = self.wanted.entry(wanted).or_default();
        let (_, sum) = usage
            .users
            .entry(workload(&flow.from).to_owned())
            .or_insert_with(|| (flow.from.clone(), ConnectionTally::default()));
        sum.add(&tally(flow));
        usage.addresses.extend(flow.to.ip);
        for near in near {
            if usage.near.len() < NEAR {
                usage.near.insert(near);
            }
        }
    }

    pub(super) fn refuse(&mut self, flow: &RecordedFlow, reason: WhyNotSuggested) {
        let refused = Refused {
            namespace: flow.from.namespace.clone(),
            names: flow.names.clone(),
            ip: flow.to.ip,
            port: flow.to.port,
            protocol: flow.to.protocol.unwrap_or(Protocol::Tcp),
            reason,
        };
        let n = self.refused.entry(refused).or_default();
        *n = n.saturating_add(flow.n);
    }

    /// Counts for the entries of today that take it, or may, or have its host.
    pub(super) fn cover(
        &mut self,
        flow: &RecordedFlow,
        matches: &[Match<'_>],
        near: &BTreeSet<Near>,
    ) {
        let (mut certain, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        let mut nameless = false;
        for matched in matches {
            match matched {
                Match::Declared(hit) if matches.len() == 1 => certain.extend(id(&hit.entry.object)),
                Match::Declared(hit) | Match::AddressNeeded(hit) => {
                    perhaps.extend(id(&hit.entry.object));
                }
                Match::NameNeeded { .. } => nameless = true,
                Match::Ruled(_) | Match::Undeclared { .. } | Match::Refused => {}
            }
        }
        for id in certain {
            let n = &mut self.coverage.entry(id).or_default().connections;
            *n = n.saturating_add(flow.n);
        }
        for id in perhaps {
            let n = &mut self.coverage.entry(id).or_default().perhaps;
            *n = n.saturating_add(flow.n);
        }
        // What has the host was asked for, though it does not take the connection.
        let asked = near.iter().filter(|near| near.to_change);
        for id in asked.filter_map(|near| near.id.clone()) {
            self.coverage.entry(id).or_default();
        }
        if nameless {
            self.nameless = self.nameless.saturating_add(flow.n);
        }
    }

    /// What has no entry, by namespace and name.
    pub(super) fn not_suggested(&self) -> Vec<NotSuggested> {
        let refused = self.refused.iter();
        let told = refused.map(|(refused, connections)| NotSuggested {
            namespace: refused.namespace.clone(),
            ip: refused.ip,
            names: refused.names.clone(),
            port: refused.port,
            protocol: refused.protocol,
            reason: refused.reason,
            connections: *connections,
        });
        told.collect()
    }
}
