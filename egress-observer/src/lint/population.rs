//! What the snapshot that rules look at is made of.

use std::collections::HashSet;

use crate::templates::made_by;
use egress_observer_istio::{
    injection::pod,
    manifests::{Located, Object},
    objects::{
        Metadata, PodObject, ServiceEntryObject, ServiceEntrySpec, ServiceEntryStatus, Workload,
    },
};

/// The objects of the manifests, as far as rules ask the snapshot for them: pods by a name of ours
/// where they have no `uid`, and one pod for each template. The registry is asked who sees an entry,
/// and not what an entry declares: it gets one of each namespace, and neither routing nor Services.
pub(super) fn population(objects: &[Located]) -> Vec<Object> {
    let mut population = Vec::new();
    let mut namespaces = HashSet::new();
    for Located { object, .. } in objects {
        match object {
            Object::Pod(pod) => population.push(Object::Pod(named(pod))),
            Object::Workload(workload) => {
                population.push(object.clone());
                population.extend(made_by(workload, template_key(workload)).map(Object::Pod));
            }
            Object::ServiceEntry(entry) => {
                if namespaces.insert(&entry.metadata.namespace) {
                    population.push(Object::ServiceEntry(of_namespace(entry)));
                }
            }
            // The cluster's DNS.
            Object::Service(service) if service.metadata.namespace != "kube-system" => {}
            Object::VirtualService(_) | Object::DestinationRule(_) => {}
            // No pod is told by them.
            Object::Gateway(_)
            | Object::Node(_)
            | Object::IpPool(_)
            | Object::CiliumNode(_)
            | Object::Network(_) => {}
            Object::Namespace(_)
            | Object::ConfigMap(_)
            | Object::MutatingWebhookConfiguration(_)
            | Object::Sidecar(_)
            | Object::ProxyConfig(_)
            | Object::ServiceCidr(_)
            | Object::Service(_) => population.push(object.clone()),
        }
    }
    population
}

/// An entry of the same namespace that declares nothing.
fn of_namespace(entry: &ServiceEntryObject) -> ServiceEntryObject {
    ServiceEntryObject {
        metadata: Metadata {
            name: entry.metadata.name.clone(),
            namespace: entry.metadata.namespace.clone(),
            ..Metadata::default()
        },
        spec: ServiceEntrySpec::default(),
        status: ServiceEntryStatus::default(),
    }
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
