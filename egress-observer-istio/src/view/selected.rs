//! The pods that a ServiceEntry selects.

use crate::objects::{PodObject, ServiceEntryObject, WorkloadEntry};

/// An entry with a `workloadSelector`: the pods of its namespace (`pods`) that have these labels are
/// its endpoints (`pilot/pkg/serviceregistry/serviceentry/controller.go`).
pub(super) fn with_selected_pods<'p>(
    entry: &ServiceEntryObject,
    pods: impl Iterator<Item = &'p PodObject>,
) -> ServiceEntryObject {
    let mut selected = Vec::new();
    for pod in pods.filter(|pod| selects(entry, pod)) {
        let status = &pod.status;
        let all = status.pod_ips.iter().map(|each| &each.ip);
        let addresses = all.chain([&status.pod_ip]).filter(|ip| !ip.is_empty());
        let endpoints = addresses.map(|ip| WorkloadEntry {
            address: ip.clone(),
            ..WorkloadEntry::default()
        });
        selected.extend(endpoints);
    }
    let mut entry = entry.clone();
    entry.spec.endpoints.extend(selected);
    entry
}

fn selects(entry: &ServiceEntryObject, pod: &PodObject) -> bool {
    let labels = &pod.metadata.labels;
    let selector = entry.spec.workload_selector.as_ref();
    selector.is_some_and(|selector| {
        let mut wanted = selector.labels.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
    })
}
