//! Which of the recorded connections want an entry, which cannot have one, and which an entry of
//! today takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    NotSuggested, Refusal, Settings, Tally,
    known::{Id, Known, Near, id},
    recorded::{by_itself, of_proxy, recorded_as_undeclared, tally, workload},
};
use crate::{
    explain::To,
    flows::{Caller, RecordedFlow},
};
use egress_observer_istio::{
    registry::Match,
    vocabulary::{
        Protocol, RegistryMatch, Scope, Verdict,
        host_name::{is_istio_name, is_label},
    },
};

/// Takes flows in, one after the other.
#[derive(Debug)]
pub(crate) struct Observer<'a> {
    settings: &'a Settings,
    known: Option<&'a Known>,
    observed: Observed,
}

/// What came of them.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(super) wanted: BTreeMap<Wanted, Usage>,
    refused: BTreeMap<Refused, u64>,
    pub(super) coverage: BTreeMap<Id, Coverage>,
    /// Connections that any entry on their port may take, since no name is known.
    pub(super) nameless: u64,
}

/// A destination of a namespace's workloads that the mesh does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) namespace: String,
    pub(super) target: Target,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Host(String),
    /// No name is known.
    Address(IpAddr),
}

/// Who connects there, and what stands near it.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// By workload.
    pub(super) users: BTreeMap<String, (Caller, Tally)>,
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
    reason: Refusal,
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

impl<'a> Observer<'a> {
    pub(crate) fn new(settings: &'a Settings, known: Option<&'a Known>) -> Self {
        Self {
            settings,
            known,
            observed: Observed::default(),
        }
    }

    pub(crate) fn finish(self) -> Observed {
        self.observed
    }

    pub(crate) fn add(&mut self, flow: &RecordedFlow) {
        if of_proxy(flow) {
            return;
        }
        let meant = flow.meant();
        let matches = matches(self.known, &flow.from, &meant);
        let near = self.near(flow, &meant, &matches);
        self.cover(flow, &matches, &near);
        if !self.is_asked_for(flow) || self.scope(flow) != Scope::External {
            return;
        }
        match self.decide(flow, &meant, &matches) {
            None => {}
            Some(Ok(target)) => self.want(flow, target, near),
            Some(Err(reason)) => self.refuse(flow, reason),
        }
    }

    fn is_asked_for(&self, flow: &RecordedFlow) -> bool {
        let Settings {
            namespaces,
            verdicts,
            ..
        } = self.settings;
        let namespace = |known: &super::Namespace| known.0 == flow.from.namespace;
        let verdict = |known: &Verdict| flow.seen.verdict == Some(*known);
        (namespaces.is_empty() || namespaces.iter().any(namespace))
            && (verdicts.is_empty() || verdicts.iter().any(verdict))
    }

    /// What was recorded as near stays near. What was recorded as external may be inside after all:
    /// whoever recorded it may not have known the cluster's ranges.
    fn scope(&self, flow: &RecordedFlow) -> Scope {
        if let Some(near) = flow.seen.scope.filter(|scope| *scope != Scope::External) {
            return near;
        }
        let known = self
            .known
            .and_then(|known| known.scope(&flow.from, &flow.to));
        known.or(flow.seen.scope).unwrap_or_else(|| by_itself(flow))
    }

