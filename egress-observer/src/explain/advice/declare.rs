//! Ways to make the mesh know a destination: by the objects that there are, or by a new one.

use super::{
    case::AdviceCase,
    fresh,
    proposal::{Proposal, checked, price_of},
    target::{WantedTarget, is_for},
};
use crate::{
    explain::answer::{Advice, Method},
    service_entry::AppProtocol,
    trial::TriedChange,
};
use egress_observer_istio::{
    registry::{DeclaredPort, NearMiss, ObjectKind, ObjectRef, Why},
    vocabulary::{Verdict, host},
};

/// The ways to have the sidecar send what was dialled where it was going.
pub(super) fn ways(case: &AdviceCase<'_>) -> Vec<Advice> {
    let target = WantedTarget {
        host: case.host,
        ip: case.to.ip,
        port: case.to.port,
    };
    to_know(case, &target, case.near)
}

/// The same for another destination than the one that was dialled.
pub(super) fn to_know(
    case: &AdviceCase<'_>,
    target: &WantedTarget<'_>,
    near: &[NearMiss<'_>],
) -> Vec<Advice> {
    let wanted = |verdict| verdict == Verdict::Mediated;
    let existing = existing(case, target, near);
    let known = checked(case, existing, wanted);
    let own = near.iter().any(|miss| is_own(case, target, miss));
    if own && !known.is_empty() {
        return known;
    }
    let fresh = fresh::entry(case, target, near).map(|proposal| checked(case, [proposal], wanted));
    let fresh = fresh.unwrap_or_default();
    known.into_iter().chain(fresh).collect()
}

/// Whether an entry of the pod's namespace is for the very host.
fn is_own(case: &AdviceCase<'_>, target: &WantedTarget<'_>, miss: &NearMiss<'_>) -> bool {
    miss.entry.object.namespace == case.pod.namespace && is_for(target, miss)
}

/// Changes of entries that have the host or the address, those of the pod's own namespace first.
fn existing(
    case: &AdviceCase<'_>,
    target: &WantedTarget<'_>,
    near: &[NearMiss<'_>],
) -> Vec<Proposal> {
    let mut misses: Vec<&NearMiss<'_>> = near.iter().collect();
    misses.sort_by_key(|miss| miss.entry.object.namespace != case.pod.namespace);
    let proposals = misses.iter().filter_map(|miss| change(case, target, miss));
    proposals.collect()
}

/// What would make an entry take the connection.
fn change(
    case: &AdviceCase<'_>,
    target: &WantedTarget<'_>,
    miss: &NearMiss<'_>,
) -> Option<Proposal> {
    let object = &miss.entry.object;
    if let Some(name) = target.host
        && !host::covers(miss.host, name)
        && object.kind == ObjectKind::ServiceEntry
    {
        return None;
    }
    let mut changes = Vec::new();
    let mut method = Method::LetThrough;
    match &miss.why {
        Why::HiddenBySidecar(_) => {}
        Why::NotExported => {
            method = Method::Export;
            changes.push(TriedChange::Export {
                object: object.clone(),
                to: case.pod.namespace.to_string(),
            });
        }
        Why::OtherPorts(_) => method = Method::Extend,
        Why::OtherAddress => {
            method = Method::Extend;
            changes.push(TriedChange::Address {
                object: object.clone(),
                ip: target.ip?,
            });
        }
        Why::WildcardOnly
        | Why::Udp
        | Why::OtherName
        | Why::OtherHost
        | Why::NameOnly
        | Why::NoAddress
        | Why::NotTold
        | Why::Yields(_) => return None,
    }
    let ports = case.registry().ports_of(object);
    if !ports.iter().any(|port| port.number == target.port) {
        changes.push(TriedChange::Ports {
            object: object.clone(),
            ports: vec![port(target.port)],
        });
    }
    let mut numbers: Vec<u16> = ports.iter().map(|port| port.number).collect();
    numbers.push(target.port);
    Some(Proposal {
        method,
        what: None,
        price: price_of(object, case),
        changes,
        import: Some((import(object, miss.host, case), numbers)),
        at: None,
    })
}

/// A port with what is usually spoken there.
pub(super) fn port(number: u16) -> DeclaredPort {
    DeclaredPort::new(number, AppProtocol::usual(number).as_str())
}

/// A host of an object, as a Sidecar lets it through.
pub(super) fn import(object: &ObjectRef, host: &str, case: &AdviceCase<'_>) -> String {
    if object.namespace == case.pod.namespace {
        format!("./{host}")
    } else {
        format!("{}/{host}", object.namespace)
    }
}
