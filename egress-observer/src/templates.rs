//! Pods that workloads would make.

use std::collections::HashSet;

use egress_observer_istio::{
    injection::pod,
    objects::{Metadata, Object, OwnerReference, PodObject, PodStatus, Workload},
};

/// What the uid of such a pod begins with.
const MADE: &str = "made by ";

/// A pod that the workload would make, with this uid.
pub(crate) fn made_by(workload: &Workload, uid: String) -> Option<PodObject> {
    let template = workload.template()?;
    Some(PodObject {
        metadata: Metadata {
            name: workload.metadata.name.clone(),
            namespace: workload.metadata.namespace.clone(),
            uid,
            owner_references: vec![OwnerReference {
                kind: workload.kind.clone(),
                name: workload.metadata.name.clone(),
                controller: true,
            }],
            ..template.metadata.clone()
        },
        spec: template.spec.clone(),
        status: PodStatus::default(),
    })
}

/// A pod for each workload of which none is given. What another workload makes is left out.
pub(crate) fn of_workloads_without_pods(objects: &[Object]) -> Vec<Object> {
    let pods = objects.iter().filter_map(|object| {
        let Object::Pod(pod) = object else {
            return None;
        };
        Some((key(&pod.metadata, &pod::workload_of(pod)), &pod.metadata))
    });
    let mut has_pods = HashSet::new();
    for (workload, metadata) in pods {
        has_pods.insert(workload);
        has_pods.insert(key(metadata, &metadata.name));
    }
    let workloads = objects.iter().filter_map(|object| {
        let Object::Workload(workload) = object else {
            return None;
        };
        Some(workload)
    });
    let alone = workloads.filter(|workload| {
        let metadata = &workload.metadata;
        metadata.owner_references.is_empty() && !has_pods.contains(&key(metadata, &metadata.name))
    });
    let made = alone.filter_map(|workload| {
        let uid = format!("{MADE}{} {}", workload.kind, workload.metadata.name);
        made_by(workload, format!("{uid} {}", workload.metadata.namespace))
    });
    made.map(Object::Pod).collect()
}

fn key(metadata: &Metadata, name: &str) -> String {
    format!("{}/{name}", pod::named_namespace(&metadata.namespace))
}

/// Whether a pod is one of those.
pub(crate) fn is_made(pod: &pod::Pod) -> bool {
    pod.uid.starts_with(MADE)
}
