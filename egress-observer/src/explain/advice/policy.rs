//! Letting through what the mesh does not know: by the Sidecar that decides, or by the mesh's
//! configuration where none does.

use serde_json::json;

use super::case::AdviceCase;
use crate::{
    explain::answer::{Advice, Method},
    trial::patch,
};
use egress_observer_istio::vocabulary::{Policy, Verdict};

/// The policy that would let it through.
pub(super) fn open(case: &AdviceCase<'_>) -> Option<Advice> {
    if case.under(Policy::AllowAny) != Verdict::Passthrough {
        return None;
    }
    let price = "may reach everything; Istio neither controls nor routes it, and its telemetry shows \
                 PassthroughCluster instead of a host. Takes effect at once.";
    Some(match case.snapshot.policy_sidecar(case.pod) {
        Some(sidecar) => Advice {
            method: Method::AllowAny,
            what: format!("Let {sidecar} pass unknown hosts through: its own policy decides."),
            price: format!("Every pod that the Sidecar is for {price}"),
            apply: Some(patch(
                sidecar,
                &json!({"spec": {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}}),
            )),
        },
        None => Advice {
            method: Method::AllowAny,
            what: "Let sidecars pass unknown hosts through, in the whole mesh.".to_owned(),
            price: format!("Every pod {price}"),
            apply: Some(
                "# with istioctl:\n\
                 istioctl install --set meshConfig.outboundTrafficPolicy.mode=ALLOW_ANY\n\
                 # or with Helm:\n\
                 helm upgrade istiod istio/istiod -n istio-system --reuse-values \\\n\
                 \x20 --set meshConfig.outboundTrafficPolicy.mode=ALLOW_ANY"
                    .to_owned(),
            ),
        },
    })
}
