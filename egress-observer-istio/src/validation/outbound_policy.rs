//! `spec.outboundTrafficPolicy` of a Sidecar (`validateSidecarOutboundTrafficPolicy`).

use super::{
    names::{fqdn_fault, is_label},
    refusal::{Refusals, RefusedPart},
};
use crate::objects::{Destination, OutboundTrafficPolicy};

/// Modes that a Sidecar cannot have, and proxies that cannot be reached.
pub(super) fn outbound_policy(policy: &OutboundTrafficPolicy, found: &mut Refusals) {
    const FIELD: &str = "spec.outboundTrafficPolicy";
    // Absent, it is the first of the enumeration.
    let mode = policy.mode.as_deref().unwrap_or("REGISTRY_ONLY");
    if !["REGISTRY_ONLY", "ALLOW_ANY"].contains(&mode) {
        let message = match mode {
            "ALLOW_ANY_DYNAMIC_DNS" => format!("mode {mode} is for the mesh as a whole only"),
            mode => format!("Istio knows no mode `{mode}`"),
        };
        let fix = "write REGISTRY_ONLY or ALLOW_ANY";
        return found.add(
            RefusedPart::Scope,
            format!("{FIELD}.mode"),
            mode,
            message,
            fix,
        );
    }
    let Some(proxy) = &policy.egress_proxy else {
        return;
    };
    if mode != "ALLOW_ANY" {
        let message = "with REGISTRY_ONLY nothing unknown passes, and no proxy gets it";
        let fix = "write mode ALLOW_ANY, or remove egressProxy";
        return found.add(
            RefusedPart::Scope,
            format!("{FIELD}.egressProxy"),
            &proxy.host,
            message,
            fix,
        );
    }
    egress_proxy(proxy, &format!("{FIELD}.egressProxy"), found);
}

fn egress_proxy(proxy: &Destination, field: &str, found: &mut Refusals) {
    let host = &proxy.host;
    if let Some(fault) = fqdn_fault(host) {
        let message = format!("`{host}` is no name: {fault}");
        let fix = "write the name of the proxy's Service or ServiceEntry";
        found.add(
            RefusedPart::Scope,
            format!("{field}.host"),
            host,
            message,
            fix,
        );
    }
    let subset = &proxy.subset;
    if !subset.is_empty() && !is_label(subset) {
        let message = format!("`{subset}` is no name of a subset");
        let fix = "write at most 63 letters, digits and inner dashes";
        found.add(
            RefusedPart::Scope,
            format!("{field}.subset"),
            subset,
            message,
            fix,
        );
    }
    let number = proxy.port.as_ref().map_or(0, |port| port.number);
    if number == 0 {
        let message = "the proxy has no port";
        let fix = "write `port: {number: ..}`, from 1 to 65535";
        found.add(
            RefusedPart::Scope,
            format!("{field}.port"),
            "",
            message,
            fix,
        );
    }
}
