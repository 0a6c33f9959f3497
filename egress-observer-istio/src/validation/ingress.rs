//! `spec.ingress` of a Sidecar.

use std::collections::HashMap;

use super::{
    connection_pool::{POOLS, connection_pool},
    egress::{address, capture_mode, listener_port},
    names::{UNIX, unix_fault},
    refusal::{Refusals, RefusedPart},
    server_tls::server_tls,
};
use crate::{objects::IngressListener, rules::Version};

/// Listeners without a port, at the same port, and for what cannot be at a pod.
pub(super) fn ingress(listeners: &[IngressListener], version: Version, found: &mut Refusals) {
    let mut ports: HashMap<u16, usize> = HashMap::new();
    for (at, listener) in listeners.iter().enumerate() {
        let field = format!("spec.ingress[{at}]");
        let Some(port) = &listener.port else {
            let message = "a listener for what arrives must have a port";
            let fix = "write the port that clients of the pod dial";
            found.add(
                RefusedPart::Ingress,
                format!("{field}.port"),
                "",
                message,
                fix,
            );
            continue;
        };
        let number = port.number;
        listener_port(RefusedPart::Ingress, port, &field, version, found);
        if number == 0 {
            let fix = "write the port that clients of the pod dial, from 1 to 65535";
            let field = format!("{field}.port.number");
            found.add(RefusedPart::Ingress, field, 0, "0 is no port", fix);
        }
        address(RefusedPart::Ingress, &listener.bind, &field, found);
        if !["", "DEFAULT", "IPTABLES", "NONE"].contains(&listener.capture_mode.as_str()) {
            capture_mode(RefusedPart::Ingress, &listener.capture_mode, &field, found);
        }
        if let Some(first) = ports.insert(number, at) {
            let message = format!("spec.ingress[{first}] listens at port {number}, too");
            let field = format!("{field}.port.number");
            found.add(
                RefusedPart::Ingress,
                field,
                number,
                message,
                "keep one of the two",
            );
        }
        let endpoint = listener.default_endpoint.as_str();
        if let Some((message, fix)) = endpoint_fault(endpoint) {
            let field = format!("{field}.defaultEndpoint");
            found.add(RefusedPart::Ingress, field, endpoint, message, fix);
        }
        if let Some(tls) = &listener.tls {
            server_tls(tls, &port.protocol, &format!("{field}.tls"), version, found);
        }
        if let Some(pool) = listener
            .connection_pool
            .as_ref()
            .filter(|_| version >= POOLS)
        {
            connection_pool(pool, &format!("{field}.connectionPool"), version, found);
        }
    }
}

/// What is wrong with where a listener passes on to, and what to do about it: an address of the pod
/// itself with a port, or a Unix socket.
fn endpoint_fault(text: &str) -> Option<(String, &'static str)> {
    const FORM: &str = "write `127.0.0.1:8080`, `0.0.0.0:8080`, `[::1]:8080`, `[::]:8080` or \
                        `unix:///path/to/socket`";
    if text.is_empty() {
        return None;
    }
    if let Some(path) = text.strip_prefix(UNIX) {
        return unix_fault(path).map(|fault| (fault.to_owned(), FORM));
    }
    let Some((host, port)) = host_and_port(text) else {
        return Some((format!("`{text}` is no address with a port"), FORM));
    };
    if !["", "127.0.0.1", "0.0.0.0", "::1", "::"].contains(&host) {
        return Some((
            format!("`{host}` is not an address that every pod has"),
            FORM,
        ));
    }
    match port.parse::<i64>() {
        Ok(1..=65535) => None,
        _ => Some((format!("`{port}` is no port"), FORM)),
    }
}

/// What stands before and behind the last colon, where brackets hold what has others
/// (`net.SplitHostPort`).
fn host_and_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let inner = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let is_stray = [inner, port].iter().any(|text| text.contains(['[', ']']));
    (!is_stray).then_some((inner, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_passed_on_inside_the_pod() {
        let good = [
            "",
            "127.0.0.1:80",
            "0.0.0.0:65535",
            "[::1]:80",
            "[::]:1",
            ":8080",
            "unix:///a/b",
            "unix://@a",
        ];
        for text in good {
            assert_eq!(endpoint_fault(text), None, "{text}");
        }
        let bad = [
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "127.0.0.1:http",
            "192.0.2.1:80",
            "localhost:80",
            "::1:80",
            "[::1]",
            "[::1:80",
            "[2001:db8::1]:80",
            "unix://",
            "unix:///",
            "unix://a",
            "80",
        ];
        for text in bad {
            assert!(endpoint_fault(text).is_some(), "{text}");
        }
    }
}
