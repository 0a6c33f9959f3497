//! Sidecar objects: exactly one applies to a pod, and nothing is merged.

use super::{
    code::Code,
    finding::{Finding, Place},
    hosts::overlap,
    scene::{Entry, Scene, place},
};
use egress_observer_istio::{manifests::Object, mesh::ROOT_NAMESPACE, objects::Sidecar};

struct Placed<'a> {
    place: Place,
    object: &'a Sidecar,
}

impl Placed<'_> {
    /// Whether it is for every pod of its namespace.
    fn is_for_all(&self) -> bool {
        let selector = self.object.spec.workload_selector.as_ref();
        selector.is_none_or(|selector| selector.labels.is_empty())
    }
}

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let located = scene.objects.iter();
    let sidecars: Vec<Placed<'_>> = located
        .filter_map(|located| {
            let Object::Sidecar(object) = &located.object else {
                return None;
            };
            Some(Placed {
                place: place(located, "Sidecar", &object.metadata),
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

fn root_namespace<'a>(scene: &'a Scene<'_>) -> &'a str {
    let configured = scene
        .meshes
        .iter()
        .map(|map| map.config.root_namespace.as_str());
    let mut configured = configured.filter(|name| !name.is_empty());
    configured.next().unwrap_or(ROOT_NAMESPACE)
}

fn hidden_policy(scene: &Scene<'_>, sidecars: &[Placed<'_>]) -> Vec<Finding> {
    let root = root_namespace(scene);
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
                Code::PolicyHidden,
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

fn empty_policy(sidecar: &Placed<'_>) -> Option<Finding> {
    let policy = sidecar.object.spec.outbound_traffic_policy.as_ref()?;
    policy.mode.is_none().then(|| {
        sidecar.place.finding(
            Code::EmptyPolicy,
            "spec.outboundTrafficPolicy",
            "{}",
            "an object without mode is not absent: its mode is REGISTRY_ONLY, and unknown hosts \
             are refused",
            "write the mode, or remove the field to follow the mesh",
        )
    })
}

/// Entries are exported to the namespace, and no listener of the Sidecar takes any of them in.
fn hidden_entries(scene: &Scene<'_>, sidecar: &Placed<'_>) -> Option<Finding> {
    let egress = &sidecar.object.spec.egress;
    let namespace = &sidecar.place.namespace;
    let mut seen = scene
        .entries
        .iter()
        .filter(|entry| entry.is_seen_in(namespace))
        .peekable();
    seen.peek()?;
    let hosts = || egress.iter().flat_map(|listener| &listener.hosts);
    let takes_in = |entry: &Entry<'_>| hosts().any(|host| takes(host, namespace, entry));
    if egress.is_empty() || seen.any(takes_in) {
        return None;
    }
    let value: Vec<&str> = hosts().map(String::as_str).collect();
    Some(sidecar.place.finding(
        Code::EntriesHidden,
        "spec.egress",
        value.join(","),
        "none of these hosts takes in a ServiceEntry of the manifests: to these pods every \
         declared host is unknown",
        "add the namespaces of ServiceEntries, such as `./*` or `istio-system/*`",
    ))
}

/// Whether `namespace/host` of a Sidecar takes an entry in.
fn takes(pattern: &str, own: &str, entry: &Entry<'_>) -> bool {
    let (namespace, host) = pattern.split_once('/').unwrap_or(("*", pattern));
    let named = match namespace {
        "*" => true,
        "." => entry.place.namespace == own,
        name => entry.place.namespace == name,
    };
    named
        && entry
            .object
            .spec
            .hosts
            .iter()
            .any(|known| overlap(host, known))
}

fn several(sidecars: &[Placed<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, sidecar) in sidecars.iter().enumerate() {
        let mut before = sidecars.iter().take(at);
        let other = before.find(|other| {
            let same = other.place.namespace == sidecar.place.namespace;
            same && other.is_for_all() && sidecar.is_for_all()
        });
        if let Some(other) = other {
            findings.push(sidecar.place.finding(
                Code::SeveralSidecars,
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
