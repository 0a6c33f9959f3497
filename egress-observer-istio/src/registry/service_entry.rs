//! From a ServiceEntry to its claims.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    claim::{Claim, RegistryEntry},
    declared::{Declaration, entry},
    object_ref::ObjectKind,
    reader::Namespaces,
    values::ValueReader,
};
use crate::{
    objects,
    vocabulary::{PortProtocol, host_name::normal},
};

/// A ServiceEntry makes a claim for each of its hosts at each of its ports (`convertServices` in
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
    let entry = Arc::new(RegistryEntry {
        resolution: resolution(spec).to_owned(),
        location: spec.location.clone(),
        ..entry(
            ObjectKind::ServiceEntry,
            metadata,
            &spec.export_to,
            namespaces,
        )
    });
    let mut values = ValueReader::new(entry.object.clone());
    let addresses: Arc<[IpNet]> = spec
        .addresses
        .iter()
        .filter_map(|text| values.net("spec.addresses", text))
        .collect();
    let endpoints: Arc<[IpAddr]> = endpoints(spec).collect();
    let mut claims = Vec::new();
    let mut seen = HashSet::new();
    for (nth_host, written) in spec.hosts.iter().enumerate() {
        let Some(host) = values.host("spec.hosts", written) else {
            continue;
        };
        let allocated = allocated(status, written, &mut values);
        let host_as_written: Arc<str> = written.as_str().into();
        for port in &spec.ports {
            if seen.insert((host.clone(), port.number)) {
                claims.push(Arc::new(Claim {
                    entry: Arc::clone(&entry),
                    host: host.clone(),
                    host_as_written: Arc::clone(&host_as_written),
                    nth_host,
                    port: port.number,
                    protocol: PortProtocol::parse(&port.protocol),
                    addresses: Arc::clone(&addresses),
                    allocated: allocated.clone(),
                    endpoints: Arc::clone(&endpoints),
                    only_by_name: false,
                }));
            }
        }
    }
    Declaration {
        object: entry.object.clone(),
        claims,
        problems: values.into_problems(),
    }
}

/// Where the endpoints are names, the addresses behind them are not known.
fn endpoints(spec: &objects::ServiceEntrySpec) -> impl Iterator<Item = IpAddr> {
    let endpoints = spec.endpoints.iter();
    endpoints.filter_map(|endpoint| endpoint.address.parse().ok())
}

/// NONE where nothing is said.
fn resolution(spec: &objects::ServiceEntrySpec) -> &str {
    if spec.resolution.is_empty() {
        "NONE"
    } else {
        &spec.resolution
    }
}

/// The addresses that were allocated to a host, or to all hosts of the entry.
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
