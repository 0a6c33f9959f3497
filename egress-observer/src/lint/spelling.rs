//! Annotations that Istio never sees: misspelt, or on the wrong object.

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    scene::Scene,
};
use egress_observer_istio::{
    injection::setup::{EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INTERFACES, TRAFFIC},
    manifests::Object,
};

/// Names behind `traffic.sidecar.istio.io/` (`istio/api annotation/annotations.yaml`).
const KNOWN: [&str; 8] = [
    INCLUDE,
    EXCLUDE,
    INCLUDE_PORTS,
    EXCLUDE_PORTS,
    INTERFACES,
    "includeInboundPorts",
    "excludeInboundPorts",
    "kubevirtInterfaces",
];

/// Annotations of pods that the injector reads.
const OF_PODS: [&str; 3] = [TRAFFIC, "sidecar.istio.io/", "proxy.istio.io/"];

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    unknown(scene).into_iter().chain(misplaced(scene)).collect()
}

fn unknown(scene: &Scene<'_>) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for subject in scene
        .subjects
        .iter()
        .filter(|subject| !subject.has_template)
    {
        for (key, value) in &subject.metadata.annotations {
            if let Some(meant) = misspelt(key) {
                let fix = match &meant {
                    Some(meant) => format!("{meant} may be meant"),
                    None => format!("the names are {}", KNOWN.join(", ")),
                };
                findings.push(subject.place.finding(
                    LintCode::UnknownAnnotation,
                    subject.annotation_field(key),
                    value,
                    format!("{key} is no annotation of Istio: it is ignored"),
                    fix,
                ));
            }
        }
    }
    findings
}

/// Whether a key looks like one about captured traffic and is none; with the one that may be
/// meant.
fn misspelt(key: &str) -> Option<Option<String>> {
    let (prefix, name) = key.split_once('/')?;
    let known = KNOWN.contains(&name);
    let right_prefix = TRAFFIC.strip_suffix('/') == Some(prefix);
    if right_prefix && known {
        return None;
    }
    let nearest = KNOWN
        .iter()
        .map(|known| {
            (
                strsim::osa_distance(&known.to_lowercase(), &name.to_lowercase()),
                known,
            )
        })
        .min()?;
    let meant = Some(nearest).filter(|(distance, known)| *distance <= known.len() / 4);
    let meant = meant.map(|(_, known)| format!("{TRAFFIC}{known}"));
    let almost_prefix = prefix.ends_with("istio.io") && known
        || strsim::osa_distance(prefix, TRAFFIC.trim_end_matches('/')) <= 3;
    (right_prefix || almost_prefix).then_some(meant)
}

fn misplaced(scene: &Scene<'_>) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for located in scene.objects {
        let Object::Workload(workload) = &located.object else {
            continue;
        };
        let metadata = &workload.metadata;
        let Some(template) = workload.template() else {
            continue;
        };
        let own = metadata.annotations.iter().filter(|(key, _)| {
            let of_pods = OF_PODS.iter().any(|prefix| key.starts_with(prefix));
            of_pods && !template.metadata.annotations.contains_key(*key)
        });
        findings.extend(own.map(|(key, value)| {
            ObjectPlace::of(located, &workload.kind, metadata).finding(
                LintCode::MisplacedAnnotation,
                format!("metadata.annotations[{key}]"),
                value,
                format!(
                    "the injector reads annotations of pods; on the {} itself it is ignored",
                    workload.kind
                ),
                "move it to the metadata of the pod template",
            )
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_annotations_suggest_the_nearest() {
        let meant = |key: &str| misspelt(key).map(Option::unwrap_or_default);
        let exclude = Some(format!("{TRAFFIC}{EXCLUDE}"));
        assert_eq!(
            meant("traffic.sidecar.istio.io/excludeOutboundIPRange"),
            exclude
        );
        assert_eq!(
            meant("traffic.sidecar.istio.io/excludeOutboundIpRanges"),
            exclude
        );
        assert_eq!(
            meant("traffic.sidecars.istio.io/excludeOutboundIPRanges"),
            exclude
        );
        assert_eq!(meant("sidecar.istio.io/excludeOutboundIPRanges"), exclude);
        assert_eq!(meant("traffic.sidecar.istio.io/x"), Some(String::new()));
        assert_eq!(
            meant("traffic.sidecar.istio.io/excludeOutboundIPRanges"),
            None
        );
        assert_eq!(meant("sidecar.istio.io/inject"), None);
        assert_eq!(meant("example.com/includeOutboundPorts"), None);
    }
}
