//! Which of the recorded connections want an entry, and which cannot have one.

use std::collections::BTreeSet;

use super::{
    answer::WhyNotSuggested,
    known::{KnownMesh, Near},
    observed::{EntryTarget, ObservedDestinations},
    recorded::{by_itself, of_proxy, recorded_as_undeclared},
    settings::EntrySettings,
};
use crate::{
    explain::To,
    flows::{Caller, RecordedFlow},
};
use egress_observer_istio::{
    registry::Match,
    vocabulary::{
        Protocol, RegistryMatch, Scope,
        host_name::{is_istio_name, is_label},
    },
};

/// Takes flows in, one after the other.
#[derive(Debug)]
pub(crate) struct Observer<'a> {
    settings: &'a EntrySettings,
    known: Option<&'a KnownMesh>,
    observed: ObservedDestinations,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(settings: &'a EntrySettings, known: Option<&'a KnownMesh>) -> Self {
        Self {
            settings,
            known,
            observed: ObservedDestinations::default(),
        }
    }

    pub(crate) fn finish(self) -> ObservedDestinations {
        self.observed
    }

    pub(crate) fn add(&mut self, flow: &RecordedFlow) {
        if of_proxy(flow) {
            return;
        }
        let meant = flow.meant();
        let matches = matches(self.known, &flow.from, &meant);
        let near = self.near(flow, &meant, &matches);
        self.observed.cover(flow, &matches, &near);
        if !self.is_asked_for(flow) || self.scope(flow) != Scope::External {
            return;
        }
        let service = near.iter().any(|near| near.is_service);
        match self.decide(flow, &meant, &matches) {
            Some(Ok(_)) if service => self.observed.refuse(flow, WhyNotSuggested::Service),
            None => {}
            Some(Ok(target)) => self.observed.want(flow, target, near),
            Some(Err(reason)) => self.observed.refuse(flow, reason),
        }
    }

    fn is_asked_for(&self, flow: &RecordedFlow) -> bool {
        let EntrySettings {
            namespaces,
            verdicts,
            ..
        } = self.settings;
        let (own, verdict) = (&flow.from.namespace, flow.seen.verdict);
        (namespaces.is_empty() || namespaces.iter().any(|known| known.0 == *own))
            && (verdicts.is_empty() || verdicts.iter().any(|known| verdict == Some(*known)))
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
    ) -> Option<Result<EntryTarget, WhyNotSuggested>> {
        if flow.to.protocol == Some(Protocol::Udp) {
            return Some(Err(WhyNotSuggested::Udp));
        }
        match flow.seen.registry {
            Some(RegistryMatch::ServiceEntry | RegistryMatch::Cluster) => return None,
            Some(RegistryMatch::Undeclared | RegistryMatch::Unknown) | None => {}
        }
        let mut lookups = matches.iter();
        if !matches.is_empty() && lookups.all(|matched| matches!(matched, Match::Declared(_))) {
            return None;
        }
        let [to] = meant else {
            return Some(Err(WhyNotSuggested::AmbiguousName));
        };
        let told = !matches.is_empty() || recorded_as_undeclared(flow);
        Some(match (&to.host, to.ip, matches.first()) {
            (Some(_), _, Some(Match::AddressNeeded(_))) => Err(WhyNotSuggested::AddressNeeded),
            (Some(_), _, Some(Match::NameNeeded { .. })) => Err(WhyNotSuggested::NotTold),
            (Some(_), _, _) if !told => Err(WhyNotSuggested::NotTold),
            (Some(host), _, _) => self.valid(flow, EntryTarget::Host(host.clone())),
            (None, Some(ip), _) if self.settings.include_addresses => {
                if told || flow.seen.registry == Some(RegistryMatch::Unknown) {
                    self.valid(flow, EntryTarget::Address(ip))
                } else {
                    Err(WhyNotSuggested::NotTold)
                }
            }
            (None, _, _) => Err(WhyNotSuggested::NoName),
        })
    }

    /// Whether what would be written is taken by Istio and Kubernetes.
    fn valid(
        &self,
        flow: &RecordedFlow,
        target: EntryTarget,
    ) -> Result<EntryTarget, WhyNotSuggested> {
        let named = self.settings.protocol(flow.to.port).says_a_name();
        match &target {
            _ if !is_label(&flow.from.namespace) => Err(WhyNotSuggested::InvalidNamespace),
            EntryTarget::Host(host) if !is_istio_name(host) => Err(WhyNotSuggested::InvalidHost),
            EntryTarget::Host(_) if !named && flow.to.ip.is_none() => {
                Err(WhyNotSuggested::NoAddress)
            }
            EntryTarget::Host(_) | EntryTarget::Address(_) => Ok(target),
        }
    }

    /// What is near a destination that is undeclared.
    fn near(&self, flow: &RecordedFlow, meant: &[To], matches: &[Match<'_>]) -> BTreeSet<Near> {
        match (self.known, meant, matches) {
            (Some(known), [to], [Match::Undeclared { .. }]) => known.near(&flow.from, to),
            _ => BTreeSet::new(),
        }
    }
}

/// What today's objects make of each destination; nothing, if there are none.
fn matches<'k>(known: Option<&'k KnownMesh>, from: &'k Caller, meant: &[To]) -> Vec<Match<'k>> {
    let lookups = known.map(|known| meant.iter().map(move |to| known.lookup(from, to)));
    lookups.into_iter().flatten().collect()
}
