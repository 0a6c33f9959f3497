//! What makes pods from a template.

use serde::Deserialize;

use super::{
    metadata::{AnyObject, Metadata},
    pod::PodSpec,
};

/// Whatever makes pods from a template: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job,
/// ReplicationController, OpenShift's DeploymentConfig, Argo's Rollout, Knative's Service; CronJob with its
/// own nesting.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    #[serde(default)]
    pub kind: String,
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: WorkloadSpec,
}

/// The `spec` of a workload, as far as it holds the template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSpec {
    pub(super) template: Option<PodTemplate>,
    job_template: Option<JobTemplate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: JobSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct JobSpec {
    template: Option<PodTemplate>,
}

/// The `spec.template` of a workload: what its pods are made from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    pub metadata: Metadata,
    pub spec: PodSpec,
}

impl Workload {
    /// What the workload's pods are made from; nothing if it has no template of its own.
    pub fn template(&self) -> Option<&PodTemplate> {
        let job = self.spec.job_template.as_ref();
        let of_job = job.and_then(|job| job.spec.template.as_ref());
        self.spec.template.as_ref().or(of_job)
    }
}

impl AnyObject for Box<Workload> {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    fn own_kind(&self) -> Option<&str> {
        Some(&self.kind)
    }
}
