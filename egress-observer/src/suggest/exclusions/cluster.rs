//! What manifests tell of the pods in the flows: where they are given.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use crate::flows::{Caller, RecordedFlow};
use egress_observer_istio::{
    injection::pod::{self, Pod},
    manifests::Object,
    view::{Snapshot, live::Live},
    vocabulary::Actor,
};

/// Pods by their names and by their workloads', and the API server's addresses.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(super) snapshot: Snapshot,
    by_name: HashMap<(String, String), Arc<Pod>>,
    by_workload: HashMap<(String, String), Arc<Pod>>,
    api_server: Vec<IpAddr>,
}

impl Cluster {
    /// From objects.
    pub(crate) fn new(objects: Vec<Object>) -> Self {
        let mut api_server: Vec<IpAddr> = objects.iter().flat_map(api_addresses).collect();
        api_server.sort_unstable();
        api_server.dedup();
        let snapshot = Live::of(objects, &[]).into_snapshot();
        let mut pods: Vec<_> = snapshot.pods().map(Arc::clone).collect();
        // Of several, the one whose name comes last stays: the same in every run.
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let key = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        let named = |pod: &Arc<Pod>| (key(&pod.namespace, &pod.name), Arc::clone(pod));
        let of_workload = |pod: &Arc<Pod>| (key(&pod.namespace, &pod.workload), Arc::clone(pod));
        Self {
            by_name: pods.iter().map(named).collect(),
            by_workload: pods.iter().map(of_workload).collect(),
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
        let name = if !from.workload.is_empty() {
            from.workload.clone()
        } else if let Some(pod) = self
            .by_name
            .get(&(from.namespace.clone(), from.pod.clone()))
        {
            pod.workload.to_string()
        } else {
            from.pod.clone()
        };
        (from.namespace.clone(), name)
    }

    /// What connected: what the flow says, else what the container is.
    pub(super) fn actor(&self, flow: &RecordedFlow, workload: &(String, String)) -> Actor {
        let by_name = || {
            let (pod, container) = (self.pod_of(workload)?, flow.container.as_ref()?);
            let mut declared = pod.declared.iter();
            let own = declared.find(|declared| declared.name == *container)?;
            Some(own.role.actor)
        };
        flow.actor.or_else(by_name).unwrap_or(Actor::App)
    }

    /// A pod of a workload.
    pub(super) fn pod_of(&self, workload: &(String, String)) -> Option<&Arc<Pod>> {
        self.by_workload.get(workload)
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
