//! Who a pod is: its uid, its namespace, and the workload that it belongs to.

use std::sync::Arc;

use crate::objects::{Metadata, OwnerReference, PodObject};

/// The annotation by which a static pod's mirror tells the hash of the file that the pod is from.
pub const MIRROR: &str = "kubernetes.io/config.mirror";

/// The id that a pod's cgroups are named by: the API server gives a static pod's mirror another uid
/// than the kubelet uses.
pub fn uid(metadata: &Metadata) -> &str {
    let mirror = metadata.annotations.get(MIRROR);
    mirror.unwrap_or(&metadata.uid)
}

/// What Argo's Rollouts have in place of `pod-template-hash`.
const ROLLOUTS_HASH: &str = "rollouts-pod-template-hash";
/// The label that names a pod's DeploymentConfig.
const CONFIG: &str = "openshift.io/deployment-config.name";

/// The namespace that an object is in, by what is written: an absent one is `default`, as `kubectl`
/// has it.
pub fn namespace(namespace: &str) -> Arc<str> {
    named_namespace(namespace).into()
}

/// The same as [`namespace`], without a copy.
pub fn named_namespace(namespace: &str) -> &str {
    if namespace.is_empty() {
        "default"
    } else {
        namespace
    }
}

/// The controller, or the first owner where none is marked as such.
fn owner(metadata: &Metadata) -> Option<&OwnerReference> {
    let owners = &metadata.owner_references;
    let controller = owners.iter().find(|owner| owner.controller);
    controller.or(owners.first())
}

/// The owner that Istio's telemetry names (`pkg/kube/inject` and the proxy's
/// `workload.name`): a ReplicaSet's Deployment, a Job's CronJob, else the controller, else the pod.
pub fn workload(object: &PodObject) -> String {
    let metadata = &object.metadata;
    let Some(owner) = owner(metadata) else {
        return metadata.name.clone();
    };
    let labels = &metadata.labels;
    let hash = labels
        .get("pod-template-hash")
        .or(labels.get(ROLLOUTS_HASH));
    let deployment =
        hash.and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
    match (owner.kind.as_str(), deployment) {
        ("ReplicaSet", Some(deployment)) => deployment.to_owned(),
        // OpenShift numbers the controllers of a DeploymentConfig, which their label names.
        ("ReplicationController", _) => metadata.labels.get(CONFIG).unwrap_or(&owner.name).clone(),
        ("Job", _) => cron_job(&owner.name).unwrap_or(&owner.name).to_owned(),
        _ => owner.name.clone(),
    }
}

/// Who may hold the pod's template: what makes new pods first, then what made this one.
pub(super) fn owners<'a>(object: &'a PodObject, workload: &'a str) -> Vec<(&'a str, &'a str)> {
    let Some(owner) = owner(&object.metadata) else {
        return Vec::new();
    };
    let maker = match owner.kind.as_str() {
        "ReplicaSet" if object.metadata.labels.contains_key(ROLLOUTS_HASH) => Some("Rollout"),
        "ReplicaSet" => Some("Deployment"),
        "Job" => Some("CronJob"),
        "ReplicationController" => Some("DeploymentConfig"),
        _ => None,
    };
    let mut all: Vec<_> = maker.map(|kind| (kind, workload)).into_iter().collect();
    // Knative's Service makes a Deployment for each revision.
    let service = object.metadata.labels.get("serving.knative.dev/service");
    all.extend(service.map(|service| ("KnativeService", service.as_str())));
    all.push((owner.kind.as_str(), owner.name.as_str()));
    all
}

/// A CronJob names its Jobs after itself and the scheduled minute: 8 to 10 digits.
fn cron_job(job: &str) -> Option<&str> {
    let (name, minute) = job.rsplit_once('-')?;
    let digits = minute.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (8..=10).contains(&minute.len())).then_some(name)
}
