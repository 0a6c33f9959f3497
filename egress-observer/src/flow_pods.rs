//! Which pod of the manifests a recorded flow comes from.

use std::{collections::HashMap, sync::Arc};

use crate::flows::Caller;
use egress_observer_istio::injection::pod::Pod;

/// The pods of manifests, by what flows call them.
#[derive(Debug, Default)]
pub(crate) struct FlowPods {
    /// By namespace and name.
    pods: Vec<Arc<Pod>>,
    by_namespace: HashMap<Arc<str>, PodPlaces>,
}

/// The places of a namespace's pods.
#[derive(Debug, Default)]
struct PodPlaces {
    by_name: HashMap<Arc<str>, usize>,
    /// Where the first pod of each is.
    by_workload: HashMap<Arc<str>, usize>,
}

impl FlowPods {
    /// Sorts pods by what they are called.
    pub(crate) fn new(pods: impl Iterator<Item = Arc<Pod>>) -> Self {
        let mut pods: Vec<Arc<Pod>> = pods.collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let mut by_namespace: HashMap<Arc<str>, PodPlaces> = HashMap::new();
        for (place, pod) in pods.iter().enumerate() {
            let places = by_namespace.entry(Arc::clone(&pod.namespace)).or_default();
            places.by_name.insert(Arc::clone(&pod.name), place);
            let workload = Arc::clone(&pod.workload);
            places.by_workload.entry(workload).or_insert(place);
        }
        Self { pods, by_namespace }
    }

    /// All pods, by namespace and name.
    pub(crate) fn all(&self) -> &[Arc<Pod>] {
        &self.pods
    }

    /// The place among all of the pod that a flow comes from, or else of the first one of its workload,
    /// whose name may stand in the place of the pod's.
    pub(crate) fn place(&self, from: &Caller) -> Option<usize> {
        let places = self.by_namespace.get(from.namespace.as_str())?;
        let named = places.by_name.get(from.pod.as_str());
        named
            .or_else(|| places.by_workload.get(from.workload.as_str()))
            .or_else(|| places.by_workload.get(from.pod.as_str()))
            .copied()
    }

    /// The pod at that place.
    pub(crate) fn of(&self, from: &Caller) -> Option<&Arc<Pod>> {
        self.place(from).and_then(|place| self.pods.get(place))
    }

    /// The pod with this name.
    pub(crate) fn named(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        let place = self.by_namespace.get(namespace)?.by_name.get(name)?;
        self.pods.get(*place)
    }

    /// The first pod of a workload.
    pub(crate) fn of_workload(&self, namespace: &str, workload: &str) -> Option<&Arc<Pod>> {
        let place = self
            .by_namespace
            .get(namespace)?
            .by_workload
            .get(workload)?;
        self.pods.get(*place)
    }
}
