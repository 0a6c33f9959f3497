//! Objects, taken apart into rows.

use std::{collections::HashSet, net::IpAddr};

use ipnet::IpNet;

use super::row::ScanRow;
use crate::{objects, registry::object_ref::ObjectKind, vocabulary::PortProtocol};

/// An absent namespace is `default`.
pub(super) fn namespace(metadata: &objects::Metadata) -> &str {
    match metadata.namespace.as_str() {
        "" => "default",
        name => name,
    }
}

/// The hosts of a ServiceEntry at a port.
pub(super) fn entry_rows(entry: &objects::ServiceEntryObject, port: u16) -> Vec<ScanRow<'_>> {
    let spec = &entry.spec;
    let Some(port) = spec.ports.iter().find(|other| other.number == port) else {
        return Vec::new();
    };
    let protocol = entry_protocol(&port.protocol);
    let (ips, ranges) = addresses(&spec.addresses);
    let mut rows: Vec<ScanRow<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for (nth_host, written) in spec.hosts.iter().enumerate() {
        let host = written.trim_end_matches('.').to_lowercase();
        let parent = host.strip_prefix("*.").unwrap_or(&host);
        if parent.is_empty() || parent.contains('*') || !seen.insert(host.clone()) {
            continue;
        }
        let endpoints = spec.endpoints.iter();
        let allocated = entry.status.addresses.iter().filter(|address| {
            address.host.is_empty() || address.host.eq_ignore_ascii_case(written)
        });
        rows.push(ScanRow {
            kind: ObjectKind::ServiceEntry,
            created: &entry.metadata.creation_timestamp,
            namespace: namespace(&entry.metadata),
            name: &entry.metadata.name,
            nth_host,
            host,
            written: written.clone(),
            port: port.number,
            protocol,
            ips: ips.clone(),
            ranges: ranges.clone(),
            allocated: allocated.filter_map(|it| it.value.parse().ok()).collect(),
            endpoints: endpoints.filter_map(|it| it.address.parse().ok()).collect(),
            name_only: false,
        });
    }
    rows
}

fn entry_protocol(word: &str) -> PortProtocol {
    match word.to_uppercase().as_str() {
        "HTTP" | "HTTP2" | "HTTP_PROXY" | "GRPC" | "GRPC-WEB" => PortProtocol::Http,
        "HTTPS" | "TLS" => PortProtocol::Tls,
        "TCP" | "MONGO" | "MYSQL" | "REDIS" => PortProtocol::Tcp,
        "UDP" => PortProtocol::Udp,
        _ => PortProtocol::Sniffed,
    }
}

/// The single addresses of a list, and its ranges.
fn addresses(texts: &[String]) -> (Vec<IpAddr>, Vec<IpNet>) {
    let mut ips: Vec<IpAddr> = Vec::new();
    let mut ranges: Vec<IpNet> = Vec::new();
    for text in texts {
        match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
            (Ok(ip), _) => ips.push(ip),
            (_, Ok(net)) if net.prefix_len() == net.max_prefix_len() => ips.push(net.addr()),
            (_, Ok(net)) => ranges.push(net),
            _ => {}
        }
    }
    (ips, ranges)
}

/// A Service's name at a port.
pub(super) fn service_row(service: &objects::ServiceObject, port: u16) -> Option<ScanRow<'_>> {
    let spec = &service.spec;
    let mut ports = spec.ports.iter();
    let port = ports.find(|it| it.port == port && ["", "TCP"].contains(&&*it.protocol))?;
    let word = match (port.app_protocol.as_str(), port.name.as_str()) {
        ("", word) => word,
        ("kubernetes.io/h2c" | "kubernetes.io/ws", _) => "http",
        ("kubernetes.io/wss", _) => "https",
        (word, _) => word,
    };
    let word = word.split_once('-').map_or(word, |(word, _)| word);
    let protocol = match word.to_lowercase().as_str() {
        "http" | "http2" | "http_proxy" | "grpc" => PortProtocol::Http,
        "https" | "tls" => PortProtocol::Tls,
        "tcp" | "mongo" | "mysql" | "redis" => PortProtocol::Tcp,
        "udp" => return None,
        _ if [25, 53, 3306, 27017].contains(&port.port) => PortProtocol::Tcp,
        _ => PortProtocol::Sniffed,
    };
    let ips = spec.cluster_ips.iter().chain([&spec.cluster_ip]);
    let mut ips: Vec<IpAddr> = ips.filter_map(|ip| ip.parse().ok()).collect();
    ips.dedup();
    let namespace = namespace(&service.metadata);
    let written = format!("{}.{namespace}.svc.cluster.local", service.metadata.name);
    Some(ScanRow {
        kind: ObjectKind::Service,
        created: &service.metadata.creation_timestamp,
        namespace,
        name: &service.metadata.name,
        nth_host: 0,
        host: written.to_lowercase(),
        written,
        port: port.port,
        protocol,
        name_only: !spec.external_name.is_empty()
            || (ips.is_empty() && protocol != PortProtocol::Http),
        ips,
        ranges: Vec::new(),
        allocated: Vec::new(),
        endpoints: Vec::new(),
    })
}
