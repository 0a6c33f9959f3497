//! `spec.egress` of a Sidecar.

use std::collections::HashMap;

use super::{
    names::{UNIX, is_ip, is_label, is_partial_wildcard, unix_fault, wildcard_fault},
    refusal::{Refusals, RefusedPart},
    service_ports,
};
use crate::{
    objects::{EgressListener, ServicePort},
    rules::Version,
};

/// Since when `*foo.com` is refused here.
const WHOLE_LABELS: Version = Version(17);
/// Since when `targetPort` is refused, of which Sidecars make nothing.
pub(super) const NO_TARGET_PORT: Version = Version(20);
/// Since when `~` may stand before a namespace, to leave hosts of it out.
const TAKES_AWAY: Version = Version(31);

/// Listeners without hosts, with the same port, or for what no earlier one takes where others follow.
pub(super) fn egress(listeners: &[EgressListener], version: Version, found: &mut Refusals) {
    let mut ports: HashMap<u16, usize> = HashMap::new();
    let mut sockets: HashMap<&str, usize> = HashMap::new();
    for (at, listener) in listeners.iter().enumerate() {
        let field = format!("spec.egress[{at}]");
        if !["", "DEFAULT", "IPTABLES", "NONE"].contains(&listener.capture_mode.as_str()) {
            capture_mode(RefusedPart::Egress, &listener.capture_mode, &field, found);
        }
        match &listener.port {
            None if at + 1 == listeners.len() => {}
            None => {
                let message = "a listener without port takes what no other takes, and only the last one \
                               may be so";
                let fix = "move it to the end, as the only one without port, or give it a port";
                found.add(
                    RefusedPart::Egress,
                    format!("{field}.port"),
                    "",
                    message,
                    fix,
                );
            }
            Some(port) => {
                by_port(port, listener, &field, version, found);
                let (first, field, value) = if port.number == 0 {
                    let bind = listener.bind.as_str();
                    (
                        sockets.insert(bind, at),
                        format!("{field}.bind"),
                        bind.to_owned(),
                    )
                } else {
                    let number = port.number;
                    (
                        ports.insert(number, at),
                        format!("{field}.port.number"),
                        number.to_string(),
                    )
                };
                if let Some(first) = first {
                    let message = format!("spec.egress[{first}] listens at {value}, too");
                    let fix = "write the hosts of both into one listener";
                    found.add(RefusedPart::Egress, field, value, message, fix);
                }
            }
        }
        hosts(&listener.hosts, &field, version, found);
    }
}

/// A capture mode that Istio does not know.
pub(super) fn capture_mode(part: RefusedPart, word: &str, field: &str, found: &mut Refusals) {
    let message = format!("Istio knows no capture mode `{word}`");
    let fix = "write DEFAULT, IPTABLES or NONE";
    found.add(part, format!("{field}.captureMode"), word, message, fix);
}

/// `validateSidecarEgressPortBindAndCaptureMode`: port 0 is a Unix socket's.
fn by_port(
    port: &ServicePort,
    listener: &EgressListener,
    field: &str,
    version: Version,
    found: &mut Refusals,
) {
    listener_port(RefusedPart::Egress, port, field, version, found);
    let bind = listener.bind.as_str();
    let bind_field = format!("{field}.bind");
    if port.number != 0 {
        return address(RefusedPart::Egress, bind, field, found);
    }
    let Some(path) = bind.strip_prefix(UNIX) else {
        let message = "port 0 is for a listener at a Unix socket, and bind names none";
        let fix = "write the port that clients dial, or bind `unix:///path/to/socket`";
        return found.add(RefusedPart::Egress, bind_field, bind, message, fix);
    };
    if let Some(fault) = unix_fault(path) {
        let fix = "write an absolute path, `unix:///path/to/socket`";
        found.add(RefusedPart::Egress, bind_field, bind, fault, fix);
    }
    if listener.capture_mode == "IPTABLES" {
        let message = "nothing is captured on its way to a Unix socket";
        let fix = "write captureMode NONE, or leave it out";
        found.add(
            RefusedPart::Egress,
            format!("{field}.captureMode"),
            "IPTABLES",
            message,
            fix,
        );
    }
}

/// What both kinds of listeners ask of a port: its name is optional.
pub(super) fn listener_port(
    part: RefusedPart,
    port: &ServicePort,
    field: &str,
    version: Version,
    found: &mut Refusals,
) {
    let field = format!("{field}.port");
    if !port.name.is_empty() {
        service_ports::name(part, port, &field, found);
    }
    service_ports::protocol(part, port, &field, found);
    if port.target_port > 0 && version >= NO_TARGET_PORT {
        let message = "a Sidecar's listener has no targetPort";
        let fix = "remove it";
        found.add(
            part,
            format!("{field}.targetPort"),
            port.target_port,
            message,
            fix,
        );
    }
}

/// `bind` of a listener at a port.
pub(super) fn address(part: RefusedPart, bind: &str, field: &str, found: &mut Refusals) {
    if !bind.is_empty() && !is_ip(bind) {
        let message = format!("`{bind}` is no address");
        let fix = "write an address, such as 127.0.0.1, or leave bind out";
        found.add(part, format!("{field}.bind"), bind, message, fix);
    }
}

fn hosts(hosts: &[String], field: &str, version: Version, found: &mut Refusals) {
    if hosts.is_empty() {
        let message = "a listener without hosts takes nothing in";
        let fix = "write what it takes in, such as `./*`; `~/*` is nothing";
        found.add(
            RefusedPart::Egress,
            format!("{field}.hosts"),
            "",
            message,
            fix,
        );
    }
    for (at, text) in hosts.iter().enumerate() {
        if let Some((message, fix)) = host_fault(text, version) {
            let field = format!("{field}.hosts[{at}]");
            found.add(RefusedPart::Egress, field, text, message, fix);
        }
    }
}

/// What is wrong with `namespace/dnsName`, and what to do about it
/// (`ValidateNamespaceSlashWildcardHostname`).
fn host_fault(text: &str, version: Version) -> Option<(String, &'static str)> {
    let form = "write `namespace/dnsName`, where the namespace may be `*`, `.` or `~`";
    let Some((namespace, host)) = text.split_once('/') else {
        return Some((format!("`{text}` names no namespace"), form));
    };
    if namespace.is_empty() || host.is_empty() {
        return Some((format!("one side of the slash in `{text}` is empty"), form));
    }
    let own = match namespace.strip_prefix('~') {
        Some("") => "*",
        Some(rest) if version >= TAKES_AWAY => rest,
        _ => namespace,
    };
    if own != "*" && own != "." && !is_label(own) {
        return Some((format!("`{namespace}` is no namespace"), form));
    }
    if host != "*" && !host.contains('.') {
        let fix = "write the whole name, such as `shop/cart.shop.svc.cluster.local`";
        return Some((
            format!("`{host}` is a short name, and only whole ones are allowed"),
            fix,
        ));
    }
    if let Some(fault) = wildcard_fault(host) {
        let fix = "write a DNS name, or one behind `*.`";
        return Some((format!("`{host}` is no host: {fault}"), fix));
    }
    (version >= WHOLE_LABELS && is_partial_wildcard(host)).then(|| {
        let message = format!("`{host}` is a wildcard within a label");
        (
            message,
            "write a wildcard for whole labels, such as `*.example.com`",
        )
    })
}