    /// Whether a connection wants an entry, and for what. None: it has one, or needs none.
    ///
    /// 1. UDP cannot have one.
    /// 2. What was recorded as declared has one.
    /// 3. So has what today's objects declare, whichever of its names was meant.
    /// 4. With several names, or none, it is not known what to declare.
    /// 5. Today's objects tell whether the rest is undeclared; without them, what was recorded does.
    fn decide(
        &self,
        flow: &RecordedFlow,
        meant: &[To],
        matches: &[Match<'_>],
    ) -> Option<Result<Target, Refusal>> {
        if flow.to.protocol == Some(Protocol::Udp) {
            return Some(Err(Refusal::Udp));
        }
        match flow.seen.registry {
            Some(RegistryMatch::ServiceEntry | RegistryMatch::Cluster) => return None,
            Some(RegistryMatch::Undeclared | RegistryMatch::Unknown) | None => {}
        }
        let declared = |matched: &Match<'_>| matches!(matched, Match::Declared(_));
        if !matches.is_empty() && matches.iter().all(declared) {
            return None;
        }
        let [to] = meant else {
            return Some(Err(Refusal::AmbiguousName));
        };
        let told = !matches.is_empty() || recorded_as_undeclared(flow);
        Some(match (&to.host, to.ip, matches.first()) {
            (Some(_), _, Some(Match::AddressNeeded(_))) => Err(Refusal::AddressNeeded),
            (Some(_), _, Some(Match::NameNeeded { .. })) => Err(Refusal::NotTold),
            (Some(_), _, _) if !told => Err(Refusal::NotTold),
            (Some(host), _, _) => self.valid(flow, Target::Host(host.clone())),
            (None, Some(ip), _) if self.settings.include_addresses => {
                if told || flow.seen.registry == Some(RegistryMatch::Unknown) {
                    self.valid(flow, Target::Address(ip))
                } else {
                    Err(Refusal::NotTold)
                }
            }
            (None, _, _) => Err(Refusal::NoName),
        })
    }

    /// Whether what would be written is taken by Istio and Kubernetes.
    fn valid(&self, flow: &RecordedFlow, target: Target) -> Result<Target, Refusal> {
        let named = self.settings.protocol(flow.to.port).says_a_name();
        match &target {
            _ if !is_label(&flow.from.namespace) => Err(Refusal::InvalidNamespace),
            Target::Host(host) if !is_istio_name(host) => Err(Refusal::InvalidHost),
            Target::Host(_) if !named && flow.to.ip.is_none() => Err(Refusal::NoAddress),
            Target::Host(_) | Target::Address(_) => Ok(target),
        }
    }

    /// What is near a destination that is undeclared.
    fn near(&self, flow: &RecordedFlow, meant: &[To], matches: &[Match<'_>]) -> BTreeSet<Near> {
        match (self.known, meant, matches) {
            (Some(known), [to], [Match::Undeclared { .. }]) => known.near(&flow.from, to),
            _ => BTreeSet::new(),
        }
    }

    fn want(&mut self, flow: &RecordedFlow, target: Target, near: BTreeSet<Near>) {
        let wanted = Wanted {
            namespace: flow.from.namespace.clone(),
            target,
            port: flow.to.port,
        };
        let usage = self.observed.wanted.entry(wanted).or_default();
        let (_, sum) = usage
            .users
            .entry(workload(&flow.from).to_owned())
            .or_insert_with(|| (flow.from.clone(), Tally::default()));
        sum.add(&tally(flow));
        usage.addresses.extend(flow.to.ip);
        for near in near {
            if usage.near.len() < NEAR {
                usage.near.insert(near);
            }
        }
    }

    fn refuse(&mut self, flow: &RecordedFlow, reason: Refusal) {
        let refused = Refused {
            namespace: flow.from.namespace.clone(),
            names: flow.names.clone(),
            ip: flow.to.ip,
            port: flow.to.port,
            protocol: flow.to.protocol.unwrap_or(Protocol::Tcp),
            reason,
        };
        let n = self.observed.refused.entry(refused).or_default();
        *n = n.saturating_add(flow.n);
    }

    /// Counts for the entries of today that take it, or may, or have its host.
    fn cover(&mut self, flow: &RecordedFlow, matches: &[Match<'_>], near: &BTreeSet<Near>) {
        let (mut certain, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        let mut nameless = false;
        for matched in matches {
            match matched {
                Match::Declared(hit) if matches.len() == 1 => certain.extend(id(&hit.entry.object)),
                Match::Declared(hit) | Match::AddressNeeded(hit) => {
                    perhaps.extend(id(&hit.entry.object));
                }
                Match::NameNeeded { .. } => nameless = true,
                Match::Undeclared { .. } => {}
            }
        }
        let mut count = |id: Id, field: fn(&mut Coverage) -> &mut u64| {
            let n = field(self.observed.coverage.entry(id).or_default());
            *n = n.saturating_add(flow.n);
        };
        for id in certain {
            count(id, |coverage| &mut coverage.connections);
        }
        for id in perhaps {
            count(id, |coverage| &mut coverage.perhaps);
        }
        // What has the host was asked for, though it does not take the connection.
        let asked = near.iter().filter(|near| near.to_change);
        for id in asked.filter_map(|near| near.id.clone()) {
            self.observed.coverage.entry(id).or_default();
        }
        if nameless {
            self.observed.nameless = self.observed.nameless.saturating_add(flow.n);
        }
    }
}

impl Observed {
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

/// What today's objects make of each destination; nothing, if there are none.
fn matches<'k>(known: Option<&'k Known>, from: &'k Caller, meant: &[To]) -> Vec<Match<'k>> {
    let lookups = known.map(|known| meant.iter().map(move |to| known.lookup(from, to)));
    lookups.into_iter().flatten().collect()
}
