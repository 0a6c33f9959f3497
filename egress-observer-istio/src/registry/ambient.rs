//! What ztunnel makes of a connection.

use std::{net::IpAddr, sync::Arc};

use super::{
    host_entry::{HostEntry, Place},
    object_ref::ObjectRef,
    query::{By, Fate, Hit, Match, Routed},
    rivals::Rivals,
    sought::Sought,
    view::ClientView,
    waypoints::WaypointUse,
};
use crate::vocabulary::{PortProtocol, Reason};

const UNKNOWN: Match<'_> = Match::Undeclared {
    http: false,
    headless: false,
};

impl<'r> ClientView<'r, '_> {
    /// ztunnel goes by the address alone (`build_request` in ztunnel's `src/proxy/outbound.rs`), and is
    /// told of the Services and ServiceEntries of all namespaces: `exportTo` and Sidecars are nothing to
    /// it (`pilot/pkg/serviceregistry/ambient/services.go`). In this order:
    ///
    /// 1. The address is one of a Service or a ServiceEntry: through the waypoint that it has, else to
    ///    its endpoints. No endpoint is at a port that it does not declare.
    /// 2. The address is one of an endpoint of a ServiceEntry, which is known by itself, at any port.
    /// 3. Nothing is known of it: it is let through. Pods, which ztunnel knows as well, are no part of the
    ///    registry.
    ///
    /// Where only a name is given, the address is the one that DNS gives.
    pub(super) fn by_ztunnel(&self, sought: &Sought<'_>) -> Match<'r> {
        let Some(ip) = sought.ip else {
            return self.by_ztunnels_dns(sought);
        };
        let services = self.services_at(ip);
        if let Some(first) = services.first() {
            let meant = services.iter().find(|of| self.is_meant(sought, &of.host));
            let answer = self.of_service(meant.unwrap_or(first), By::Address, sought);
            return if is_the_same(&services) {
                answer
            } else {
                untold(answer, Reason::SharedAddress)
            };
        }
        let endpoints = self.registry.index.at_endpoint(ip);
        let mut known = endpoints.filter(|of| self.is_told(of));
        match known.next() {
            Some(of) => declared(of, By::Address, sought, (None, Fate::AsDialled)),
            None => UNKNOWN,
        }
    }

    /// The entry that a name leads to: a Service by the cluster's DNS, any entry where ztunnel answers.
    /// Without that a name leads to nothing that istiod allocated, and it cannot be told whether it leads
    /// to the addresses of an entry.
    fn by_ztunnels_dns(&self, sought: &Sought<'_>) -> Match<'r> {
        let name = sought.host.as_deref();
        let Some(of) = name.and_then(|name| self.named_by_ztunnel(name)) else {
            return UNKNOWN;
        };
        let answer = self.of_service(of, By::Host, sought);
        if of.entry.is_service() || self.viewer.dns_capture {
            return answer;
        }
        if let Match::Declared(hit) = answer
            && !of.addresses.is_empty()
        {
            return Match::AddressNeeded(hit);
        }
        UNKNOWN
    }

    /// The entry that ztunnel answers a name by (`find_server` in ztunnel's `src/dns/server.rs`): the name
    /// before its wildcards; of those that have an address the client's own namespace's, then the
    /// Service, then the oldest.
    pub(super) fn named_by_ztunnel(&self, name: &str) -> Option<&'r Arc<HostEntry>> {
        let by_host = &self.registry.index.by_host;
        self.spellings(name).find_map(|whole| {
            by_host.covering(&whole).find_map(|rivals| {
                let told = rivals.all().filter(|of| {
                    self.is_told(of) && (of.entry.is_service() || has_virtual_address(of))
                });
                told.min_by_key(|of| (!self.is_own(of), !of.entry.is_service(), of.order()))
            })
        })
    }

    /// The entries that have an address of their own there, as far as they are those that ztunnel would
    /// take: from 1.30 on those of the client's namespace before others, of these the ones that stand for
    /// their hosts, and a range where no entry has the very address (`get_best_by_vip` in ztunnel's
    /// `src/state/service.rs`).
    fn services_at(&self, ip: IpAddr) -> Vec<&'r Arc<HostEntry>> {
        let index = &self.registry.index;
        let at_address = index.known_at(ip).filter(|of| has_address(of, ip));
        let mut found = self.told(at_address);
        if !self.viewer.is_since(30) {
            return found;
        }
        if found.is_empty() {
            found = self.told(index.with_range(ip));
            keep_best(&mut found, |of| (self.is_own(of), longest_range(of, ip)));
        }
        keep_best(&mut found, |of| (self.is_own(of), self.is_canonical(of)));
        found
    }

    fn told(&self, all: impl Iterator<Item = &'r Arc<HostEntry>>) -> Vec<&'r Arc<HostEntry>> {
        let mut told: Vec<&'r Arc<HostEntry>> = Vec::new();
        for of in all {
            if self.is_told(of) && !told.iter().any(|known| Arc::ptr_eq(known, of)) {
                told.push(of);
            }
        }
        told
    }

    /// Whether istiod tells ztunnel of an entry: one of a namespace that it looks at, no ExternalName, and
    /// of those of one host in a namespace the Service, else the oldest (`WorkloadServices`). Up to 1.29
    /// a ServiceEntry with a range is left out (`parseCidrOrIP` in
    /// `pilot/pkg/serviceregistry/ambient/helpers.go`).
    pub(super) fn is_told(&self, of: &HostEntry) -> bool {
        let namespace = &of.entry.object.namespace;
        let first = self.rivals(of).and_then(|rivals| {
            let all = rivals.all();
            let beside = all.filter(|other| other.entry.namespace == of.entry.namespace);
            beside.min_by_key(|of| (!of.entry.is_service(), of.order()))
        });
        self.registry.discovery.includes(namespace)
            && !matches!(of.place, Place::Alias(_))
            && first.is_none_or(|first| first.entry.object == of.entry.object)
            && (self.viewer.is_since(30) || of.ranges().next().is_none())
    }

    /// Whether an entry stands for its host in namespaces that have none of their own.
    fn is_canonical(&self, of: &HostEntry) -> bool {
        let all = self.rivals(of).into_iter().flat_map(Rivals::all);
        let told = all.filter(|of| self.is_told(of));
        let first = told.min_by_key(|of| (!of.entry.is_service(), of.order()));
        first.is_none_or(|first| first.entry.object == of.entry.object)
    }

    fn rivals(&self, of: &HostEntry) -> Option<&'r Rivals> {
        self.registry.index.by_host.get(&of.host)
    }

    /// What becomes of a connection to an address of an entry. A waypoint knows the entry whatever its
    /// `exportTo` says, at its ports (`findWaypointResources` in `pilot/pkg/networking/core/waypoint.go`).
    fn of_service(&self, of: &'r Arc<HostEntry>, by: By, sought: &Sought<'_>) -> Match<'r> {
        let waypoints = &self.registry.waypoints;
        let has_port = of.port(sought.port).is_some();
        let is_headless = of.place == Place::Endpoints && of.entry.is_service();
        let way = match waypoints.of(&of.entry, self.viewer.is_since(23)) {
            WaypointUse::Untold => (None, Fate::Untold(Reason::WaypointNeeded)),
            WaypointUse::Through(via) if has_port => (Some(via), self.arrives(of, sought)),
            WaypointUse::Through(via) => (Some(via), Fate::NoEndpoints),
            WaypointUse::Direct if !has_port && self.passes_other_ports(of) => return UNKNOWN,
            WaypointUse::Direct if (has_port && self.has_endpoints(of)) || is_headless => {
                (None, self.arrives(of, sought))
            }
            WaypointUse::Direct => (None, Fate::NoEndpoints),
        };
        declared(of, by, sought, way)
    }

    /// Whether the host that was dialled is the one that it leads to.
    fn arrives(&self, of: &HostEntry, sought: &Sought<'_>) -> Fate {
        if of.keeps_address() || self.is_meant(sought, &of.host) {
            Fate::AsDialled
        } else {
            Fate::AddressOfAnother
        }
    }

    /// Whether ztunnel has somewhere to go without a waypoint. From 1.23 to 1.27 it has nowhere for
    /// resolution NONE without endpoints (`NoHealthyUpstream`), then it lets such through; it asks DNS for
    /// hosts, and no DNS knows a wildcard.
    fn has_endpoints(&self, of: &HostEntry) -> bool {
        let entry = &of.entry;
        match entry.resolution.as_str() {
            "NONE" if entry.has_no_endpoints => {
                !self.viewer.is_since(23) || self.viewer.is_since(28)
            }
            "DYNAMIC_DNS" => !of.host.wildcard,
            _ => true,
        }
    }

    /// Whether a port that an entry does not declare is as good as one of no entry: up to 1.22, where
    /// ztunnel goes by the original destination anyway (from 1.28 on with resolution NONE), and where the
    /// address is one that istiod allocates, which the judgement knows of.
    fn passes_other_ports(&self, of: &HostEntry) -> bool {
        !self.viewer.is_since(23)
            || (of.entry.resolution == "NONE" && self.viewer.is_since(28))
            || (of.addresses.is_empty() && !of.entry.is_service())
    }
}

