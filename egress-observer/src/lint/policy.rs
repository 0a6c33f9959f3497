//! What the mesh as a whole does with destinations that it does not know.

use super::{code::LintCode, finding::LintFinding, scene::Scene};
use egress_observer_istio::vocabulary::Policy;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let mesh = scene.snapshot.mesh();
    let meshes = scene.meshes.iter().filter(|map| map.says_policy(mesh));
    let modes = meshes.map(|map| {
        let field = "data.mesh: outboundTrafficPolicy.mode";
        let given = map.config.outbound_traffic_policy.as_ref();
        let value = given.map_or("", |policy| policy.mode.as_str());
        match map.config.outbound_mode().policy() {
            Policy::AllowAny => map.place.finding(
                LintCode::AllowAny,
                field,
                value,
                "captured connections to hosts that the mesh does not know pass through \
                 (PassthroughCluster): no routing, no policy, and telemetry without a name",
                "declare hosts with ServiceEntries, and set REGISTRY_ONLY once none is missing",
            ),
            Policy::RegistryOnly => map.place.finding(
                LintCode::RegistryOnly,
                field,
                value,
                "sidecars refuse hosts that the mesh does not know (502, or a cut TLS handshake); \
                 connections that bypass the sidecar are not subject to it",
                "nothing; to enforce it, use NetworkPolicies or an egress firewall as well",
            ),
        }
    });
    let disabled = scene
        .injectors
        .iter()
        .filter(|map| map.injector.config.policy == "disabled");
    let disabled = disabled.map(|map| {
        map.place.finding(
            LintCode::InjectionDisabled,
            "data.config: policy",
            "disabled",
            "pods get a sidecar only if they ask for it themselves: a namespace's label alone does \
             not inject",
            "set policy: enabled, unless just that is meant",
        )
    });
    modes.chain(disabled).collect()
}
