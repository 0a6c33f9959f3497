//! `spec.workloadSelector`, and annotations that Istio refuses on any object.

use super::refusal::{Refusals, RefusedPart};
use crate::objects::{Metadata, WorkloadSelector};

/// Labels without key, and stars in them (`ValidateAlphaWorkloadSelector`).
pub(super) fn selector(
    part: RefusedPart,
    selector: Option<&WorkloadSelector>,
    found: &mut Refusals,
) {
    let labels = selector.map(|selector| &selector.labels);
    for (key, value) in labels.into_iter().flatten() {
        let field = format!("spec.workloadSelector.labels[{key}]");
        if key.is_empty() {
            let message = "a label without a key selects nothing";
            found.add(part, field, value, message, "name the label");
        } else if key.contains('*') || value.contains('*') {
            let message = "a selector knows no wildcards";
            let fix = "write labels as the pods have them";
            found.add(part, field, value, message, fix);
        }
    }
}

/// Annotations that are for other objects, or for nobody (`validateMetadata`).
pub(super) fn annotations(part: RefusedPart, metadata: &Metadata, found: &mut Refusals) {
    const REFUSED: [(&str, &str); 4] = [
        (
            "istio.io/dry-run",
            "only AuthorizationPolicies can be tried without effect",
        ),
        (
            "internal.istio.io/webhook-always-reject",
            "the annotation asks for it",
        ),
        (
            "internal.istio.io/parent-namespace",
            "the annotation is Istio's own",
        ),
        ("internal.istio.io/parents", "the annotation is Istio's own"),
    ];
    for (key, message) in REFUSED {
        if let Some(value) = metadata.annotations.get(key) {
            let field = format!("metadata.annotations[{key}]");
            found.add(part, field, value, message, "remove the annotation");
        }
    }
}
