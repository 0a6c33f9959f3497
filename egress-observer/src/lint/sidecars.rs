//! Sidecar objects: exactly one applies to a pod, and nothing is merged.

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    scene::Scene,
};
use egress_observer_istio::{manifests::Object, objects::Sidecar, registry::Viewer};

struct Placed<'a> {
    place: ObjectPlace,
    object: &'a Sidecar,
}

impl Placed<'_> {
    /// Whether it is for every pod of its namespace.
    fn is_for_all(&self) -> bool {
        let selector = self.object.spec.workload_selector.as_ref();
        selector.is_none_or(|selector| selector.labels.is_empty())
    }
}

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let located = scene.objects.iter();
    let sidecars: Vec<Placed<'_>> = located
        .filter_map(|located| {
            let Object::Sidecar(object) = &located.object else {
                return None;
            };
            Some(Placed {
                place: ObjectPlace::of(located, "Sidecar", &object.metadata),
                object,
            })
        })
        .collect();
    hidden_policy(scene, &sidecars)
        .into_iter()
        .chain(sidecars.iter().filter_map(empty_policy))
        .chain(
            sidecars
                .iter()
                .filter_map(|sidecar| hidden_entries(scene, sidecar)),
        )
        .chain(several(&sidecars))
        .collect()
}

fn hidden_policy(scene: &Scene<'_>, sidecars: &[Placed<'_>]) -> Vec<LintFinding> {
    let root = scene.snapshot.registry.root_namespace();
    let mut of_root = sidecars.iter();
    let Some(of_root) = of_root.find(|sidecar| {
        let policy = &sidecar.object.spec.outbound_traffic_policy;
        sidecar.place.namespace == root && sidecar.is_for_all() && policy.is_some()
    }) else {
        return Vec::new();
    };
    let others = sidecars.iter().filter(|sidecar| {
        sidecar.place != of_root.place && sidecar.object.spec.outbound_traffic_policy.is_none()
    });
    others
        .map(|sidecar| {
            sidecar.place.finding(
                LintCode::PolicyHidden,
                "spec.outboundTrafficPolicy",
                "",
                format!(
                    "only one Sidecar applies to a pod: the pods of this one follow the mesh's \
                     outboundTrafficPolicy, and not that of {}",
                    of_root.place
                ),
                "repeat the policy here",
            )
        })
        .collect()
}

fn empty_policy(sidecar: &Placed<'_>) -> Option<LintFinding> {
    let policy = sidecar.object.spec.outbound_traffic_policy.as_ref()?;
    policy.mode.is_none().then(|| {
        sidecar.place.finding(
            LintCode::EmptyPolicy,
            "spec.outboundTrafficPolicy",
            "{}",
            "an object without mode is not absent: its mode is REGISTRY_ONLY, and unknown hosts \
             are refused",
            "write the mode, or remove the field to follow the mesh",
        )
    })
}

/// Entries are exported to the namespace, and no listener of the Sidecar takes any of them in.
fn hidden_entries(scene: &Scene<'_>, sidecar: &Placed<'_>) -> Option<LintFinding> {
    let Placed { place, object } = sidecar;
    let registry = &scene.snapshot.registry;
    let exported = Viewer {
        namespace: &place.namespace,
        ..Viewer::default()
    };
    let seen = Viewer {
        sidecar: Some(registry.sidecar(&place.namespace, &place.name)?),
        ..exported
    };
    let mut entries = scene.entries.iter();
    if !entries.any(|entry| registry.shows(&exported, entry.object))
        || scene
            .entries
            .iter()
            .any(|entry| registry.shows(&seen, entry.object))
    {
        return None;
    }
    let hosts = object.spec.egress.iter().flat_map(|egress| &egress.hosts);
    let value: Vec<&str> = hosts.map(String::as_str).collect();
    Some(place.finding(
        LintCode::EntriesHidden,
        "spec.egress",
        value.join(","),
        "none of these hosts takes in a ServiceEntry of the manifests: to these pods every \
         declared host is unknown",
        "add the namespaces of ServiceEntries, such as `./*` or `istio-system/*`",
    ))
}

fn several(sidecars: &[Placed<'_>]) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for (at, sidecar) in sidecars.iter().enumerate() {
        let mut before = sidecars.iter().take(at);
        let other = before.find(|other| {
            let same = other.place.namespace == sidecar.place.namespace;
            same && other.is_for_all() && sidecar.is_for_all()
        });
        if let Some(other) = other {
            findings.push(sidecar.place.finding(
                LintCode::SeveralSidecars,
                "spec.workloadSelector",
                "",
                format!(
                    "{} has no selector either: only one of the two applies, and Istio does not \
                     say which",
                    other.place
                ),
                "merge them, or give one a workloadSelector",
            ));
        }
    }
    findings
}
