//! From a Service to its claims.

use std::{slice, sync::Arc};

use ipnet::IpNet;

use super::{
    claim::Claim,
    declared::{Declaration, entry},
    object_ref::ObjectKind,
    reader::Namespaces,
    values::ValueReader,
};
use crate::{
    objects,
    vocabulary::{PortProtocol, host_name::service_name},
};

/// A Service claims its name in the cluster at each of its ports (`ConvertService` in
/// `pkg/config/kube/conversion.go`). One without a cluster IP has listeners at its pods' addresses
/// only, an ExternalName none: a name is all that leads there. Only HTTP on a headless Service has a
/// listener of its own, the port's common one.
pub(super) fn declared(
    object: &objects::ServiceObject,
    namespaces: &mut Namespaces,
) -> Declaration {
    let objects::ServiceObject { metadata, spec } = object;
    let export_to = export_to(metadata);
    let entry = Arc::new(entry(ObjectKind::Service, metadata, &export_to, namespaces));
    let mut values = ValueReader::new(entry.object.clone());
    let addresses = addresses(spec, &mut values);
    let name = service_name(&metadata.name, &entry.object.namespace);
    let external = !spec.external_name.is_empty();
    let mut claims: Vec<Arc<Claim>> = Vec::new();
    if let Some(host) = values.host("metadata.name", &name) {
        let host_as_written: Arc<str> = name.into();
        for port in &spec.ports {
            let protocol =
                PortProtocol::of_service(port.port, &port.name, &port.protocol, &port.app_protocol);
            // The same number may stand for UDP and for TCP.
            if protocol == PortProtocol::Udp || claims.iter().any(|claim| claim.port == port.port) {
                continue;
            }
            let no_listener = addresses.is_empty() && protocol != PortProtocol::Http;
            claims.push(Arc::new(Claim {
                entry: Arc::clone(&entry),
                host: host.clone(),
                host_as_written: Arc::clone(&host_as_written),
                nth_host: 0,
                port: port.port,
                protocol,
                addresses: Arc::clone(&addresses),
                allocated: Vec::new(),
                endpoints: Arc::default(),
                only_by_name: external || no_listener,
            }));
        }
    }
    Declaration {
        object: entry.object.clone(),
        claims,
        problems: values.into_problems(),
    }
}

/// A Service has its `exportTo` in an annotation.
fn export_to(metadata: &objects::Metadata) -> Vec<String> {
    let words = metadata.annotations.get("networking.istio.io/exportTo");
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
