//! ServiceEntries (`ValidateServiceEntry`).

use super::{
    endpoints,
    export_to::export_to,
    names::{is_subnet, wildcard_fault},
    refusal::{Refusal, Refusals, RefusedPart},
    resolution::{self, resolution_of},
    selector::{annotations, selector},
    service_ports,
};
use crate::{
    injection::pod,
    objects::{ServiceEntryObject, ServiceEntrySpec},
    rules::Version,
};

/// Why Istio of a version refuses an entry; nothing for one that it takes.
pub fn service_entry(object: &ServiceEntryObject, version: Version) -> Vec<Refusal> {
    let (metadata, spec) = (&object.metadata, &object.spec);
    let mut found = Refusals::default();
    annotations(RefusedPart::Setting, metadata, &mut found);
    selector(
        RefusedPart::Setting,
        spec.workload_selector.as_ref(),
        &mut found,
    );
    hosts(spec, &mut found);
    addresses(spec, &mut found);
    service_ports::ports(spec, &mut found);
    endpoints::endpoints(spec, version, &mut found);
    resolution::resolution(metadata, spec, version, &mut found);
    let own = pod::named_namespace(&metadata.namespace);
    export_to(&spec.export_to, own, &mut found);
    found.into_vec()
}

fn hosts(spec: &ServiceEntrySpec, found: &mut Refusals) {
    if spec.hosts.is_empty() {
        let fix = "name the hosts that clients dial";
        found.add(
            RefusedPart::Host,
            "spec.hosts",
            "",
            "an entry without hosts declares nothing",
            fix,
        );
    }
    for (at, host) in spec.hosts.iter().enumerate() {
        let (message, fix) = if host == "*" {
            let message = "the bare `*` would take in everything".to_owned();
            (message, "name the hosts, such as `*.example.com`")
        } else if let Some(fault) = wildcard_fault(host) {
            let is_address = is_subnet(host);
            let fix = if is_address {
                "give the entry a name, and write the address into spec.addresses"
            } else {
                "write a DNS name, with `*` at most in its first label: `*.example.com`"
            };
            (format!("`{host}` is no host: {fault}"), fix)
        } else {
            continue;
        };
        found.add_host(at, host, message, fix);
    }
}

fn addresses(spec: &ServiceEntrySpec, found: &mut Refusals) {
    let resolution = resolution_of(spec);
    for (at, text) in spec.addresses.iter().enumerate() {
        let field = format!("spec.addresses[{at}]");
        if !is_subnet(text) {
            let message = format!("`{text}` is neither an address nor a range in CIDR form");
            let fix = "write an address; names belong into hosts or endpoints";
            found.add(RefusedPart::Address, &*field, text, message, fix);
        }
        // Also one of a single address.
        if text.contains('/') && !["NONE", "STATIC"].contains(&resolution) {
            let message =
                format!("ranges are for resolution NONE and STATIC, and not for {resolution}");
            let fix = "write resolution NONE, or single addresses";
            found.add(RefusedPart::Range, field, text, message, fix);
        }
    }
}
