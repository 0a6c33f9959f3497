//! A pod, or a template that makes some.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
};
use egress_observer_istio::{
    injection::{
        pod::Pod,
        setup::{Membership, Setup},
    },
    objects::{Metadata, PodSpec},
};

/// A pod, or a template that makes some.
pub(super) struct LintSubject<'a> {
    pub(super) place: ObjectPlace,
    pub(super) metadata: &'a Metadata,
    pub(super) spec: &'a PodSpec,
    /// The path of the template; empty for a pod.
    pub(super) path: &'static str,
    /// As far as it can be known: for a template, a pod that it would make.
    pub(super) pod: Arc<Pod>,
    /// Whether it is a pod that runs.
    pub(super) runs: bool,
    /// Whether the template of the pod is a subject, too.
    pub(super) has_template: bool,
}

impl LintSubject<'_> {
    /// What its rules are made from: as they are in a pod that runs, else as they would be.
    pub(super) fn setup(&self) -> &Setup {
        if self.runs {
            &self.pod.applied
        } else {
            &self.pod.desired
        }
    }

    /// Whether it certainly has no sidecar with rules.
    pub(super) fn is_outside(&self) -> bool {
        match self.setup().membership {
            Membership::Sidecar(_) | Membership::Unknown(_) => false,
            Membership::NotRedirected | Membership::Ambient(_) | Membership::Outside(_) => true,
        }
    }

    /// The path of an annotation.
    pub(super) fn annotation_field(&self, key: &str) -> String {
        format!("{}metadata.annotations[{key}]", self.path)
    }

    /// The path of something in the pod's spec.
    pub(super) fn spec_field(&self, field: &str) -> String {
        format!("{}spec.{field}", self.path)
    }

    /// Namespace and name of the workload.
    pub(super) fn workload(&self) -> String {
        format!("{}/{}", self.pod.namespace, self.pod.workload)
    }
}

/// What a rule finds in pods, once for each workload: its pods are alike.
pub(super) fn once_per_workload<'s, 'a>(
    subjects: impl Iterator<Item = &'s LintSubject<'a>>,
    rule: impl Fn(&'s LintSubject<'a>) -> Vec<LintFinding>,
) -> Vec<LintFinding>
where
    'a: 's,
{
    let mut found: BTreeMap<(String, LintCode, String, String), (LintFinding, usize)> =
        BTreeMap::new();
    for subject in subjects {
        for finding in rule(subject) {
            let key = (
                subject.workload(),
                finding.code,
                finding.field.clone(),
                finding.message.clone(),
            );
            let (_, n) = found.entry(key).or_insert((finding, 0));
            *n += 1;
        }
    }
    let found = found.into_iter();
    found
        .map(|((workload, ..), (finding, n))| match n {
            1 => finding,
            n => {
                let pods = if n == 2 { "pod" } else { "pods" };
                let message = format!("{} ({} more {pods} of {workload})", finding.message, n - 1);
                LintFinding { message, ..finding }
            }
        })
        .collect()
}
