//! Services of Kubernetes (`ConvertService` in `pilot/pkg/serviceregistry/kube/conversion.go`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Port, Registry, Resolution, Service, UNSPECIFIED};
use crate::mesh::Client;
use crate::objects::{Object, labels};
use crate::protocol::Protocol;

const EXPORT_TO: &str = "networking.istio.io/exportTo";

pub(super) fn service(object: &Object, client: &Client) -> Service {
    let spec = &object.value["spec"];
    let external_name = (spec["type"] == "ExternalName")
        .then(|| spec["externalName"].as_str())
        .flatten()
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    let mut resolution = match external_name {
        Some(_) if client.version.has_aliases() => Resolution::Alias,
        Some(_) => Resolution::Dns,
        None => Resolution::Static,
    };
    let mut cluster_ips = Vec::new();
    let mut address = UNSPECIFIED.to_owned();
    match spec["clusterIP"].as_str() {
        Some("None") => resolution = Resolution::Passthrough,
        Some(cluster_ip) if !cluster_ip.is_empty() => {
            address = cluster_ip.to_owned();
            cluster_ips = texts(&spec["clusterIPs"]);
            if cluster_ips.len() < 2 {
                cluster_ips = vec![address.clone()];
            }
        }
        _ => {}
    }
    Service {
        host: format!(
            "{}.{}.svc.{}",
            object.name(),
            object.namespace(),
            client.cluster_domain
        ),
        name: object.name().to_owned(),
        namespace: object.namespace().to_owned(),
        object: object.reference.clone(),
        created: object.created.clone(),
        registry: Registry::Kubernetes,
        resolution,
        address,
        cluster_ips,
        allocated: Vec::new(),
        ports: ports(&spec["ports"]),
        export_to: export_to(object, client),
        labels: object.labels.clone(),
        selector: spec["selector"]
            .as_object()
            .map(|_| labels(&spec["selector"])),
        external_name,
        aliases: Vec::new(),
        has_endpoints: true,
    }
}

fn ports(ports: &Value) -> Vec<Port> {
    ports
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|port| {
            let number = u16::try_from(port["port"].as_u64()?).ok()?;
            let name = port["name"].as_str().unwrap_or_default();
            let transport = port["protocol"].as_str().unwrap_or("TCP");
            let application = port["appProtocol"].as_str();
            Some(Port {
                name: name.to_owned(),
                number,
                protocol: Protocol::of_service(number, name, transport, application),
            })
        })
        .collect()
}

fn export_to(object: &Object, client: &Client) -> BTreeSet<String> {
    object
        .annotations
        .get(EXPORT_TO)
        .filter(|text| !text.is_empty())
        .into_iter()
        .flat_map(|text| text.split(','))
        .map(|namespace| {
            if client.version.trims_export_to() {
                namespace.trim().to_owned()
            } else {
                namespace.to_owned()
            }
        })
        .collect()
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}
