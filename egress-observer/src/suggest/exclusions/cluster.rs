//! What manifests tell of the pods in the flows: where they are given.

use std::{net::IpAddr, sync::Arc};

use crate::{
    flow_pods::FlowPods,
    flows::{Caller, RecordedFlow},
};
use egress_observer_istio::{
    injection::pod::{self, Pod},
    manifests::Object,
    view::{Snapshot, live::Live},
    vocabulary::Actor,
};

/// The pods of flows, and the API server's addresses.
#[derive(Debug, Default)]
pub(crate) struct ExclusionCluster {
    pub(super) snapshot: Snapshot,
    pods: FlowPods,
    api_server: Vec<IpAddr>,
}

impl ExclusionCluster {
    /// From objects.
    pub(crate) fn new(objects: Vec<Object>) -> Self {
        let mut api_server: Vec<IpAddr> = objects.iter().flat_map(api_addresses).collect();
        api_server.sort_unstable();
        api_server.dedup();
        let snapshot = Live::of(objects, &[]).into_snapshot();
        Self {
            pods: FlowPods::new(snapshot.pods().cloned()),
            snapshot,
            api_server,
        }
    }

    /// Whether an address is the API server's Service.
    pub(super) fn is_api_server(&self, ip: IpAddr) -> bool {
        self.api_server.contains(&ip)
    }

    /// Namespace and name of the workload that a flow is of.
    pub(super) fn workload(&self, from: &Caller) -> (String, String) {
        let pod = self.pods.named(&from.namespace, &from.pod);
        let name = match pod {
            _ if !from.workload.is_empty() => from.workload.clone(),
            Some(pod) => pod.workload.to_string(),
            None => from.pod.clone(),
        };
        (from.namespace.clone(), name)
    }

    /// What connected: what the flow says, else what the container is.
    pub(super) fn actor(&self, flow: &RecordedFlow, workload: &(String, String)) -> Actor {
        let named = self.named(workload, flow.container.as_deref());
        flow.actor.or(named).unwrap_or(Actor::App)
    }

    fn named(&self, workload: &(String, String), container: Option<&str>) -> Option<Actor> {
        let mut declared = self.pod_of(workload)?.declared.iter();
        let own = declared.find(|declared| Some(declared.name.as_str()) == container)?;
        Some(own.role.actor)
    }

    /// The first pod of a workload.
    pub(super) fn pod_of(&self, (namespace, workload): &(String, String)) -> Option<&Arc<Pod>> {
        self.pods.of_workload(namespace, workload)
    }
}

/// The addresses of the API server's Service, if the object is that.
fn api_addresses(object: &Object) -> Vec<IpAddr> {
    let Object::Service(service) = object else {
        return Vec::new();
    };
    let metadata = &service.metadata;
    if metadata.name != "kubernetes" || *pod::namespace(&metadata.namespace) != *"default" {
        return Vec::new();
    }
    let spec = &service.spec;
    let addresses = spec.cluster_ips.iter().chain([&spec.cluster_ip]);
    addresses.filter_map(|ip| ip.parse().ok()).collect()
}
