//! What Istio refuses as a whole: configuration in ConfigMaps, and pods because of an annotation.

use super::{
    code::LintCode,
    finding::LintFinding,
    mesh_maps::RefusedMap,
    scene::Scene,
    subject::{LintSubject, once_per_workload},
};
use egress_observer_istio::{
    injection::{
        annotations::{AnnotationError, validate_annotation},
        setup::{EXCLUDE, EXCLUDE_PORTS, INCLUDE, TRAFFIC},
    },
    rules::Version,
};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let subjects = scene.subjects.iter();
    let subjects = subjects.filter(|subject| !subject.has_template);
    let mut findings = once_per_workload(subjects, |subject| annotations(scene, subject));
    findings.extend(scene.refused.iter().map(config_map));
    findings
}

fn config_map(map: &RefusedMap) -> LintFinding {
    let refused = &map.refused;
    let (what, then) = match map.key {
        "mesh" => (
            "mesh configuration",
            "an istiod that runs goes on with what it had before, and one that starts takes the \
             defaults, ALLOW_ANY among them",
        ),
        _ => (
            "injector's values",
            "an istiod that runs goes on with those it had before, and one that starts injects nothing",
        ),
    };
    let field = match refused.field() {
        "" => format!("data.{}", map.key),
        field => format!("data.{}: {field}", map.key),
    };
    map.place.finding(
        LintCode::RefusedConfig,
        field,
        refused.value(),
        format!("{refused}. Istio refuses the {what} as a whole: {then}"),
        refused.fix(),
    )
}

/// Annotations that the injector looks at, but for the lists that have rules of their own.
fn annotations(scene: &Scene<'_>, subject: &LintSubject<'_>) -> Vec<LintFinding> {
    let injector = scene.injector(subject);
    let version = injector.and_then(|injector| Version::of_tag(&injector.values.global.tag));
    let all = subject.metadata.annotations.iter();
    let others = all.filter(|(key, _)| {
        let list = key.strip_prefix(TRAFFIC);
        !list.is_some_and(|name| [INCLUDE, EXCLUDE, EXCLUDE_PORTS].contains(&name))
    });
    others
        .filter_map(|(key, text)| {
            let problem = validate_annotation(key, text, version).err()?;
            Some(subject.place.finding(
                LintCode::RefusedAnnotation,
                subject.annotation_field(key),
                text,
                format!("{problem}: the injector refuses the pod, and no new pod starts"),
                fix(&problem),
            ))
        })
        .collect()
}

fn fix(problem: &AnnotationError) -> String {
    match problem {
        AnnotationError::ProxyConfig(refused) => refused.fix(),
        AnnotationError::Range(_) => "write ranges in CIDR form".to_owned(),
        AnnotationError::Port(_) => "write numbers from 0 to 65535, separated by commas".to_owned(),
        AnnotationError::Mode(_) => "write REDIRECT, TPROXY or NONE, in capitals".to_owned(),
        AnnotationError::Number(_) => "write a whole number".to_owned(),
        AnnotationError::Bool(_) => "write \"true\" or \"false\"".to_owned(),
        AnnotationError::Interface(_) => {
            "write the device's name: a letter first, at most 15 characters".to_owned()
        }
    }
}
