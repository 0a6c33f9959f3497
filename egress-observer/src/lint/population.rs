//! What the snapshot that rules look at is made of.

use crate::templates::made_by;
use egress_observer_istio::{
    injection::pod,
    manifests::{Located, Object},
    objects::{Metadata, PodObject, Workload},
};

/// The objects of the manifests, pods by a name of ours where they have no `uid`, and one pod for
/// each template. Routing is left out: no rule asks the registry for it.
pub(super) fn population(objects: &[Located]) -> Vec<Object> {
    let mut population = Vec::new();
    for Located { object, .. } in objects {
        if let Object::Pod(pod) = object {
            population.push(Object::Pod(named(pod)));
            continue;
        }
        if !matches!(
            object,
            Object::VirtualService(_) | Object::DestinationRule(_)
        ) {
            population.push(object.clone());
        }
        if let Object::Workload(workload) = object {
            population.extend(made_by(workload, template_key(workload)).map(Object::Pod));
        }
    }
    population
}

/// What a pod is called in the snapshot.
pub(super) fn pod_key(metadata: &Metadata) -> String {
    if metadata.uid.is_empty() {
        format!("Pod {}/{}", metadata.namespace, metadata.name)
    } else {
        metadata.uid.clone()
    }
}

/// What the pod that a workload would make is called there.
pub(super) fn template_key(workload: &Workload) -> String {
    let metadata = &workload.metadata;
    format!("{} {}/{}", workload.kind, metadata.namespace, metadata.name)
}

fn named(object: &PodObject) -> PodObject {
    let mut named = object.clone();
    named.metadata.uid = pod_key(&object.metadata);
    // Its own hash would be the key otherwise.
    named.metadata.annotations.remove(pod::MIRROR);
    named
}
