//! From a ServiceEntry to its claims.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    declared::{Declaration, entry},
    host_entry::{HostEntry, Place, Port, RegistryEntry},
    object_ref::ObjectKind,
    reader::Namespaces,
    values::ValueReader,
};
use crate::{
    objects::{self, ServiceEntrySpec, ServicePort},
    vocabulary::{PortProtocol, ServerFirst, host_name::normal},
};

/// Keeps istiod from allocating addresses, by the value `false`.
const AUTO_ALLOCATE: &str = "networking.istio.io/enable-autoallocate-ip";

/// A ServiceEntry claims each of its hosts at each of its ports (`convertServices` in
/// `pilot/pkg/serviceregistry/serviceentry/conversion.go`).
pub(super) fn declared(
    object: &objects::ServiceEntryObject,
    namespaces: &mut Namespaces,
) -> Declaration {
    let objects::ServiceEntryObject {
        metadata,
        spec,
        status,
    } = object;
    let selector = spec.workload_selector.as_ref().map(|own| &own.labels);
    let kind = ObjectKind::ServiceEntry;
    let alike = (resolution(spec), selector);
    let entry = Arc::new(RegistryEntry {
        location: spec.location.clone(),
        has_no_endpoints: spec.endpoints.is_empty() && spec.workload_selector.is_none(),
        ..entry(kind, metadata, &spec.export_to, alike, namespaces)
    });
    let mut values = ValueReader::new(entry.object.clone());
    let addresses: Arc<[IpNet]> = spec
        .addresses
        .iter()
        .filter_map(|text| values.net("spec.addresses", text))
        .collect();
    let endpoints: Arc<[IpAddr]> = endpoints(spec).collect();
    let ports = ports(&spec.ports);
    let mut hosts: Vec<Arc<HostEntry>> = Vec::new();
    for (nth_host, written) in spec.hosts.iter().enumerate() {
        let Some(host) = values.host("spec.hosts", written) else {
            continue;
        };
        if hosts.iter().any(|known| known.host == host) {
            continue;
        }
        hosts.push(Arc::new(HostEntry {
            entry: Arc::clone(&entry),
            is_allocatable: !host.wildcard && is_allocatable(object),
            host,
            host_as_written: written.as_str().into(),
            nth_host,
            ports: Arc::clone(&ports),
            addresses: Arc::clone(&addresses),
            allocated: if is_allocatable(object) {
                allocated(status, written, &mut values)
            } else {
                Vec::new()
            },
            endpoints: Arc::clone(&endpoints),
            place: place(spec, &endpoints),
        }));
    }
    Declaration {
        object: entry.object.clone(),
        hosts,
        problems: values.into_problems(),
    }
}

fn ports(all: &[ServicePort]) -> Arc<[Port]> {
    let mut ports: Vec<Port> = Vec::new();
    for port in all {
        if !ports.iter().any(|known| known.number == port.number) {
            ports.push(Port {
                number: port.number,
                protocol: PortProtocol::parse(&port.protocol),
                server_first: ServerFirst::parse(&port.protocol),
                word: PortProtocol::word(&port.protocol),
                target: port.target_port,
                is_behind_udp: false,
            });
        }
    }
    ports.into()
}

/// With resolution NONE and endpoints, or a selector of such, each endpoint has a listener of its own
/// (`buildSidecarOutboundListeners` in `pilot/pkg/networking/core/listener.go`).
fn place(spec: &ServiceEntrySpec, endpoints: &[IpAddr]) -> Place {
    let has_some = !endpoints.is_empty() || spec.workload_selector.is_some();
    if resolution(spec) == "NONE" && spec.addresses.is_empty() && has_some {
        Place::Endpoints
    } else {
        Place::Addresses
    }
}

/// Where the endpoints are names, the addresses behind them are not known.
fn endpoints(spec: &ServiceEntrySpec) -> impl Iterator<Item = IpAddr> {
    let endpoints = spec.endpoints.iter();
    endpoints.filter_map(|endpoint| endpoint.address.parse().ok())
}

/// NONE where nothing is said.
fn resolution(spec: &ServiceEntrySpec) -> &str {
    if spec.resolution.is_empty() {
        "NONE"
    } else {
        &spec.resolution
    }
}

/// Whether istiod allocates addresses to its hosts (`ShouldV2AutoAllocateIP` in
/// `pilot/pkg/networking/serviceentry/ip_autoallocation.go`).
fn is_allocatable(object: &objects::ServiceEntryObject) -> bool {
    let wanted = object.metadata.labels.get(AUTO_ALLOCATE);
    object.spec.addresses.is_empty()
        && resolution(&object.spec) != "NONE"
        && wanted.is_none_or(|word| !word.eq_ignore_ascii_case("false"))
}

/// The addresses that were allocated to a host, or to all hosts of the entry. They do not count where
/// istiod allocates none (`convertServices` in `pilot/pkg/serviceregistry/serviceentry/conversion.go`).
fn allocated(
    status: &objects::ServiceEntryStatus,
    host: &str,
    values: &mut ValueReader,
) -> Vec<IpAddr> {
    status
        .addresses
        .iter()
        .filter(|address| address.host.is_empty() || normal(&address.host) == normal(host))
        .filter_map(|address| values.ip("status.addresses", &address.value))
        .collect()
}
