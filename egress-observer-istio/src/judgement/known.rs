//! What an answer of the registry means for the verdict.

use std::net::IpAddr;

use crate::{
    registry::{Fate, Hit, Match, ObjectKind, Routed, Viewer},
    view::Snapshot,
    vocabulary::{Reason, RegistryMatch, Scope, host_name::is_of_cluster},
};

/// What the mesh knows of a destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownDestination {
    pub(super) registry: RegistryMatch,
    /// Where it sends a connection, if it knows the destination.
    pub(super) fate: Option<Fate>,
    /// What would tell more, where that is unknown.
    pub(super) lacking: Reason,
}

impl KnownDestination {
    fn unsure(lacking: Reason) -> Self {
        Self {
            registry: RegistryMatch::Unknown,
            fate: None,
            lacking,
        }
    }

    /// What is inside the cluster is known only as far as its Services are: an address of its ranges
    /// proves nothing. Where Services are missing, and at ports of headless ones, whose pods may be
    /// anywhere, it cannot be told what the mesh knows; nor whether there is a cluster for a Service
    /// that a VirtualService leads to. ztunnel knows every pod by its address (`find_address` in ztunnel's
    /// `src/state.rs`), and so it cannot be told for any address inside the cluster that is no pod's here.
    pub(super) fn of(
        snapshot: &Snapshot,
        viewer: &Viewer<'_>,
        matched: &Match<'_>,
        (scope, ip): (Scope, Option<IpAddr>),
    ) -> Self {
        match matched {
            Match::Declared(Hit { routed, .. }) | Match::Ruled(routed)
                if leads_to_missing_service(snapshot, routed) =>
            {
                Self::unsure(Reason::ServicesNeeded)
            }
            Match::Declared(hit) => Self {
                registry: if hit.entry.object.kind == ObjectKind::ServiceEntry {
                    RegistryMatch::ServiceEntry
                } else {
                    RegistryMatch::Cluster
                },
                fate: Some(hit.routed.fate),
                lacking: Reason::NameNeeded,
            },
            Match::Ruled(routed) => Self {
                registry: RegistryMatch::Undeclared,
                fate: Some(routed.fate),
                lacking: Reason::NameNeeded,
            },
            _ if snapshot.registry_unknown() => Self::unsure(Reason::NotSynced),
            Match::Undeclared { headless, .. } => {
                let inside = scope == Scope::Cluster;
                let is_pod = ip.is_some_and(|ip| snapshot.is_pod(ip));
                let may_be_pod = *headless || (viewer.is_ambient && ip.is_some());
                if inside && is_pod && viewer.is_ambient {
                    Self {
                        registry: RegistryMatch::Cluster,
                        fate: Some(Fate::AsDialled),
                        lacking: Reason::NameNeeded,
                    }
                } else if inside && snapshot.services_unknown() {
                    Self::unsure(Reason::ServicesNeeded)
                } else if inside && may_be_pod && !is_pod {
                    Self::unsure(Reason::EndpointsNeeded)
                } else {
                    Self {
                        registry: RegistryMatch::Undeclared,
                        fate: None,
                        lacking: Reason::NameNeeded,
                    }
                }
            }
            Match::Refused => Self::unsure(Reason::ConfigRefused),
            Match::NameNeeded { .. } | Match::AddressNeeded(_) => Self::unsure(Reason::NameNeeded),
        }
    }
}

/// Whether it is sent to a Service that is not known, where Services are missing: it may be there.
fn leads_to_missing_service(snapshot: &Snapshot, routed: &Routed<'_>) -> bool {
    routed.fate == Fate::NoCluster
        && snapshot.services_unknown()
        && is_of_cluster(routed.host, snapshot.registry.cluster_domain())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        manifests::Reading,
        registry::RegistryQuery,
        view::{MissingObjects, change, live::Live},
        vocabulary::Protocol,
    };

    const ENTRY: &str = r"
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec: {hosts: [api.test], addresses: [192.0.2.1], ports: [{number: 9000, name: tcp, protocol: TCP}]}
---
kind: VirtualService
metadata: {name: api, namespace: shop}
spec: {hosts: [api.test], tcp: [{route: [{destination: {
  host: gateway.mesh.svc.cluster.local, port: {number: 443}}}]}]}
";
    const SERVICES: &str = r"
---
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.20, ports: [{name: tcp, port: 5432}]}
---
kind: Service
metadata: {name: gateway, namespace: mesh}
spec: {clusterIP: 10.96.0.21, ports: [{name: tls, port: 443}]}
";

    #[test]
    fn where_services_are_missing_nothing_inside_the_cluster_is_certain() {
        use Reason::ServicesNeeded;
        use RegistryMatch::{Cluster, ServiceEntry, Undeclared, Unknown};

        const ALL: MissingObjects = MissingObjects {
            pods: false,
            registry: false,
            services: false,
        };
        let some = MissingObjects {
            services: true,
            ..ALL
        };
        let both = format!("{ENTRY}{SERVICES}");
        let rows = [
            // The Service; another address inside, and outside; an entry that leads to a Service.
            (&*both, ALL, [Cluster, Undeclared, Undeclared, ServiceEntry]),
            // What is there, is known.
            (&both, some, [Cluster, Unknown, Undeclared, ServiceEntry]),
            (ENTRY, some, [Unknown, Unknown, Undeclared, Unknown]),
            // Files without any Service.
            (ENTRY, ALL, [Unknown, Unknown, Undeclared, Unknown]),
        ];
        for (text, missing, expected) in rows {
            let (objects, _) = Reading::of("test".as_ref(), text).unique();
            let mut live = Live::new(&["10.96.0.0/12".parse().unwrap()], Vec::new());
            live.apply(change::all_at_once(objects), Instant::now());
            live.set_missing(missing);
            let snapshot = live.snapshot();
            let viewer = Viewer {
                namespace: "shop",
                ..Viewer::default()
            };
            let found = [
                ("10.96.0.20", 5432),
                ("10.96.0.99", 5432),
                ("198.51.100.1", 5432),
                ("192.0.2.1", 9000),
            ]
            .map(|(ip, port)| {
                let ip = ip.parse().unwrap();
                let to = RegistryQuery {
                    ip: Some(ip),
                    host: None,
                    port,
                    protocol: Protocol::Tcp,
                };
                let matched = snapshot.registry.lookup(&viewer, &to);
                let place = (snapshot.scope_from_anywhere(ip), Some(ip));
                let known = KnownDestination::of(snapshot, &viewer, &matched, place);
                assert!(known.registry != Unknown || known.lacking == ServicesNeeded);
                known.registry
            });
            assert_eq!(found, expected, "{text} {missing:?}");
        }
    }
}
