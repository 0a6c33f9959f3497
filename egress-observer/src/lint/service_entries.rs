//! ServiceEntries by themselves: what Istio refuses, and what it reads otherwise than meant.

use super::{
    code::Code,
    finding::Finding,
    protocol::Class,
    scene::{Entry, Scene, range},
};
use egress_observer_istio::objects::ServicePort;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
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
                .chain(nobody(entry))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// NONE is the default.
fn resolution<'a>(entry: &'a Entry<'_>) -> &'a str {
    match entry.object.spec.resolution.as_str() {
        "" => "NONE",
        other => other,
    }
}

fn of_port(entry: &Entry<'_>, at: usize, port: &ServicePort) -> Option<Finding> {
    let number = port.number;
    let protocol = &port.protocol;
    let finding = |code, field: &str, value: &str, message: String, fix: &str| {
        let field = format!("spec.ports[{at}]{field}");
        Some(entry.place.finding(code, field, value, message, fix))
    };
    match Class::of(port) {
        Class::Tcp => tcp_port(entry, at, port),
        Class::Udp => finding(
            Code::UdpPort,
            ".protocol",
            protocol,
            format!("UDP is never captured: port {number} of this entry does nothing"),
            "remove the port; to stop the traffic, use a NetworkPolicy",
        ),
        Class::Http if number == 443 => finding(
            Code::PlainOnTlsPort,
            ".protocol",
            protocol,
            format!(
                "the sidecar expects plaintext {protocol} on port 443; clients that speak TLS are \
                 cut off in the handshake"
            ),
            "write TLS; for TLS made by the sidecar, declare port 80 with targetPort 443 and a \
             DestinationRule",
        ),
        Class::Sniffed if protocol.is_empty() => finding(
            Code::NoProtocol,
            ".protocol",
            "",
            format!(
                "the sidecar guesses the protocol of port {number} from the first bytes; where the \
                 server speaks first, it waits for bytes that do not come"
            ),
            "write the protocol",
        ),
        Class::Http | Class::Tls | Class::Sniffed => None,
    }
}

fn tcp_port(entry: &Entry<'_>, at: usize, port: &ServicePort) -> Option<Finding> {
    let spec = &entry.object.spec;
    if !spec.addresses.is_empty() || !entry.object.status.addresses.is_empty() {
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
                .finding(Code::SeveralTcpHosts, field, number, message, fix),
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
            .finding(Code::TakesWholePort, field, number, message, fix),
    )
}

fn hosts(entry: &Entry<'_>) -> Vec<Finding> {
    let spec = &entry.object.spec;
    let resolution = resolution(entry);
    let looked_up = ["DNS", "DNS_ROUND_ROBIN"].contains(&resolution) && spec.endpoints.is_empty();
    let fault = |host: &str| {
        let wildcard = host.starts_with('*');
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
    };
    let found = spec.hosts.iter().enumerate();
    found
        .filter_map(|(at, host)| {
            let (message, fix) = fault(host)?;
            let field = format!("spec.hosts[{at}]");
            Some(
                entry
                    .place
                    .finding(Code::BadHost, field, host, message, fix),
            )
        })
        .collect()
}

fn addresses(entry: &Entry<'_>) -> Vec<Finding> {
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
                        .finding(Code::BadAddress, field, text, message, fix),
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
                    .finding(Code::RangeResolved, field, text, message, fix)
            })
        })
        .collect()
}

fn endpoints(entry: &Entry<'_>) -> Option<Finding> {
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
        Code::EndpointsConflict,
        "spec.endpoints",
        value,
        message,
        fix,
    ))
}

fn no_ports(entry: &Entry<'_>) -> Option<Finding> {
    entry.object.spec.ports.is_empty().then(|| {
        let message =
            "without ports the sidecar has no listener for these hosts: they stay unknown";
        let fix = "add the ports that clients dial";
        entry
            .place
            .finding(Code::NoPorts, "spec.ports", "", message, fix)
    })
}

fn nobody(entry: &Entry<'_>) -> Option<Finding> {
    let hidden = entry.object.spec.export_to.iter().any(|to| to == "~");
    hidden.then(|| {
        let message = "`~` exports the entry to no namespace: no sidecar knows its hosts";
        let fix = "write `.` for the own namespace, or `*`";
        entry
            .place
            .finding(Code::ExportedToNobody, "spec.exportTo", "~", message, fix)
    })
}
