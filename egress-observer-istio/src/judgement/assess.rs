//! From configuration and evidence to a verdict.

use std::{net::IpAddr, sync::Arc};

use egress_observer_common::Count;

use super::{
    asker::{Asker, Endpoint, Stage},
    evidence::Evidence,
    known::KnownDestination,
    place::DialledPlace,
    table::{Case, judge, of_either},
};
use crate::{
    injection::pod::Rules,
    registry::{Match, Routed},
    rules::Decision,
    view::Snapshot,
    vocabulary::{
        NameReach, ObservedPath, Reason, RegistryMatch, Scope, Verdict,
        host_name::{is_of_cluster, normal},
    },
};

/// What becomes of a connection, and what that follows from.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    /// The address that is dialled, if that is known: the one asked for, else the one that the mesh
    /// itself gives to the name.
    pub ip: Option<IpAddr>,
    /// Whether that address is one that Istio allocates, even where it is not known which one.
    pub is_allocated: bool,
    /// How far away the destination is from the pod.
    pub scope: Scope,
    /// What the pod was set up to do with the connection.
    pub applied: Decision,
    /// Which addresses the name may have, where none is given.
    pub reach: NameReach,
    /// Whether `applied` holds only as a public name leads to no link-local address.
    pub rests_on_name: bool,
    /// The path that the evidence proves.
    pub path: ObservedPath,
    /// What the registry makes of the destination; of several names, of the first one.
    pub matched: Match<'a>,
    /// The host of the entry that takes it, as written there: the same one for every name.
    pub host: Option<&'a Arc<str>>,
    /// What the mesh knows of the destination: the same for every name, or unknown.
    pub registry: RegistryMatch,
    /// The judgement in one word, which follows from all of the above.
    pub verdict: Verdict,
    /// The rule that decided, or what is missing for a decision.
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
    let place = DialledPlace::of(snapshot, asker, to.ip, name);
    let to = Endpoint {
        ip: place.ip,
        ..*to
    };
    let scope = scope(snapshot, asker, place.ip, name);
    let decided = Endpoint {
        ip: place.decided_by(),
        ..to
    };
    let reach = reach(snapshot, asker, name);
    let applied = asker.decide(Stage::Applied, &decided, reach);
    let observed = evidence.observed(applied, to.protocol, scope);
    let matched = snapshot.registry.lookup(&asker.viewer, &to.query(name));
    let known = KnownDestination::of(snapshot, &asker.viewer, &matched, (scope, place.ip));
    let (verdict, reason) = judge(&Case {
        actor: asker.role.actor,
        unmeshed: asker.pod.applied.membership.outside(),
        decision: applied,
        observed,
        registry: known.registry,
        fate: known.fate,
        allocated: place.is_allocated,
        unheard: asker.unheard(place.ip, evidence),
        before_rules: asker.role.rules == Rules::MadeLater,
        lacking: known.lacking,
        policy: asker.policy,
        policy_lacks: asker.policy_lacks,
    });
    Judgement {
        ip: place.ip,
        is_allocated: place.is_allocated,
        scope,
        applied,
        reach,
        rests_on_name: asker.rests_on_name(Stage::Applied, &decided, reach),
        path: observed.path(),
        matched,
        host: match matched {
            Match::Declared(hit) => Some(hit.host),
            Match::Ruled(_)
            | Match::Undeclared { .. }
            | Match::NameNeeded { .. }
            | Match::Refused
            | Match::AddressNeeded(_) => None,
        },
        registry: known.registry,
        verdict,
        reason,
    }
}

impl<'a> Judgement<'a> {
    /// The cluster that the mesh sends the connection to; `None` if it does not know the
    /// destination.
    pub fn routed(&self) -> Option<Routed<'a>> {
        match self.matched {
            Match::Declared(hit) => Some(hit.routed),
            Match::Ruled(routed) => Some(routed),
            Match::Undeclared { .. }
            | Match::NameNeeded { .. }
            | Match::Refused
            | Match::AddressNeeded(_) => None,
        }
    }

    /// The judgement over a connection that may have been this one or another: what is the same.
    fn or(self, other: Self) -> Self {
        let [one, also] = [&self, &other].map(|judged| (judged.verdict, judged.reason));
        let (verdict, reason) = of_either(one, also);
        Self {
            verdict,
            reason,
            rests_on_name: self.rests_on_name || other.rests_on_name,
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

/// How far away it is. The cluster's own names are inside it, whether or not the Service is given.
fn scope(snapshot: &Snapshot, asker: &Asker<'_>, ip: Option<IpAddr>, name: Option<&str>) -> Scope {
    let domain = snapshot.registry.cluster_domain();
    match ip {
        Some(ip) => snapshot.scope(asker.pod, ip),
        None if name.is_some_and(|name| is_of_cluster(&normal(name), domain)) => Scope::Cluster,
        None => Scope::External,
    }
}

/// Which addresses a name may have: what the mesh's objects say of it comes before its spelling.
fn reach(snapshot: &Snapshot, asker: &Asker<'_>, name: Option<&str>) -> NameReach {
    let Some(name) = name.map(normal) else {
        return NameReach::Anywhere;
    };
    let registry = &snapshot.registry;
    if registry.may_be_link_local(&asker.viewer, &name) {
        NameReach::Anywhere
    } else {
        NameReach::of(&name, registry.cluster_domain())
    }
}
