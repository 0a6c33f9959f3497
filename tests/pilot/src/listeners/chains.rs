//! Filter chains for what is not HTTP (`pilot/pkg/networking/core/tls.go`).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::Wish;
use crate::clusters::destination;
use crate::config::{Chain, ChainMatch, Filter};
use crate::domains;
use crate::host::{is_wildcard, matches};
use crate::mesh::Client;
use crate::protocol::Protocol;
use crate::service::{Registry, Resolution, UNSPECIFIED};
use crate::sidecar::Scope;
use crate::virtual_service::{VirtualService, Weighted};

/// `buildSidecarOutboundTCPListenerOpts`.
pub(super) fn streams(wish: &Wish<'_>, client: &Client, scope: &Scope) -> Vec<Chain> {
    let of_host: Vec<&Rc<VirtualService>> = wish
        .virtual_services
        .iter()
        .filter(|one| {
            let mut hosts = one.spec.hosts.iter();
            hosts.any(|host| matches(host, &wish.service.host))
        })
        .collect();
    let making = Making {
        wish,
        client,
        scope,
    };
    if wish.port.protocol == Protocol::Tls {
        making.tls(&of_host)
    } else {
        making.tcp(&of_host)
    }
}

struct Making<'a> {
    wish: &'a Wish<'a>,
    client: &'a Client,
    scope: &'a Scope,
}

impl Making<'_> {
    /// `buildSidecarOutboundTLSFilterChainOpts`.
    fn tls(&self, virtual_services: &[&Rc<VirtualService>]) -> Vec<Chain> {
        let mut ranges = self.wish.ranges.clone();
        let mut handled = BTreeSet::new();
        let mut chains = Vec::new();
        for one in virtual_services {
            let routes = one.spec.tls.iter().filter(|route| !route.route.is_empty());
            let all = routes.flat_map(|route| route.matches.iter().map(move |of| (route, of)));
            for (route, of) in all {
                if !of.rest.is_for(self.client, self.wish.port.number) {
                    continue;
                }
                let mut own = ranges.clone();
                if !of.rest.destination_subnets.is_empty() {
                    own.clone_from(&of.rest.destination_subnets);
                    if self.client.version.keeps_subnets() {
                        ranges.clone_from(&own);
                    }
                }
                let key = (of.sni_hosts.clone(), of.rest.destination_subnets.clone());
                if handled.insert(key) {
                    chains.push(self.chain(one, &route.route, of.sni_hosts.clone(), own));
                }
            }
        }
        if chains.is_empty() {
            chains.push(self.own_chain(self.server_names(&ranges), ranges));
        }
        chains
    }

    /// The host's name is needed where the address does not tell.
    fn server_names(&self, ranges: &[String]) -> Vec<String> {
        let service = self.wish.service;
        let wildcard = self.client.wildcard();
        let mut address = service.address_for(self.client);
        if address.contains('/') {
            address.clear();
        }
        let is_external = service.registry == Registry::External;
        if is_external && self.client.is_ipv6() && address == UNSPECIFIED {
            wildcard.clone_into(&mut address);
        }
        let is_dynamic = is_wildcard(&service.host) && service.resolution == Resolution::DynamicDns;
        let is_needed = !ranges.is_empty()
            || address.is_empty()
            || (address == wildcard && self.wish.binds[0] == wildcard)
            || is_dynamic;
        if !is_needed {
            return Vec::new();
        }
        let mut names = vec![service.host.clone()];
        for alias in &service.aliases {
            names.push(alias.clone());
            names.extend(domains::alternatives(alias, None, self.client));
        }
        names
    }

    /// `buildSidecarOutboundTCPFilterChainOpts`.
    fn tcp(&self, virtual_services: &[&Rc<VirtualService>]) -> Vec<Chain> {
        let mut chains = Vec::new();
        let mut own_ranges = self.wish.ranges.clone();
        own_ranges.sort();
        let mut has_default = false;
        for one in virtual_services {
            for route in one.spec.tcp.iter().filter(|route| !route.route.is_empty()) {
                let of_client: Vec<_> = route
                    .matches
                    .iter()
                    .filter(|of| of.is_for(self.client, self.wish.port.number))
                    .collect();
                let is_for_all = route.matches.is_empty()
                    || of_client.iter().any(|of| of.destination_subnets.is_empty());
                if is_for_all {
                    let ranges = self.wish.ranges.clone();
                    chains.push(self.chain(one, &route.route, Vec::new(), ranges));
                    return chains;
                }
                let mut subnets: Vec<String> = of_client
                    .iter()
                    .flat_map(|of| of.destination_subnets.clone())
                    .collect();
                if subnets.is_empty() {
                    continue;
                }
                chains.push(self.chain(one, &route.route, Vec::new(), subnets.clone()));
                subnets.sort();
                has_default |= subnets == own_ranges;
            }
        }
        if !has_default {
            chains.push(self.own_chain(Vec::new(), self.wish.ranges.clone()));
        }
        chains
    }

    /// To the service itself: its only port, or that of the listener.
    fn own_chain(&self, server_names: Vec<String>, ranges: Vec<String>) -> Chain {
        let service = self.wish.service;
        let port = match service.ports.as_slice() {
            [only] => only.number,
            _ => self.wish.port.number,
        };
        Chain {
            matching: ChainMatch {
                server_names,
                ranges,
                is_for_http: false,
            },
            filter: Filter::Tcp(vec![(service.cluster(port), 1)]),
            object: Some(service.object.clone()),
        }
    }

    /// `buildOutboundNetworkFilters`.
    fn chain(
        &self,
        virtual_service: &VirtualService,
        route: &[Weighted],
        server_names: Vec<String>,
        ranges: Vec<String>,
    ) -> Chain {
        let clusters = route
            .iter()
            .filter(|weighted| route.len() == 1 || weighted.weight > 0)
            .filter_map(|weighted| {
                let to = weighted.destination.as_ref()?;
                let service = self.scope.by_host.get(&to.host);
                let name = destination(to, service.map(Rc::as_ref), self.wish.port.number);
                Some((name, weighted.weight.max(1)))
            })
            .collect();
        Chain {
            matching: ChainMatch {
                server_names,
                ranges,
                is_for_http: false,
            },
            filter: Filter::Tcp(clusters),
            object: Some(virtual_service.object.clone()),
        }
    }
}
