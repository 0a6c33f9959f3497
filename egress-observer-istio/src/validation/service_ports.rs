//! `spec.ports` of a ServiceEntry.

use std::collections::HashMap;

use super::{
    names::{is_label, is_protocol},
    refusal::{Refusals, RefusedPart},
    resolution::resolution_of,
};
use crate::{
    objects::{ServiceEntrySpec, ServicePort},
    vocabulary::PortProtocol,
};

/// Numbers and names, each once; protocols that Istio knows.
pub(super) fn ports(spec: &ServiceEntrySpec, found: &mut Refusals) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut numbers: HashMap<u16, usize> = HashMap::new();
    for (at, port) in spec.ports.iter().enumerate() {
        let field = format!("spec.ports[{at}]");
        if let Some(first) = names
            .insert(&port.name, at)
            .filter(|_| !port.name.is_empty())
        {
            let name = &port.name;
            let message = format!("spec.ports[{first}] has the name {name}, too");
            let fix = "give every port a name of its own";
            found.add(
                RefusedPart::Port,
                format!("{field}.name"),
                name,
                message,
                fix,
            );
        }
        if let Some(first) = numbers.insert(port.number, at) {
            let number = port.number;
            let message = format!("spec.ports[{first}] has the number {number}, too");
            let fix = "declare a number once; what differs by host is an entry of its own";
            found.add(
                RefusedPart::Port,
                format!("{field}.number"),
                number,
                message,
                fix,
            );
        }
        by_itself(port, &field, found);
    }
    several_hosts(spec, found);
}

fn by_itself(port: &ServicePort, field: &str, found: &mut Refusals) {
    if port.number == 0 {
        let fix = "write the port that clients dial, from 1 to 65535";
        found.add(
            RefusedPart::Port,
            format!("{field}.number"),
            0,
            "0 is no port",
            fix,
        );
    }
    if port.name.is_empty() {
        let fix = "name the port, such as `tls`";
        found.add(
            RefusedPart::Port,
            format!("{field}.name"),
            "",
            "a port must have a name",
            fix,
        );
    } else {
        name(RefusedPart::Port, port, field, found);
    }
    protocol(RefusedPart::Port, port, field, found);
}

/// A name that is no label (`ValidatePortName`).
pub(super) fn name(part: RefusedPart, port: &ServicePort, field: &str, found: &mut Refusals) {
    let name = &port.name;
    if !is_label(name) {
        let message = format!("`{name}` is no name of a port");
        let fix = "write at most 63 letters, digits and inner dashes";
        found.add(part, format!("{field}.name"), name, message, fix);
    }
}

/// A protocol that Istio does not know (`ValidateProtocol`).
pub(super) fn protocol(part: RefusedPart, port: &ServicePort, field: &str, found: &mut Refusals) {
    let word = &port.protocol;
    if !is_protocol(word) {
        let message = format!("Istio knows no protocol `{word}`");
        let fix = "write TLS, HTTP, HTTP2, GRPC, TCP, MONGO, MYSQL or REDIS";
        found.add(part, format!("{field}.protocol"), word, message, fix);
    }
}

/// Several hosts, which only HTTP and TLS tell apart; with NONE nobody asks for the host.
fn several_hosts(spec: &ServiceEntrySpec, found: &mut Refusals) {
    let n_hosts = spec.hosts.len();
    if n_hosts < 2 || resolution_of(spec) == "NONE" {
        return;
    }
    let mut ports = spec.ports.iter().enumerate();
    let blind = ports.find(|(_, port)| {
        let protocol = PortProtocol::parse(&port.protocol);
        !matches!(protocol, PortProtocol::Http | PortProtocol::Tls)
    });
    if let Some((at, port)) = blind {
        let (number, protocol) = (port.number, port.protocol.as_str());
        let what = if protocol.is_empty() {
            format!("port {number} says no protocol")
        } else {
            format!("a {protocol} port goes by address")
        };
        let message = format!("{what}, and nothing tells {n_hosts} hosts apart");
        let fix = "write one entry for each host, with addresses; for TLS, write protocol TLS, which \
                   goes by server name";
        found.add(
            RefusedPart::SeveralHosts,
            format!("spec.ports[{at}]"),
            number,
            message,
            fix,
        );
    }
}
