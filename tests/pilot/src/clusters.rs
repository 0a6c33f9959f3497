//! Clusters: which there are, and what routes name (`buildOutboundClusters` in `cluster.go`,
//! `GetDestinationCluster` in `route/route.go`).

use std::collections::BTreeMap;

use crate::config::{BLACK_HOLE, Cluster, PASSTHROUGH};
use crate::host::is_wildcard;
use crate::protocol::Protocol;
use crate::push::Push;
use crate::service::{Resolution, Service, cluster_name};
use crate::sidecar::Scope;
use crate::virtual_service::RouteDestination;

/// The cluster that a destination stands for. An alias stands for what it points to.
pub(crate) fn destination(
    to: &RouteDestination,
    service: Option<&Service>,
    listener_port: u16,
) -> String {
    if to.host.is_empty() {
        return "UnknownService".to_owned();
    }
    let host = service
        .and_then(|service| service.external_name.as_ref())
        .unwrap_or(&to.host);
    let port = match (to.port, service.map(|service| service.ports.as_slice())) {
        (Some(port), _) => port.number,
        (None, Some([only])) => only.number,
        (None, _) => listener_port,
    };
    cluster_name(host, port, &to.subset)
}

/// Where connections go that nothing wants (`buildOutboundCatchAllNetworkFiltersOnly`).
pub(crate) fn catch_all(scope: &Scope) -> String {
    match &scope.egress_proxy {
        _ if !scope.allows_any => BLACK_HOLE.to_owned(),
        Some(proxy) => destination(proxy, None, 0),
        None => PASSTHROUGH.to_owned(),
    }
}

/// All outbound clusters of services.
pub(crate) fn all(push: &Push, scope: &Scope) -> BTreeMap<String, Cluster> {
    let mut clusters = BTreeMap::new();
    for service in &scope.services {
        let needs_endpoints = matches!(
            service.resolution,
            Resolution::Dns | Resolution::DnsRoundRobin
        );
        if service.resolution == Resolution::Alias || needs_endpoints && !service.has_endpoints {
            continue;
        }
        for port in &service.ports {
            if port.protocol == Protocol::Udp || is_left_out(service, port.protocol) {
                continue;
            }
            let cluster = Cluster {
                host: service.host.clone(),
                port: port.number,
                is_original: service.resolution == Resolution::Passthrough,
                object: service.object.clone(),
            };
            for subset in subsets(push, &service.host) {
                let name = cluster_name(&service.host, port.number, &subset);
                clusters.entry(name).or_insert_with(|| cluster.clone());
            }
            clusters
                .entry(service.cluster(port.number))
                .or_insert(cluster);
        }
    }
    clusters
}

/// A wildcard with `DYNAMIC_DNS` is for HTTP and TLS alone.
fn is_left_out(service: &Service, protocol: Protocol) -> bool {
    is_wildcard(&service.host)
        && service.resolution == Resolution::DynamicDns
        && !matches!(protocol, Protocol::Http | Protocol::Tls)
}

/// Of DestinationRules of that very host, whoever sees them.
fn subsets(push: &Push, host: &str) -> Vec<String> {
    let rules = push
        .objects
        .iter()
        .filter(|object| object.is("DestinationRule") && object.value["spec"]["host"] == host);
    let lists = rules.filter_map(|rule| rule.value["spec"]["subsets"].as_array());
    lists
        .flatten()
        .filter_map(|subset| Some(subset["name"].as_str()?.to_owned()))
        .collect()
}
