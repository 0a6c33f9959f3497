//! ServiceEntries by themselves: what Istio refuses, and what it reads otherwise than meant.

use super::{
    code::LintCode,
    entry::{PlacedEntry, protocol, range},
    finding::LintFinding,
    scene::Scene,
};
use egress_observer_istio::{objects::ServicePort, vocabulary::PortProtocol};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    scene
        .entries
        .iter()
        .flat_map(|entry| {
            let ports = entry.object.spec.ports.iter().enumerate();
            ports
                .flat_map(|(at, port)| of_port(entry, at, port))
                .chain(hosts(entry))
                .chain(addresses(entry))
                .chain(endpoints(entry))
                .chain(no_ports(entry))
                .chain(nobody(scene, entry))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// NONE is the default.
fn resolution<'a>(entry: &'a PlacedEntry<'_>) -> &'a str {
    match entry.object.spec.resolution.as_str() {
        "" => "NONE",
        other => other,
    }
}

fn of_port(entry: &PlacedEntry<'_>, at: usize, port: &ServicePort) -> Option<LintFinding> {
    let (number, word) = (port.number, &port.protocol);
    let (code, message, fix) = match protocol(port) {
        PortProtocol::Tcp => return tcp_port(entry, at, port),
        PortProtocol::Udp => (
            LintCode::UdpPort,
            format!("UDP is never captured: port {number} of this entry does nothing"),
            "remove the port; to stop the traffic, use a NetworkPolicy",
        ),
        PortProtocol::Http if number == 443 => (
            LintCode::PlainOnTlsPort,
            format!(
                "the sidecar expects plaintext {word} on port 443; clients that speak TLS are \
                 cut off in the handshake"
            ),
            "write TLS; for TLS made by the sidecar, declare port 80 with targetPort 443 and a \
             DestinationRule",
        ),
        PortProtocol::Sniffed if word.is_empty() => (
            LintCode::NoProtocol,
            format!(
                "the sidecar guesses the protocol of port {number} from the first bytes; where the \
                 server speaks first, it waits for bytes that do not come"
            ),
            "write the protocol",
        ),
        PortProtocol::Http | PortProtocol::Tls | PortProtocol::Sniffed => return None,
    };
    let field = format!("spec.ports[{at}].protocol");
    Some(entry.place.finding(code, field, word, message, fix))
}

fn tcp_port(entry: &PlacedEntry<'_>, at: usize, port: &ServicePort) -> Option<LintFinding> {
    let spec = &entry.object.spec;
    if entry.has_addresses() {
        return None;
    }
    let (number, protocol) = (port.number, &port.protocol);
    let field = format!("spec.ports[{at}]");
    let fix = "give the entry addresses; for TLS, write protocol TLS, which goes by server name";
    if spec.hosts.len() > 1 && resolution(entry) != "NONE" {
        let message = format!(
            "a {protocol} port goes by address, and nothing tells {} hosts without addresses \
             apart: Istio refuses the entry",
            spec.hosts.len()
        );
        let fix = "write one entry for each host, with addresses";
        return Some(
            entry
                .place
                .finding(LintCode::SeveralTcpHosts, field, number, message, fix),
        );
    }
    let message = format!(
        "a {protocol} port goes by address, and there is none: every captured connection to port \
         {number}, whatever the destination, is taken for {}",
        spec.hosts.first().map_or("this entry", String::as_str)
    );
    Some(
        entry
            .place
            .finding(LintCode::TakesWholePort, field, number, message, fix),
    )
}

fn hosts(entry: &PlacedEntry<'_>) -> Vec<LintFinding> {
    let found = entry.object.spec.hosts.iter().enumerate();
    found
        .filter_map(|(at, host)| {
            let (message, fix) = fault_of(host, entry)?;
            let field = format!("spec.hosts[{at}]");
            Some(
                entry
                    .place
                    .finding(LintCode::BadHost, field, host, message, fix),
            )
        })
        .collect()
}

/// What is wrong with a host of an entry, and what to do about it.
fn fault_of(host: &str, entry: &PlacedEntry<'_>) -> Option<(String, &'static str)> {
    let resolution = resolution(entry);
    let wildcard = host.starts_with('*');
    let no_endpoints = entry.object.spec.endpoints.is_empty();
    let looked_up = ["DNS", "DNS_ROUND_ROBIN"].contains(&resolution) && no_endpoints;
    if host == "*" {
        Some((
            "Istio refuses the bare `*`".to_owned(),
            "name the hosts, such as `*.example.com`",
        ))
    } else if host.chars().skip(1).any(|c| c == '*') {
        let message = "`*` may only stand at the beginning: Istio refuses the entry".to_owned();
        Some((message, "write a wildcard such as `*.example.com`"))
    } else if wildcard && looked_up {
        let message = format!(
            "a wildcard cannot be looked up: with resolution {resolution} and no endpoints \
             Istio refuses the entry"
        );
        Some((message, "write resolution NONE, or the hosts one by one"))
    } else if !wildcard && resolution == "DYNAMIC_DNS" {
        let message = "resolution DYNAMIC_DNS is for wildcards only: Istio refuses the entry";
        Some((message.to_owned(), "write resolution DNS"))
    } else {
        None
    }
}

fn addresses(entry: &PlacedEntry<'_>) -> Vec<LintFinding> {
    let resolution = resolution(entry);
    let addresses = entry.object.spec.addresses.iter().enumerate();
    addresses
        .filter_map(|(at, text)| {
            let field = format!("spec.addresses[{at}]");
            let Some(range) = range(text) else {
                let message = format!("`{text}` is neither an address nor a range in CIDR form");
                let fix = "write an address; names belong into hosts or endpoints";
                return Some(
                    entry
                        .place
                        .finding(LintCode::BadAddress, field, text, message, fix),
                );
            };
            let wide = range.prefix_len() < range.max_prefix_len();
            (wide && !["NONE", "STATIC"].contains(&resolution)).then(|| {
                let message = format!(
                    "ranges are for resolution NONE and STATIC: with {resolution} Istio refuses \
                     the entry"
                );
                let fix = "write resolution NONE, or single addresses";
                entry
                    .place
                    .finding(LintCode::RangeResolved, field, text, message, fix)
            })
        })
        .collect()
}

fn endpoints(entry: &PlacedEntry<'_>) -> Option<LintFinding> {
    let spec = &entry.object.spec;
    if spec.endpoints.is_empty() {
        return None;
    }
    let (message, fix) = if spec.workload_selector.is_some() {
        let message = "endpoints and workloadSelector exclude each other: Istio refuses the entry";
        (message, "keep one of the two")
    } else if resolution(entry) == "NONE" {
        let message = "with resolution NONE connections go where they were dialled: Istio refuses \
                       endpoints";
        (
            message,
            "write resolution STATIC or DNS, or remove the endpoints",
        )
    } else {
        return None;
    };
    let value = spec.endpoints.len();
    Some(entry.place.finding(
        LintCode::EndpointsConflict,
        "spec.endpoints",
        value,
        message,
        fix,
    ))
}

fn no_ports(entry: &PlacedEntry<'_>) -> Option<LintFinding> {
    entry.object.spec.ports.is_empty().then(|| {
        let message =
            "without ports the sidecar has no listener for these hosts: they stay unknown";
        let fix = "add the ports that clients dial";
        entry
            .place
            .finding(LintCode::NoPorts, "spec.ports", "", message, fix)
    })
}

fn nobody(scene: &Scene<'_>, entry: &PlacedEntry<'_>) -> Option<LintFinding> {
    let export = scene.snapshot.registry.export_of(entry.object);
    export.is_to_nobody().then(|| {
        let message = if entry.object.spec.export_to.is_empty() {
            "without exportTo the mesh's defaultServiceExportTo counts, and `~` exports the entry \
             to no namespace: no sidecar knows its hosts"
        } else {
            "`~` exports the entry to no namespace: no sidecar knows its hosts"
        };
        let fix = "write `.` for the own namespace, or `*`";
        let (code, field) = (LintCode::ExportedToNobody, "spec.exportTo");
        entry.place.finding(code, field, "~", message, fix)
    })
}
