//! Ways out of another host getting the connection than the one that was dialled.

use super::{
    case::AdviceCase,
    fresh,
    proposal::{Proposal, checked},
    target::WantedTarget,
};
use crate::{
    explain::answer::{Advice, Method},
    trial::TriedChange,
};
use egress_observer_istio::{
    registry::{Fate, Match, ObjectKind},
    vocabulary::Verdict,
};

/// First what gives an entry that takes the whole port the addresses of its own host, with a declaration
/// of the host that was dialled where one is needed; then that declaration alone.
pub(super) fn ways(case: &AdviceCase<'_>) -> Vec<Advice> {
    let target = WantedTarget {
        host: case.host,
        ip: case.to.ip,
        port: case.to.port,
    };
    let fresh = fresh::entry(case, &target, &[]);
    let mut proposals = Vec::new();
    if let Match::Declared(hit) = case.judged.matched
        && hit.routed.fate == Fate::ListenerWithoutAddress
        && hit.entry.object.kind == ObjectKind::ServiceEntry
    {
        let object = hit.entry.object.clone();
        let host = hit.host;
        let addressed = Proposal {
            method: Method::Addresses,
            what: Some(format!(
                "Give {object} the addresses of {host} (spec.addresses): without, its TCP port takes \
                 every connection to {port}.",
                port = case.to.port,
            )),
            price: format!(
                "Addresses of {host} that are not listed are no longer its: list all, and keep them up \
                 to date. Takes effect at once."
            ),
            changes: vec![TriedChange::OwnAddresses { object }],
            import: None,
            at: None,
        };
        let declared = fresh.clone().map(|more| with(addressed.clone(), more));
        let alone = checked(case, [addressed], reaches);
        if !alone.is_empty() {
            return alone;
        }
        proposals.extend(declared);
    }
    proposals.extend(fresh);
    checked(case, proposals, reaches)
}

fn reaches(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Mediated | Verdict::Passthrough)
}

fn with(mut first: Proposal, more: Proposal) -> Proposal {
    let also = " And declare the host that is dialled: the mesh does not know it.";
    first.what = first.what.map(|what| what + also);
    first.changes.extend(more.changes);
    Proposal {
        import: more.import,
        at: more.at,
        ..first
    }
}
