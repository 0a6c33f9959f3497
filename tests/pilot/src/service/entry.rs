//! Services of ServiceEntries: one for each host and address (`convertServices` in
//! `pilot/pkg/serviceregistry/serviceentry/conversion.go`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::endpoints;
use super::kube::texts;
use super::{Port, Registry, Resolution, Service, UNSPECIFIED};
use crate::host::is_wildcard;
use crate::mesh::Client;
use crate::objects::{Object, labels};
use crate::protocol::Protocol;

const OPT_OUT: &str = "networking.istio.io/enable-autoallocate-ip";

pub(super) fn services(object: &Object, objects: &[Object], client: &Client) -> Vec<Service> {
    let spec = &object.value["spec"];
    let resolution = match spec["resolution"].as_str() {
        Some("STATIC") => Resolution::Static,
        Some("DNS") => Resolution::Dns,
        Some("DNS_ROUND_ROBIN") => Resolution::DnsRoundRobin,
        Some("DYNAMIC_DNS") => Resolution::DynamicDns,
        _ => Resolution::Passthrough,
    };
    let allocated = allocated(object, resolution, client);
    let selector = spec["workloadSelector"]
        .as_object()
        .map(|_| labels(&spec["workloadSelector"]["labels"]));
    let mut services = Vec::new();
    for host in texts(&spec["hosts"]) {
        for address in addresses(&texts(&spec["addresses"])) {
            services.push(Service {
                host: host.clone(),
                name: host.clone(),
                namespace: object.namespace().to_owned(),
                object: object.reference.clone(),
                created: object.created.clone(),
                registry: Registry::External,
                resolution,
                address,
                cluster_ips: Vec::new(),
                allocated: allocated.get(&host).cloned().unwrap_or_default(),
                ports: ports(&spec["ports"]),
                export_to: texts(&spec["exportTo"]).into_iter().collect(),
                labels: object.labels.clone(),
                selector: selector.clone(),
                external_name: None,
                aliases: Vec::new(),
                has_endpoints: has_endpoints(object, &host, selector.is_some(), objects),
            });
        }
    }
    services
}

/// What is neither an address nor a range counts for nothing; a range of one address is that address.
fn addresses(written: &[String]) -> Vec<String> {
    if written.is_empty() {
        return vec![UNSPECIFIED.to_owned()];
    }
    written
        .iter()
        .filter_map(|address| {
            if address.parse::<IpAddr>().is_ok() {
                return Some(address.clone());
            }
            let range: IpNet = address.parse().ok()?;
            if range.prefix_len() == range.max_prefix_len() {
                return Some(range.addr().to_string());
            }
            Some(address.clone())
        })
        .collect()
}

fn ports(ports: &Value) -> Vec<Port> {
    ports
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|port| {
            Some(Port {
                name: port["name"].as_str().unwrap_or_default().to_owned(),
                number: u16::try_from(port["number"].as_u64()?).ok()?,
                protocol: Protocol::parse(port["protocol"].as_str().unwrap_or_default()),
            })
        })
        .collect()
}

/// Addresses of hosts in the status (`GetHostAddressesFromConfig`, `shouldV2AutoAllocateIPFromPieces`).
fn allocated(
    object: &Object,
    resolution: Resolution,
    client: &Client,
) -> BTreeMap<String, Vec<String>> {
    let is_out = object
        .labels
        .get(OPT_OUT)
        .is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let has_own = !texts(&object.value["spec"]["addresses"]).is_empty();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if is_out
        || has_own
        || resolution == Resolution::Passthrough
        || !client.version.allocates_in_status()
    {
        return found;
    }
    let written = object.value["status"]["addresses"].as_array();
    for address in written.into_iter().flatten() {
        let host = address["host"].as_str().unwrap_or_default();
        if let Some(value) = address["value"].as_str() {
            found
                .entry(host.to_owned())
                .or_default()
                .push(value.to_owned());
        }
    }
    found
}

/// `convertServiceEntryToInstances`: a name of DNS is its own endpoint, if it is a name.
fn has_endpoints(object: &Object, host: &str, is_selecting: bool, objects: &[Object]) -> bool {
    let spec = &object.value["spec"];
    if is_selecting {
        let selector = labels(&spec["workloadSelector"]["labels"]);
        return !endpoints::selected(objects, object.namespace(), &selector).is_empty();
    }
    let has_own = spec["endpoints"]
        .as_array()
        .is_some_and(|endpoints| !endpoints.is_empty());
    has_own || !is_wildcard(host)
}
