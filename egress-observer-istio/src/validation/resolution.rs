//! `spec.resolution` of a ServiceEntry, and what goes with which.

use super::{
    names::fqdn_fault,
    refusal::{Refusals, RefusedPart},
};
use crate::{
    objects::{Metadata, ServiceEntrySpec},
    rules::Version,
};

/// Since when DYNAMIC_DNS is known.
const DYNAMIC: Version = Version(28);
/// Since when it takes HTTP of every kind, and entries inside the mesh.
const DYNAMIC_WIDER: Version = Version(30);

/// NONE is the default.
pub(super) fn resolution_of(spec: &ServiceEntrySpec) -> &str {
    match spec.resolution.as_str() {
        "" => "NONE",
        other => other,
    }
}

/// Words that Istio does not know, and what does not go with those that it knows.
pub(super) fn resolution(
    metadata: &Metadata,
    spec: &ServiceEntrySpec,
    version: Version,
    found: &mut Refusals,
) {
    location(spec, found);
    match resolution_of(spec) {
        "NONE" | "STATIC" => {}
        "DNS" | "DNS_ROUND_ROBIN" => looked_up(spec, found),
        "DYNAMIC_DNS" if version >= DYNAMIC => dynamic(metadata, spec, version, found),
        other => {
            let (message, fix) = match other {
                "DYNAMIC_DNS" => (
                    format!("Istio {version} knows no DYNAMIC_DNS, which came with {DYNAMIC}"),
                    "write resolution NONE",
                ),
                other => (
                    format!("Istio knows no resolution `{other}`"),
                    "write NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS, in upper case",
                ),
            };
            found.add(RefusedPart::Setting, "spec.resolution", other, message, fix);
        }
    }
}

fn location(spec: &ServiceEntrySpec, found: &mut Refusals) {
    let location = &spec.location;
    if !["", "MESH_EXTERNAL", "MESH_INTERNAL"].contains(&location.as_str()) {
        let message = format!("Istio knows no location `{location}`");
        let fix = "write MESH_EXTERNAL or MESH_INTERNAL";
        found.add(
            RefusedPart::Setting,
            "spec.location",
            location,
            message,
            fix,
        );
    }
}

/// Without endpoints the hosts are looked up, and must be names.
fn looked_up(spec: &ServiceEntrySpec, found: &mut Refusals) {
    if !spec.endpoints.is_empty() {
        return;
    }
    let resolution = resolution_of(spec);
    let hosts = spec.hosts.iter().enumerate();
    // That `*` is no host at all is said elsewhere.
    for (at, host) in hosts.filter(|(_, host)| *host != "*") {
        if host.starts_with('*') && fqdn_fault(host).is_some() {
            let message = format!(
                "with resolution {resolution} and no endpoints a wildcard cannot be looked up"
            );
            let fix = "write resolution NONE, or the hosts one by one";
            found.add_host(at, host, message, fix);
        }
    }
}

fn dynamic(metadata: &Metadata, spec: &ServiceEntrySpec, version: Version, found: &mut Refusals) {
    for (at, host) in spec.hosts.iter().enumerate() {
        if !host.starts_with('*') {
            let message = "resolution DYNAMIC_DNS is for wildcards only";
            found.add_host(at, host, message, "write resolution DNS");
        }
    }
    if let Some(first) = spec.addresses.first() {
        let message = "with resolution DYNAMIC_DNS requests go by host, and never by address";
        found.add(
            RefusedPart::Setting,
            "spec.addresses",
            first,
            message,
            "remove the addresses",
        );
    }
    let known: &[&str] = if version < DYNAMIC_WIDER {
        &["http", "tls"]
    } else {
        &["http", "tls", "grpc", "http2"]
    };
    for (at, port) in spec.ports.iter().enumerate() {
        let word = &port.protocol;
        if !known.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            let message = format!("resolution DYNAMIC_DNS does not go with protocol `{word}`");
            let fix = format!("write {}", known.join(", ").to_uppercase());
            found.add(
                RefusedPart::Port,
                format!("spec.ports[{at}].protocol"),
                word,
                message,
                fix,
            );
        }
    }
    if spec.location == "MESH_INTERNAL" {
        inside(metadata, version, found);
    }
}

/// An entry inside the mesh.
fn inside(metadata: &Metadata, version: Version, found: &mut Refusals) {
    let waypoint = metadata.labels.get("istio.io/use-waypoint");
    let has_waypoint = waypoint.is_some_and(|name| !matches!(&*name.to_lowercase(), "" | "none"));
    let message = if version < DYNAMIC_WIDER {
        format!("before Istio {DYNAMIC_WIDER}, DYNAMIC_DNS is for MESH_EXTERNAL only")
    } else if has_waypoint {
        "DYNAMIC_DNS through a waypoint is for MESH_EXTERNAL only".to_owned()
    } else {
        return;
    };
    let fix = "write location MESH_EXTERNAL";
    found.add(
        RefusedPart::Setting,
        "spec.location",
        "MESH_INTERNAL",
        message,
        fix,
    );
}
