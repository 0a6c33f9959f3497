//! The cluster as it is and as it would be, and its pods in both.

use super::sides::PodSides;
use crate::{flow_pods::FlowPods, flows::Caller};
use egress_observer_istio::view::Snapshot;

/// Two states of a cluster.
#[derive(Debug)]
pub(crate) struct World {
    pub(super) before: Snapshot,
    pub(super) after: Snapshot,
    pods: FlowPods,
    /// As the pods.
    pub(super) sides: Vec<PodSides>,
}

impl World {
    /// The pods of today in both states. `after` has them all.
    pub(crate) fn new(before: Snapshot, after: Snapshot) -> Self {
        let pods_after = FlowPods::new(after.pods().cloned());
        let both = before
            .pods()
            .filter(|pod| pods_after.named(&pod.namespace, &pod.name).is_some());
        let pods = FlowPods::new(both.cloned());
        let sides = pods.all().iter().filter_map(|pod| {
            let after = pods_after.named(&pod.namespace, &pod.name)?;
            Some(PodSides::new(pod, after))
        });
        Self {
            sides: sides.collect(),
            before,
            after,
            pods,
        }
    }

    /// Namespace and name of every pod.
    pub(crate) fn names(&self) -> impl Iterator<Item = Caller> {
        self.pods.all().iter().map(|pod| Caller {
            namespace: pod.namespace.to_string(),
            pod: pod.name.to_string(),
            workload: pod.workload.to_string(),
        })
    }

    /// The place of the pod that a flow comes from, or of another one of its workload.
    pub(super) fn find(&self, from: &Caller) -> Option<usize> {
        self.pods.place(from)
    }
}
