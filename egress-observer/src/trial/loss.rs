//! What a change takes away.

use std::collections::BTreeSet;

use super::change::TriedChange;
use egress_observer_istio::{
    registry::{Beside, Fate, Match, Registry, RegistryQuery, Viewer},
    vocabulary::Policy,
};

/// How many losses are told.
const TOLD: usize = 4;

/// What a client sees of a cluster's registry.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) viewer: Viewer<'r>,
    /// What its sidecar does with what the mesh does not know.
    pub(crate) policy: Option<Policy>,
}

/// How far a connection gets, from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// To another host.
    Misrouted,
    /// Nowhere.
    Refused,
    /// Where it was going, without control.
    Passed,
    /// To the host that was dialled.
    Known,
}

impl Standing {
    fn of(matched: &Match<'_>, policy: Option<Policy>) -> Option<Self> {
        let fate = match matched {
            Match::Declared(hit) => hit.routed.fate,
            Match::Ruled(routed) => routed.fate,
            Match::Undeclared { .. } => {
                return policy.map(|policy| match policy {
                    Policy::AllowAny => Self::Passed,
                    Policy::RegistryOnly => Self::Refused,
                });
            }
            Match::NameNeeded { .. } | Match::AddressNeeded(_) | Match::Refused => return None,
        };
        Some(match fate {
            Fate::AsDialled => Self::Known,
            Fate::NoCluster | Fate::NoEndpoints => Self::Refused,
            Fate::ListenerWithoutAddress | Fate::Route | Fate::AddressOfAnother => Self::Misrouted,
            Fate::Untold(_) => return None,
        })
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Misrouted => "goes to another host",
            Self::Refused => "is refused",
            Self::Passed => "is let through and no longer controlled",
            Self::Known => "is known",
        }
    }
}

impl Sight<'_> {
    fn standing(&self, to: &RegistryQuery<'_>) -> Option<Standing> {
        Standing::of(&self.registry.lookup(&self.viewer, to), self.policy)
    }
}

/// Connections, beside the one that changes are for, that do worse with them: other ports of its host,
/// other hosts on the ports that the changes are about, and what the mesh does not know there.
pub(crate) fn losses(
    now: &Sight<'_>,
    then: &Sight<'_>,
    to: &RegistryQuery<'_>,
    changes: &[TriedChange],
) -> Vec<String> {
    let ports = changes.iter().flat_map(|change| change.ports(now.registry));
    let ports: BTreeSet<u16> = ports.chain([to.port]).collect();
    let moved = changes.iter().filter_map(TriedChange::moved);
    let moved: Vec<&str> = moved
        .flat_map(|object| now.registry.hosts_of(object))
        .collect();
    let mut beside = BTreeSet::new();
    for port in ports {
        let at_port = RegistryQuery { port, ..*to };
        beside.extend(now.registry.beside(&now.viewer, &at_port));
    }
    let own = |one: &Beside| one.port == to.port && to.host.is_some_and(|host| host == one.host);
    let beside = beside
        .iter()
        .filter(|one| !own(one) && !moved.contains(&one.host.as_str()));
    let lost = beside.filter_map(|one| {
        let (now, then) = (now.standing(&one.query())?, then.standing(&one.query())?);
        (then < now).then(|| text(one, then))
    });
    let mut lost: Vec<String> = lost.collect();
    lost.dedup();
    lost.truncate(TOLD);
    lost
}

fn text(one: &Beside, then: Standing) -> String {
    let (port, then) = (one.port, then.told());
    if one.is_of_nobody() {
        return format!("every host on port {port} that the mesh does not know {then}");
    }
    let host = one.host.strip_prefix("x.");
    let host = host.map_or_else(|| one.host.clone(), |domain| format!("*.{domain}"));
    format!("{host}:{port} {then}")
}
