//! Whose word it is what a pod's sidecar does with what the mesh does not know.

use super::snapshot::Snapshot;
use crate::{
    injection::{pod::Pod, setup::Membership},
    mesh::OutboundMode,
    registry::ObjectRef,
};

impl Snapshot {
    /// The Sidecar whose own `outboundTrafficPolicy` counts for a pod; none where the mesh's does.
    pub fn policy_sidecar(&self, pod: &Pod) -> Option<&ObjectRef> {
        let sidecar = self.sidecar(pod)?;
        let own = sidecar.outbound_traffic_policy.is_some();
        own.then_some(&sidecar.object)
    }

    /// Whether a pod's sidecar resolves the `Host` of plaintext HTTP for hosts that the mesh does not
    /// know, instead of sending the request where it was going. Only the mesh's configuration can say so
    /// (`IsAllowAnyDynamicDNSOutbound` in `pilot/pkg/networking/util/util.go`, `ValidateSidecar` in
    /// `pkg/config/validation/validation.go`; 1.31).
    pub fn resolves_unknown_hosts(&self, pod: &Pod) -> bool {
        matches!(pod.applied.membership, Membership::Sidecar(_))
            && self.policy_sidecar(pod).is_none()
            && self.mesh.outbound_mode(&pod.revision) == Some(OutboundMode::AllowAnyDynamicDns)
    }
}
