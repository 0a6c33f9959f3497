//! Routes of HTTP (`pilot/pkg/networking/core/httproute.go`).

mod hosts;
mod making;
mod rules;
mod wrappers;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::hosts::Hosts;
use self::making::{ByHost, RoutesMaking};
use crate::clusters::destination;
use crate::config::{Action, Filter, Listener, PASSTHROUGH, Route, RouteConfig, VirtualHost};
use crate::host::{is_wildcard, matches};
use crate::mesh::Client;
use crate::order::Order;
use crate::protocol::Protocol;
use crate::service::Service;
use crate::sidecar::Scope;
use crate::sidecar::egress::Egress;
use crate::virtual_service::Shared;

/// All route configurations that listeners name.
pub(crate) fn all(
    listeners: &[Listener],
    scope: &Scope,
    client: &Client,
    order: Order,
) -> BTreeMap<String, RouteConfig> {
    let making = RoutesMaking {
        client,
        scope,
        order,
    };
    let chains = listeners
        .iter()
        .flat_map(|listener| listener.chains.iter().chain(&listener.default));
    let names = chains.filter_map(|chain| match &chain.filter {
        Filter::Http(name) => Some(name),
        Filter::Tcp(_) => None,
    });
    names
        .map(|name| (name.clone(), making.config(name)))
        .collect()
}

impl RoutesMaking<'_> {
    /// `buildSidecarOutboundHTTPRouteConfig`.
    fn config(&self, name: &str) -> RouteConfig {
        let (is_sniffed, number) = match name.rsplit_once(':') {
            Some((_, number)) => (true, number),
            None => (false, name),
        };
        let mut virtual_hosts = number
            .parse()
            .map_or_else(|_| Vec::new(), |port| self.virtual_hosts(port));
        if is_sniffed {
            virtual_hosts = of_sniffed(virtual_hosts, name);
        }
        virtual_hosts.sort_by(|one, other| one.name.cmp(&other.name));
        if !is_sniffed {
            virtual_hosts.push(self.catch_all());
        }
        RouteConfig { virtual_hosts }
    }

    /// `buildCatchAllVirtualHost`.
    fn catch_all(&self) -> VirtualHost {
        let (name, action) = if self.scope.allows_any {
            let cluster = match &self.scope.egress_proxy {
                Some(proxy) => destination(proxy, None, 0),
                None => PASSTHROUGH.to_owned(),
            };
            ("allow_any", Action::Clusters(vec![(cluster, 1)]))
        } else {
            ("block_all", Action::Answer(502))
        };
        VirtualHost {
            name: name.to_owned(),
            domains: vec!["*".to_owned()],
            routes: vec![Route {
                matching: None,
                action,
            }],
            object: None,
        }
    }

    /// `GetEgressListenerForRDS`: that of the port, or the one for all ports.
    fn egress(&self, port: u16) -> Option<&Egress> {
        self.scope.egress.iter().find(|egress| {
            let own = egress.spec.port.as_ref();
            own.is_none_or(|own| own.number == port && port != 0)
        })
    }

    /// `BuildSidecarOutboundVirtualHosts`.
    fn virtual_hosts(&self, listener_port: u16) -> Vec<VirtualHost> {
        let Some(egress) = self.egress(listener_port) else {
            return Vec::new();
        };
        let is_proxy = egress
            .spec
            .port
            .as_ref()
            .is_some_and(|port| port.protocol() == Protocol::HttpProxy);
        // As a proxy it takes requests for all ports.
        let port = if is_proxy { 0 } else { listener_port };
        let by_host = self.services(egress, port);
        let selected = if port == 80 {
            egress.virtual_services.clone()
        } else {
            of_services(&egress.virtual_services, &by_host, self.client)
        };
        let wrappers = wrappers::all(self, egress, &selected, by_host, port);
        let mut hosts = Hosts::new(self.client, port, &wrappers);
        for wrapper in &wrappers {
            hosts.add(wrapper);
        }
        hosts.finish()
    }

    /// Services with the port, trimmed to it; of several of a host the last one.
    fn services(&self, egress: &Egress, port: u16) -> ByHost {
        let mut by_host = ByHost::new();
        for service in &egress.services {
            let is_alias = service.resolution == crate::service::Resolution::Alias;
            if is_alias && !self.client.version.routes_aliases() {
                continue;
            }
            if port == 0 {
                by_host.insert(service.host.clone(), Rc::clone(service));
            } else if let Some(found) = service.port(port) {
                let mut trimmed = Service::clone(service);
                trimmed.ports = vec![found.clone()];
                if self.client.version.has_absolute_domains() {
                    trimmed.host.make_ascii_lowercase();
                }
                by_host.insert(trimmed.host.clone(), Rc::new(trimmed));
            }
        }
        by_host
    }
}

/// `selectVirtualServices`.
fn of_services(all: &Shared, by_host: &ByHost, client: &Client) -> Shared {
    let selected = all.iter().filter(|one| {
        one.spec.hosts.iter().any(|host| {
            let mut host = host.clone();
            if client.version.has_absolute_domains() {
                host.make_ascii_lowercase();
            }
            let mut known = by_host.keys();
            by_host.contains_key(&host)
                || known.any(|known| {
                    (is_wildcard(&host) || is_wildcard(known)) && matches(&host, known)
                })
        })
    });
    selected.cloned().collect()
}

/// `getVirtualHostsForSniffedServicePort`: the one of the service takes every host.
fn of_sniffed(virtual_hosts: Vec<VirtualHost>, name: &str) -> Vec<VirtualHost> {
    let without_port = name.rsplit_once(':').map_or(name, |(host, _)| host);
    let mut found: Vec<VirtualHost> = virtual_hosts
        .into_iter()
        .filter(|one| {
            let mut domains = one.domains.iter();
            domains.any(|domain| domain == name || domain == without_port)
        })
        .collect();
    if let [only] = found.as_mut_slice() {
        only.domains = vec!["*".to_owned()];
    }
    found
}
