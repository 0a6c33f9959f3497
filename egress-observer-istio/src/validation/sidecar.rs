//! Sidecars (`ValidateSidecar`).

use super::{
    connection_pool::{POOLS, connection_pool},
    egress, ingress, outbound_policy,
    refusal::{Refusal, Refusals, RefusedPart},
    selector::{annotations, selector},
};
use crate::{objects::Sidecar, rules::Version};

/// Why Istio of a version refuses a Sidecar; nothing for one that it takes.
pub fn sidecar(object: &Sidecar, version: Version) -> Vec<Refusal> {
    let (metadata, spec) = (&object.metadata, &object.spec);
    let mut found = Refusals::default();
    annotations(RefusedPart::Scope, metadata, &mut found);
    selector(
        RefusedPart::Scope,
        spec.workload_selector.as_ref(),
        &mut found,
    );
    let has_pool = spec.inbound_connection_pool.is_some() && version >= POOLS;
    let is_empty = spec.egress.is_empty()
        && spec.ingress.is_empty()
        && spec.outbound_traffic_policy.is_none()
        && !has_pool;
    if is_empty {
        let message = "a Sidecar that sets nothing";
        let fix = "add egress listeners, such as `egress: [{hosts: [./*, istio-system/*]}]`";
        found.add(RefusedPart::Scope, "spec", "", message, fix);
    }
    ingress::ingress(&spec.ingress, version, &mut found);
    if let Some(pool) = spec.inbound_connection_pool.as_ref().filter(|_| has_pool) {
        connection_pool(pool, "spec.inboundConnectionPool", version, &mut found);
    }
    egress::egress(&spec.egress, version, &mut found);
    if let Some(policy) = &spec.outbound_traffic_policy {
        outbound_policy::outbound_policy(policy, &mut found);
    }
    found.into_vec()
}
