//! A pod to be made.

use std::net::IpAddr;

use super::{
    names::{INIT, INTERCEPTION_MODE, STATUS, VALIDATION},
    setup::Setup,
    spec::container,
    today::Today,
};
use crate::objects::{Metadata, PodSpec};

/// `PodToBe` is a pod to be made.
#[derive(Clone, Copy)]
pub(super) struct PodToBe<'a> {
    /// Its template's metadata, or the running pod's.
    pub(super) metadata: &'a Metadata,
    /// Likewise its spec.
    pub(super) spec: &'a PodSpec,
    /// Its namespace's name.
    pub(super) namespace: &'a str,
    /// The namespace's own metadata, if it is known.
    pub(super) labels: Option<&'a Metadata>,
    /// Whether there is a template.
    pub(super) from_template: bool,
    /// What was set up for the pod that runs.
    pub(super) applied: &'a Setup,
    /// The addresses of the pod that runs.
    pub(super) ips: &'a [IpAddr],
    /// What it would meet.
    pub(super) today: Today<'a>,
}

impl PodToBe<'_> {
    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.get(name).map(String::as_str)
    }

    /// The value of an annotation.
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.get(name).map(String::as_str)
    }

    /// Whether the pod that runs got its rules from the CNI plugin.
    pub(super) fn was_by_cni(&self) -> bool {
        container(self.spec, VALIDATION).is_some()
            || self.annotation(STATUS).is_some()
                && self
                    .annotation(INTERCEPTION_MODE)
                    .is_some_and(|mode| mode != "NONE")
                && container(self.spec, INIT).is_none()
    }

    /// Whether an annotation of the pod may have been written by the injector.
    pub(super) fn may_be_written(&self, by_cni: bool) -> bool {
        by_cni && !self.from_template && self.was_by_cni()
    }
}
