//! `spec.endpoints` of a ServiceEntry (`validateWorkloadEntry`, and the cases of `ValidateServiceEntry`
//! by resolution).

use super::{
    names::{UNIX, fqdn_fault, is_ip, is_label, is_label_key, is_label_value, unix_fault},
    refusal::{Refusals, RefusedPart},
    resolution::resolution_of,
};
use crate::{
    objects::{ServiceEntrySpec, WorkloadEntry},
    rules::Version,
};

/// Since when an endpoint of another network may have no address.
const NETWORK_ALONE: Version = Version(19);
/// Since when the ports of a fixed endpoint are looked at.
const PORTS_OF_STATIC: Version = Version(18);
/// Since when a name may be the only endpoint of DNS_ROUND_ROBIN.
const ROUND_ROBIN_ALONE: Version = Version(17);

/// Endpoints where there may be none, and faults of each.
pub(super) fn endpoints(spec: &ServiceEntrySpec, version: Version, found: &mut Refusals) {
    together(spec, version, found);
    for (at, endpoint) in spec.endpoints.iter().enumerate() {
        let one = OneEndpoint {
            spec,
            endpoint,
            field: format!("spec.endpoints[{at}]"),
        };
        match resolution_of(spec) {
            "STATIC" => one.fixed(version, found),
            "DNS" | "DNS_ROUND_ROBIN" => one.named(found),
            _ => one.socket(found),
        }
    }
}

fn together(spec: &ServiceEntrySpec, version: Version, found: &mut Refusals) {
    let resolution = resolution_of(spec);
    let n = spec.endpoints.len();
    if n > 0 && spec.workload_selector.is_some() {
        let message = "endpoints and workloadSelector exclude each other";
        found.add(
            RefusedPart::Endpoints,
            "spec.endpoints",
            n,
            message,
            "keep one of the two",
        );
    }
    let (message, fix) = match resolution {
        "NONE" if n > 0 => (
            "with resolution NONE connections go where they were dialled, and not to endpoints",
            "write resolution STATIC or DNS, or remove the endpoints",
        ),
        "DYNAMIC_DNS" if n > 0 => (
            "with resolution DYNAMIC_DNS the host that a request names is looked up, and no endpoint",
            "write resolution DNS with a host that is no wildcard, or remove the endpoints",
        ),
        "DNS_ROUND_ROBIN" if n > 1 => (
            "with resolution DNS_ROUND_ROBIN there is at most one endpoint",
            "keep one endpoint, or write resolution DNS",
        ),
        "DNS_ROUND_ROBIN" if n == 0 && version < ROUND_ROBIN_ALONE => (
            "up to Istio 1.16, DNS_ROUND_ROBIN needs one endpoint",
            "add the host as an endpoint",
        ),
        _ => return,
    };
    found.add(RefusedPart::Endpoints, "spec.endpoints", n, message, fix);
}

struct OneEndpoint<'a> {
    spec: &'a ServiceEntrySpec,
    endpoint: &'a WorkloadEntry,
    field: String,
}

impl OneEndpoint<'_> {
    fn add(
        &self,
        field: &str,
        value: impl ToString,
        message: String,
        fix: &str,
        found: &mut Refusals,
    ) {
        let field = format!("{}.{field}", self.field);
        found.add(RefusedPart::Endpoint, field, value, message, fix);
    }

    /// Of resolution STATIC: an address, or a Unix socket.
    fn fixed(&self, version: Version, found: &mut Refusals) {
        let endpoint = self.endpoint;
        let address = &endpoint.address;
        if address.is_empty() {
            if endpoint.network.is_empty() || version < NETWORK_ALONE {
                let message = "the endpoint has no address".to_owned();
                let fix = "write its address; from 1.19 on the name of another network is enough";
                return self.add("address", "", message, fix, found);
            }
        } else if address.starts_with(UNIX) {
            self.socket(found);
            return self.labels(found);
        } else if !is_ip(address) {
            let message = format!("with resolution STATIC `{address}` must be an address");
            let fix = "write an address, or resolution DNS, which looks names up";
            self.add("address", address, message, fix, found);
        }
        if version >= PORTS_OF_STATIC {
            self.ports(found);
        } else {
            self.unknown_ports(found);
        }
        self.labels(found);
    }

    /// Of a resolution by DNS: a name or an address.
    fn named(&self, found: &mut Refusals) {
        let address = &self.endpoint.address;
        if address.starts_with(UNIX) {
            let message = "a Unix socket cannot be looked up".to_owned();
            self.add(
                "address",
                address,
                message,
                "write resolution STATIC",
                found,
            );
        } else if !is_ip(address)
            && let Some(fault) = fqdn_fault(address)
        {
            let message = format!("`{address}` is neither an address nor a name: {fault}");
            let fix = "write the name of a server, without wildcard, port and scheme";
            self.add("address", address, message, fix, found);
        }
        self.ports(found);
        self.labels(found);
    }

    /// A Unix socket: one path, for one port. The schema asks for this whatever the resolution.
    fn socket(&self, found: &mut Refusals) {
        let address = &self.endpoint.address;
        let Some(path) = address.strip_prefix(UNIX) else {
            return;
        };
        if let Some(fault) = unix_fault(path) {
            let fix = "write an absolute path, `unix:///path/to/socket`, or `unix://@name`";
            self.add("address", address, fault.to_owned(), fix, found);
        }
        if !self.endpoint.ports.is_empty() {
            let message = "a Unix socket has no ports".to_owned();
            self.add(
                "ports",
                self.endpoint.ports.len(),
                message,
                "remove the ports",
                found,
            );
        }
        if self.spec.ports.len() != 1 {
            let n = self.spec.ports.len();
            let message = format!("a Unix socket serves one port, and the entry has {n}");
            self.add(
                "address",
                address,
                message,
                "write one entry for each port",
                found,
            );
        }
    }

    fn ports(&self, found: &mut Refusals) {
        for (name, number) in &self.endpoint.ports {
            let field = format!("ports[{name}]");
            if !is_label(name) {
                let message = format!("`{name}` is no name of a port");
                let fix = "write the name of one of the entry's ports";
                self.add(&field, number, message, fix, found);
            }
            if *number == 0 {
                let fix = "write the port of the endpoint, from 1 to 65535";
                self.add(&field, 0, "0 is no port".to_owned(), fix, found);
            }
        }
        self.unknown_ports(found);
    }

    fn unknown_ports(&self, found: &mut Refusals) {
        for (name, number) in &self.endpoint.ports {
            let mut known = self.spec.ports.iter();
            if !known.any(|port| port.name == *name) {
                let message = format!("the entry has no port of the name {name}");
                let fix = "write the name of one of the entry's ports";
                self.add(&format!("ports[{name}]"), number, message, fix, found);
            }
        }
    }

    fn labels(&self, found: &mut Refusals) {
        for (key, value) in &self.endpoint.labels {
            let message = if !is_label_key(key) {
                format!("`{key}` is no key of a label")
            } else if !is_label_value(value) {
                format!("`{value}` is no value of a label")
            } else {
                continue;
            };
            let fix = "write letters, digits, `-`, `_` and `.`, a letter or digit at each end";
            self.add(&format!("labels[{key}]"), value, message, fix, found);
        }
    }
}
