//! From configuration and evidence to a verdict.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use egress_observer_common::Count;

use super::{
    asker::{Asker, Endpoint, Stage},
    evidence::{Evidence, Observed},
    table::{Case, judge, of_either},
};
use crate::{
    registry::{Match, ObjectKind},
    rules::Decision,
    view::Snapshot,
    vocabulary::{ObservedPath, Reason, RegistryMatch, Scope, Verdict, host_name::is_of_cluster},
};

/// What becomes of a connection, and what that follows from.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    /// The address that is dialled, if that is known: the one asked for, else the one that the mesh
    /// itself gives to the name.
    pub ip: Option<IpAddr>,
    /// How far away that is.
    pub scope: Scope,
    /// What the pod was set up to do with it.
    pub applied: Decision,
    /// The path that the evidence proves.
    pub path: ObservedPath,
    /// What the registry makes of the destination; of several names, of the first one.
    pub matched: Match<'a>,
    /// The host of the entry that takes it, as written there: the same one for every name.
    pub host: Option<&'a Arc<str>>,
    /// What the mesh knows of the destination: the same for every name, or unknown.
    pub registry: RegistryMatch,
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that decided, or what is missing.
    pub reason: Reason,
}

/// Judges a connection: the only place that turns configuration and evidence into a verdict.
///
/// `names` are those that the client may have meant: none if it dialled an address, several if any of
/// them leads to that address. Each is judged, and where they differ the verdict is unknown. Where
/// objects of the registry may be missing, a destination that nothing declares is unknown, too.
pub fn assess<'a>(
    snapshot: &'a Snapshot,
    asker: &Asker<'a>,
    to: &Endpoint,
    names: &[impl AsRef<str>],
    evidence: Evidence,
) -> Judgement<'a> {
    let [first, others @ ..] = names else {
        return of_name(snapshot, asker, to, None, evidence);
    };
    let mut all = of_name(snapshot, asker, to, Some(first.as_ref()), evidence);
    for name in others {
        let other = of_name(snapshot, asker, to, Some(name.as_ref()), evidence);
        all = all.or(other);
    }
    all
}

/// What can be said of a connection of nobody who is known: the path, and what is missing.
pub fn assess_nobody(
    snapshot: &Snapshot,
    ip: IpAddr,
    count: Count,
) -> (Scope, ObservedPath, Reason) {
    let scope = snapshot.scope_from_anywhere(ip);
    let path = Evidence::of_nobody(count, scope);
    (scope, path, snapshot.why_unattributed())
}

fn of_name<'a>(
    snapshot: &'a Snapshot,
    asker: &Asker<'a>,
    to: &Endpoint,
    name: Option<&str>,
    evidence: Evidence,
) -> Judgement<'a> {
    let ip = to
        .ip
        .or_else(|| address_of(snapshot, asker, name?, to.port));
    let to = Endpoint { ip, ..*to };
    let scope = scope(snapshot, asker, ip, name);
    let applied = asker.decide(Stage::Applied, &to);
    let observed = evidence.observed(applied, to.protocol, scope);
    let matched = snapshot.registry.lookup(&asker.viewer, &to.query(name));
    let registry = known(snapshot, &matched, scope);
    let (verdict, reason) = verdict(snapshot, asker, applied, observed, registry);
    Judgement {
        ip,
        scope,
        applied,
        path: observed.path(),
        matched,
        host: match matched {
            Match::Declared(hit) => Some(hit.host),
            Match::Undeclared { .. } | Match::NameNeeded { .. } | Match::AddressNeeded(_) => None,
        },
        registry,
        verdict,
        reason,
    }
}

fn verdict(
    snapshot: &Snapshot,
    asker: &Asker<'_>,
    applied: Decision,
    observed: Observed,
    registry: RegistryMatch,
) -> (Verdict, Reason) {
    judge(&Case {
        actor: asker.role.actor,
        unmeshed: asker.pod.applied.membership.outside(),
        decision: applied,
        observed,
        registry,
        lacking: if snapshot.registry_unknown() {
            Reason::NotSynced
        } else {
            Reason::NameNeeded
        },
        policy: asker.policy,
    })
}

impl Judgement<'_> {
    /// The judgement over a connection that may have been this one or another: what is the same.
    fn or(self, other: Self) -> Self {
        let [one, also] = [&self, &other].map(|judged| (judged.verdict, judged.reason));
        let (verdict, reason) = of_either(one, also);
        Self {
            verdict,
            reason,
            host: self.host.filter(|host| Some(*host) == other.host),
            registry: if self.registry == other.registry {
                self.registry
            } else {
                RegistryMatch::Unknown
            },
            ..self
        }
    }
}

/// What an answer of the registry means for the verdict. What is inside the cluster is known, even
/// if no entry says so.
fn known(snapshot: &Snapshot, matched: &Match<'_>, scope: Scope) -> RegistryMatch {
    match matched {
        Match::Declared(hit) if hit.entry.object.kind == ObjectKind::ServiceEntry => {
            RegistryMatch::ServiceEntry
        }
        Match::Declared(_) => RegistryMatch::Cluster,
        _ if scope == Scope::Cluster => RegistryMatch::Cluster,
        Match::Undeclared { .. } if !snapshot.registry_unknown() => RegistryMatch::Undeclared,
        Match::Undeclared { .. } | Match::NameNeeded { .. } | Match::AddressNeeded(_) => {
            RegistryMatch::Unknown
        }
    }
}

/// The address of a name that the mesh itself gives one: a Service's, or, where the proxy answers DNS,
/// a ServiceEntry's.
fn address_of(snapshot: &Snapshot, asker: &Asker<'_>, name: &str, port: u16) -> Option<IpAddr> {
    if name == "localhost" {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let own = &asker.pod.ips;
    let addresses = snapshot.registry.addresses_of(&asker.viewer, name, port);
    addresses
        .into_iter()
        .find(|ip| own.is_empty() || own.iter().any(|own| own.is_ipv4() == ip.is_ipv4()))
}

/// How far away it is. The cluster's own names are inside it, whether or not the Service is given.
fn scope(snapshot: &Snapshot, asker: &Asker<'_>, ip: Option<IpAddr>, name: Option<&str>) -> Scope {
    match ip {
        Some(ip) => snapshot.scope(asker.pod, ip),
        None if name.is_some_and(is_of_cluster) => Scope::Cluster,
        None => Scope::External,
    }
}
