//! From a Service to its claims.

use std::{net::IpAddr, slice, sync::Arc};

use ipnet::IpNet;

use super::{
    declared::{Declaration, entry},
    host_entry::{HostEntry, Place, Port},
    object_ref::ObjectKind,
    reader::Namespaces,
    values::ValueReader,
};
use crate::{
    objects::{self, KubernetesPort},
    vocabulary::{
        Host, PortProtocol, ServerFirst,
        host_name::{normal, service_name},
    },
};

/// A Service claims its name in the cluster at each of its ports (`ConvertService` in
/// `pkg/config/kube/conversion.go`). One without a cluster IP has listeners at its pods' addresses
/// (`endpoints`) only, an ExternalName is another name of a host.
pub(super) fn declared(
    object: &objects::ServiceObject,
    endpoints: Vec<IpAddr>,
    domain: &str,
    namespaces: &mut Namespaces,
) -> Declaration {
    let objects::ServiceObject { metadata, spec } = object;
    let export_to = export_to(metadata);
    let kind = ObjectKind::Service;
    let entry = Arc::new(entry(
        kind,
        metadata,
        &export_to,
        ("", &spec.selector),
        namespaces,
    ));
    let mut values = ValueReader::new(entry.object.clone());
    let addresses = addresses(spec, &mut values);
    let name = service_name(&metadata.name, &entry.object.namespace, domain);
    let host = values.host("metadata.name", &name);
    let hosts = host.map(|host| {
        Arc::new(HostEntry {
            host,
            host_as_written: name.into(),
            nth_host: 0,
            ports: ports(&spec.ports),
            place: place(spec, &addresses),
            addresses,
            allocated: Vec::new(),
            is_allocatable: false,
            endpoints: endpoints.into(),
            entry: Arc::clone(&entry),
        })
    });
    Declaration {
        object: entry.object.clone(),
        hosts: hosts.into_iter().collect(),
        problems: values.into_problems(),
    }
}

/// The same Service in a cluster with another domain.
pub(super) fn renamed(declared: &Declaration, domain: &str) -> Declaration {
    let object = &declared.object;
    let name = service_name(&object.name, &object.namespace, domain);
    let hosts = declared.hosts.iter().filter_map(|of| {
        Some(Arc::new(HostEntry {
            host: Host::parse(&name)?,
            host_as_written: name.as_str().into(),
            ..HostEntry::clone(of)
        }))
    });
    Declaration {
        object: object.clone(),
        hosts: hosts.collect(),
        problems: declared.problems.clone(),
    }
}

/// The same number may stand for UDP and for TCP: that of TCP counts.
fn ports(all: &[KubernetesPort]) -> Arc<[Port]> {
    let mut ports: Vec<Port> = Vec::new();
    let mut udp: Vec<u16> = Vec::new();
    for port in all {
        let protocol =
            PortProtocol::of_service(port.port, &port.name, &port.protocol, &port.app_protocol);
        if protocol == PortProtocol::Udp {
            udp.push(port.port);
        }
        let known = ports.iter().any(|known| known.number == port.port);
        if protocol != PortProtocol::Udp && !known {
            let word = match port.app_protocol.as_str() {
                "" => &port.name,
                word => word,
            };
            ports.push(Port {
                number: port.port,
                protocol,
                server_first: ServerFirst::parse(word.split('-').next().unwrap_or_default()),
                word: "",
                target: 0,
                is_behind_udp: udp.contains(&port.port),
            });
        }
    }
    ports.into()
}

fn place(spec: &objects::ServiceSpec, addresses: &[IpNet]) -> Place {
    if !spec.external_name.is_empty() {
        Place::Alias(normal(&spec.external_name).as_ref().into())
    } else if addresses.is_empty() {
        Place::Endpoints
    } else {
        Place::Addresses
    }
}

/// A Service has its `exportTo` in an annotation.
fn export_to(metadata: &objects::Metadata) -> Vec<String> {
    let words = metadata.annotations.get(objects::EXPORT_TO);
    words
        .map(|list| list.split(',').map(|word| word.trim().to_owned()).collect())
        .unwrap_or_default()
}

/// Its cluster IPs. A headless Service has none.
fn addresses(spec: &objects::ServiceSpec, values: &mut ValueReader) -> Arc<[IpNet]> {
    let listed = if spec.cluster_ips.is_empty() {
        slice::from_ref(&spec.cluster_ip)
    } else {
        &spec.cluster_ips
    };
    listed
        .iter()
        .filter(|ip| !matches!(ip.as_str(), "" | "None"))
        .filter_map(|ip| values.ip("spec.clusterIPs", ip))
        .map(IpNet::from)
        .collect()
}
