//! Words that say whether pods are injected, and that Istio does not know.

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    scene::Scene,
    subject::{LintSubject, once_per_workload},
};
use egress_observer_istio::{injection::setup::INJECT, manifests::Object};

/// The label of a namespace that the webhooks look at.
const INJECTION: &str = "istio-injection";

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let subjects = scene.subjects.iter();
    let subjects = subjects.filter(|subject| !subject.has_template);
    let mut findings = once_per_workload(subjects, of_pods);
    findings.extend(of_namespaces(scene));
    findings
}

/// The webhooks know `true` and `false` alone
/// (`manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`). The injector, if one
/// of them asks it, reads others by its version (`injectRequired` in `pkg/kube/inject/inject.go`): up to
/// 1.26 what YAML 1.1 takes for true is, and all else is false; from 1.27 on they say nothing.
fn of_pods(subject: &LintSubject<'_>) -> Vec<LintFinding> {
    let metadata = subject.metadata;
    let label = metadata.labels.get(INJECT);
    let label = label.map(|word| (format!("{}metadata.labels[{INJECT}]", subject.path), word));
    let annotation = metadata.annotations.get(INJECT);
    let annotation = annotation.map(|word| (subject.annotation_field(INJECT), word));
    let words = label.into_iter().chain(annotation);
    let unknown = words.filter(|(_, word)| !["true", "false", ""].contains(&word.as_str()));
    unknown
        .map(|(field, word)| {
            let lower = word.to_lowercase();
            let is_true = ["y", "yes", "true", "on"].contains(&lower.as_str());
            subject.place.finding(
                LintCode::InjectionWord,
                field,
                word,
                format!(
                    "the injector reads it as {is_true} up to Istio 1.26, and as nothing from 1.27 on, where \
                     its policy decides; the webhooks know true and false alone"
                ),
                format!("write \"{is_true}\", as a label"),
            )
        })
        .collect()
}

fn of_namespaces(scene: &Scene<'_>) -> impl Iterator<Item = LintFinding> {
    scene.objects.iter().filter_map(|located| {
        let Object::Namespace(namespace) = &located.object else {
            return None;
        };
        let word = namespace.metadata.labels.get(INJECTION)?;
        (!["enabled", "disabled"].contains(&word.as_str())).then(|| {
            ObjectPlace::of(located, "Namespace", &namespace.metadata).finding(
                LintCode::InjectionWord,
                format!("metadata.labels[{INJECTION}]"),
                word,
                "no webhook knows this word: no pod of the namespace is injected, and a label istio.io/rev \
                 of it counts for nothing",
                "write enabled or disabled, or remove the label",
            )
        })
    })
}
