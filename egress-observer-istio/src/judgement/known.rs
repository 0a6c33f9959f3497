//! What an answer of the registry means for the verdict.

use std::net::IpAddr;

use crate::{
    registry::{Fate, Match, ObjectKind},
    view::Snapshot,
    vocabulary::{Reason, RegistryMatch, Scope},
};

/// What the mesh knows of a destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) registry: RegistryMatch,
    /// Where it sends a connection, if it knows the destination.
    pub(super) fate: Option<Fate>,
    /// What would tell more, where that is unknown.
    pub(super) lacking: Reason,
}

impl Known {
    /// What is inside the cluster is known only as far as its Services are: an address of its ranges
    /// proves nothing. Without any Service, and at ports of headless ones, whose pods may be
    /// anywhere, it cannot be told what the mesh knows.
    pub(super) fn of(
        snapshot: &Snapshot,
        matched: &Match<'_>,
        scope: Scope,
        ip: Option<IpAddr>,
    ) -> Self {
        let registry = &snapshot.registry;
        let unsure = |lacking| Self {
            registry: RegistryMatch::Unknown,
            fate: None,
            lacking,
        };
        match matched {
            Match::Declared(hit) => Self {
                registry: match hit.entry.object.kind {
                    ObjectKind::ServiceEntry => RegistryMatch::ServiceEntry,
                    _ => RegistryMatch::Cluster,
                },
                fate: Some(hit.routed.fate),
                lacking: Reason::NameNeeded,
            },
            Match::Ruled(routed) => Self {
                registry: RegistryMatch::Undeclared,
                fate: Some(routed.fate),
                lacking: Reason::NameNeeded,
            },
            _ if snapshot.registry_unknown() => unsure(Reason::NotSynced),
            Match::Undeclared { headless, .. } => {
                let inside = scope == Scope::Cluster;
                let is_pod = ip.is_some_and(|ip| snapshot.is_pod(ip));
                if inside && !registry.has_services() {
                    unsure(Reason::ServicesNeeded)
                } else if inside && *headless && !is_pod {
                    unsure(Reason::EndpointsNeeded)
                } else {
                    Self {
                        registry: RegistryMatch::Undeclared,
                        fate: None,
                        lacking: Reason::NameNeeded,
                    }
                }
            }
            Match::NameNeeded { .. } | Match::AddressNeeded(_) => unsure(Reason::NameNeeded),
        }
    }
}
