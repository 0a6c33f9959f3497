//! Which services and hosts share routes (`BuildSidecarVirtualHostWrapper` in `route/route.go`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::making::{ByHost, RoutesMaking};
use super::rules;
use crate::config::{Action, Route};
use crate::host::{is_wildcard, matches};
use crate::objects::ObjectRef;
use crate::order::Order;
use crate::service::{Resolution, Service};
use crate::sidecar::egress::Egress;
use crate::virtual_service::{Shared, VirtualService};

/// `VirtualHostWrapper`.
#[derive(Debug)]
pub(super) struct Wrapper {
    pub(super) port: u16,
    pub(super) services: Vec<Rc<Service>>,
    /// Hosts of a VirtualService that no service has.
    pub(super) other_hosts: Vec<String>,
    pub(super) routes: Vec<Route>,
    pub(super) object: ObjectRef,
}

/// First the VirtualServices', then services without one.
pub(super) fn all(
    making: &RoutesMaking<'_>,
    egress: &Egress,
    virtual_services: &Shared,
    mut by_host: ByHost,
    port: u16,
) -> Vec<Wrapper> {
    let mut wrappers: Vec<Wrapper> = virtual_services
        .iter()
        .flat_map(|one| of_virtual_service(making, egress, one, &by_host, port))
        .collect();
    for service in wrappers.iter().flat_map(|wrapper| &wrapper.services) {
        by_host.remove(&service.host);
    }
    let rest = in_order(by_host.values(), making.order);
    for service in rest {
        if service.resolution == Resolution::Alias {
            continue;
        }
        for port in &service.ports {
            if port.protocol.is_http_or_sniffed() {
                wrappers.push(of_service(service, port.number));
            }
        }
    }
    wrappers
}

fn in_order<'a>(
    services: impl DoubleEndedIterator<Item = &'a Rc<Service>>,
    order: Order,
) -> Vec<&'a Rc<Service>> {
    match order {
        Order::Forward => services.collect(),
        Order::Backward => services.rev().collect(),
    }
}

/// `buildSidecarVirtualHostForService`.
fn of_service(service: &Rc<Service>, port: u16) -> Wrapper {
    Wrapper {
        port,
        services: vec![Rc::clone(service)],
        other_hosts: Vec::new(),
        routes: vec![Route {
            matching: None,
            action: Action::Clusters(vec![(service.cluster(port), 1)]),
        }],
        object: service.object.clone(),
    }
}

/// `buildSidecarVirtualHostsForVirtualService`.
fn of_virtual_service(
    making: &RoutesMaking<'_>,
    egress: &Egress,
    one: &VirtualService,
    by_host: &ByHost,
    port: u16,
) -> Vec<Wrapper> {
    let routes = rules::routes(one, making.client, by_host, port);
    if routes.is_empty() {
        return Vec::new();
    }
    let (other_hosts, services) = separate(making, egress, one, by_host);
    let mut by_port: BTreeMap<u16, Vec<Rc<Service>>> = BTreeMap::new();
    for service in &services {
        for port in &service.ports {
            if port.protocol.is_http_or_sniffed() {
                by_port
                    .entry(port.number)
                    .or_default()
                    .push(Rc::clone(service));
            }
        }
    }
    if by_port.is_empty() && port == 80 {
        by_port.insert(80, Vec::new());
    }
    by_port
        .into_iter()
        .map(|(port, services)| Wrapper {
            port,
            services,
            other_hosts: other_hosts.clone(),
            routes: routes.clone(),
            object: one.object.clone(),
        })
        .collect()
}

/// `separateVSHostsAndServices`.
fn separate(
    making: &RoutesMaking<'_>,
    egress: &Egress,
    one: &VirtualService,
    by_host: &ByHost,
) -> (Vec<String>, Vec<Rc<Service>>) {
    let version = making.client.version;
    let mut others = Vec::new();
    let mut services = Vec::new();
    for host in one.spec.hosts.iter().filter(|host| !is_wildcard(host)) {
        let mut known = host.clone();
        if version.has_absolute_domains() {
            known.make_ascii_lowercase();
        }
        match by_host.get(&known) {
            Some(service) => services.push(Rc::clone(service)),
            None => others.push(host.clone()),
        }
    }
    for host in one.spec.hosts.iter().filter(|host| is_wildcard(host)) {
        let matching: Vec<&Rc<Service>> = in_order(by_host.values(), making.order)
            .into_iter()
            .filter(|service| matches(&service.host, host))
            .collect();
        if matching.is_empty() {
            others.push(host.clone());
        }
        let own = matching.into_iter().filter(|service| {
            !version.has_most_specific()
                || egress.most_specific.get(&service.host) == Some(&one.key())
        });
        services.extend(own.cloned());
    }
    (others, services)
}
