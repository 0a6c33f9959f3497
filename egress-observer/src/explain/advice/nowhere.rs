//! Ways out of a connection that cannot arrive, whatever the policy.

use super::{
    case::AdviceCase,
    declare::{port, to_know, ways as to_declare},
    proposal::{Proposal, checked, price_of},
    target::WantedTarget,
};
use crate::{
    explain::answer::{Advice, Explanation, Method},
    trial::{TriedChange, differences},
};
use egress_observer_istio::{
    registry::{Fate, Hit, Match, ObjectKind, ObjectRef, RegistryQuery, Routed},
    vocabulary::{Expected, Protocol, Reason, Verdict},
};

/// What there is to do, by what keeps it from arriving.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "three reasons are about what the mesh knows"
)]
pub(super) fn ways(explanation: &Explanation, case: &AdviceCase<'_>) -> Vec<Advice> {
    match explanation.reason {
        Reason::AllocatedAddress => allocated(explanation, case),
        Reason::NoCluster => no_cluster(case),
        Reason::NoEndpoints => no_endpoints(case),
        _ => Vec::new(),
    }
}

/// An address that Istio allocates: it has to reach the sidecar, at a port that the entry has; or the
/// name leads to the host's own addresses.
fn allocated(explanation: &Explanation, case: &AdviceCase<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    if explanation.applied.expected == Expected::Captured {
        advice.extend(to_declare(case));
    } else if case.is_known() && explanation.desired.expected != Expected::Captured {
        advice.push(super::capture(explanation));
    }
    advice.extend(unallocated(case));
    advice
}

/// Istio reads the label from 1.25 on (`ShouldV2AutoAllocateIP` in
/// `pilot/pkg/networking/serviceentry/ip_autoallocation.go`); before, proxies allocate by themselves.
fn unallocated(case: &AdviceCase<'_>) -> Vec<Advice> {
    let near = case.near.iter().map(|miss| &miss.entry.object);
    let object = match case.judged.matched {
        Match::Declared(hit) => Some(&hit.entry.object),
        Match::Ruled(_)
        | Match::Undeclared { .. }
        | Match::NameNeeded { .. }
        | Match::Refused
        | Match::AddressNeeded(_) => { near }.find(|it| it.kind == ObjectKind::ServiceEntry),
    };
    let Some(object) = object.filter(|_| case.asker.viewer().is_since(25)) else {
        return Vec::new();
    };
    let proposal = Proposal {
        method: Method::NoAllocation,
        what: Some(format!(
            "Have Istio allocate no address to {object}: names lead to the host's own addresses then."
        )),
        price:
            "TCP ports of the entry need spec.addresses, or they take every connection to their \
                numbers. Clients must ask DNS anew."
                .to_owned(),
        changes: vec![TriedChange::NotAllocated {
            object: object.clone(),
        }],
        import: None,
        at: None,
    };
    let arrives = |verdict| {
        matches!(
            verdict,
            Verdict::Mediated
                | Verdict::Passthrough
                | Verdict::DeclaredBypass
                | Verdict::ConfiguredBypass
        )
    };
    let case = AdviceCase {
        // The address is gone with the allocation.
        ip_is_given: false,
        host: case
            .host
            .or_else(|| Some(*case.registry().hosts_of(object).first()?)),
        ..*case
    };
    checked(&case, [proposal], arrives)
}

/// A cluster that the sidecar does not have.
fn no_cluster(case: &AdviceCase<'_>) -> Vec<Advice> {
    let Some(routed) = case.judged.routed() else {
        return Vec::new();
    };
    match (case.judged.matched, routed.via) {
        (_, Some(via)) => missing_destination(case, &routed, via),
        (Match::Declared(hit), None) if hit.routed.fate == Fate::NoCluster => unmerged(case, &hit),
        _ => Vec::new(),
    }
}

/// A port that the entry with the address lacks: ztunnel takes the address, whatever the port is.
fn no_endpoints(case: &AdviceCase<'_>) -> Vec<Advice> {
    let Match::Declared(hit) = case.judged.matched else {
        return Vec::new();
    };
    let object = &hit.entry.object;
    let proposal = Proposal {
        method: Method::Extend,
        what: None,
        price: price_of(object, case),
        changes: vec![TriedChange::Ports {
            object: object.clone(),
            ports: vec![port(case.to.port)],
        }],
        import: None,
        at: None,
    };
    let is_entry = object.kind == ObjectKind::ServiceEntry;
    let proposals = is_entry.then_some(proposal);
    checked(case, proposals, |verdict| verdict == Verdict::Mediated)
}

/// The destination of a VirtualService that nothing declares, or nothing that the pod sees.
fn missing_destination(case: &AdviceCase<'_>, routed: &Routed<'_>, via: &ObjectRef) -> Vec<Advice> {
    let Routed { host, port, .. } = *routed;
    let to = RegistryQuery {
        ip: None,
        host: Some(host),
        port,
        protocol: Protocol::Tcp,
    };
    let near = case.registry().near_misses(case.asker.viewer(), &to);
    let target = WantedTarget {
        host: Some(host),
        ip: None,
        port,
    };
    let mut advice = to_know(case, &target, &near);
    advice.push(Advice {
        method: Method::Route,
        what: format!(
            "Or correct {via}: it sends the connection to {host} port {port}, and nothing that the pod \
             sees has that."
        ),
        price: "Takes effect at once.".to_owned(),
        apply: None,
    });
    advice
}

/// An entry beside another one of its host, which Istio does not make one of.
fn unmerged(case: &AdviceCase<'_>, hit: &Hit<'_>) -> Vec<Advice> {
    let registry = case.registry();
    let object = &hit.entry.object;
    let Some(kept) = registry.kept_for(case.asker.viewer(), hit.host) else {
        return Vec::new();
    };
    let differ = differences(registry, object, kept).join(", ");
    let mut proposals = Vec::new();
    if kept.namespace == object.namespace && !differ.is_empty() {
        proposals.push(Proposal {
            method: Method::MakeEqual,
            what: Some(format!(
                "Make {object} equal to {kept} in {differ}: both declare {host}, and Istio merges only \
                 what is equal there.",
                host = hit.host,
            )),
            price: "Takes effect at once.".to_owned(),
            changes: vec![TriedChange::Alike {
                object: object.clone(),
                model: kept.clone(),
            }],
            import: None,
            at: None,
        });
    }
    let ports = registry.ports_of(object).into_iter();
    let ports = ports.filter(|port| port.number == case.to.port).collect();
    proposals.push(Proposal {
        method: Method::Extend,
        what: None,
        price: price_of(kept, case),
        changes: vec![TriedChange::Ports {
            object: kept.clone(),
            ports,
        }],
        import: None,
        at: None,
    });
    checked(case, proposals, |verdict| verdict == Verdict::Mediated)
}