/// Whether an address is one of an entry's own.
fn has_address(of: &HostEntry, ip: IpAddr) -> bool {
    of.single_addresses().any(|own| own == ip) || of.allocated.contains(&ip)
}

/// The length of the longest range of an entry that holds an address.
fn longest_range(of: &HostEntry, ip: IpAddr) -> Option<u8> {
    let around = of.ranges().filter(|range| range.contains(&ip));
    around.map(|range| range.prefix_len()).max()
}

/// Leaves those of the highest rank.
fn keep_best<R: Ord>(entries: &mut Vec<&Arc<HostEntry>>, rank: impl Fn(&HostEntry) -> R) {
    let best = entries.iter().map(|of| rank(of)).max();
    entries.retain(|of| Some(rank(of)) == best);
}

/// Whether it is all the same which of the entries at an address it is: there is one, or they are hosts of
/// one entry that go to the same endpoints.
fn is_the_same(services: &[&Arc<HostEntry>]) -> bool {
    let Some((first, others)) = services.split_first() else {
        return true;
    };
    let entry = &first.entry;
    let same_endpoints = entry.resolution == "NONE" || !entry.has_no_endpoints;
    let mut others = others.iter();
    others.all(|of| of.entry.object == entry.object && same_endpoints)
}

/// Whether istiod gives an entry an address that ztunnel takes for it.
pub(super) fn has_virtual_address(of: &HostEntry) -> bool {
    !of.addresses.is_empty() || !of.allocated.is_empty() || of.is_allocatable
}

fn declared<'r>(
    of: &'r HostEntry,
    by: By,
    sought: &Sought<'_>,
    (via, fate): (Option<&'r ObjectRef>, Fate),
) -> Match<'r> {
    let port = of.port(sought.port);
    Match::Declared(Hit {
        entry: &of.entry,
        host: &of.host_as_written,
        protocol: port.map_or(PortProtocol::Tcp, |port| port.protocol),
        by,
        routed: Routed {
            host: &of.host_as_written,
            port: sought.port,
            subset: "",
            object: Some(&of.entry.object),
            via,
            fate,
        },
    })
}

fn untold(answer: Match<'_>, reason: Reason) -> Match<'_> {
    match answer {
        Match::Declared(mut hit) => {
            hit.routed.fate = Fate::Untold(reason);
            Match::Declared(hit)
        }
        other @ (Match::Ruled(_)
        | Match::Undeclared { .. }
        | Match::NameNeeded { .. }
        | Match::AddressNeeded(_)
        | Match::Refused) => other,
    }
}
