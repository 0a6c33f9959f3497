//! The pods that a ServiceEntry or a Service selects.

use std::{collections::BTreeMap, net::IpAddr};

use crate::objects::{PodObject, ServiceEntryObject, WorkloadEntry};

/// An entry with a `workloadSelector`: the pods of its namespace (`pods`) that have these labels are
/// its endpoints (`pilot/pkg/serviceregistry/serviceentry/controller.go`).
pub(super) fn with_selected_pods<'p>(
    entry: &ServiceEntryObject,
    pods: impl Iterator<Item = &'p PodObject>,
) -> ServiceEntryObject {
    let selector = entry.spec.workload_selector.as_ref();
    let wanted = selector.map(|selector| &selector.labels);
    let pods = pods.filter(|pod| wanted.is_some_and(|wanted| has_labels(pod, wanted)));
    let selected = pods.flat_map(addresses).map(|ip| WorkloadEntry {
        address: ip.to_owned(),
        ..WorkloadEntry::default()
    });
    let selected: Vec<WorkloadEntry> = selected.collect();
    let mut entry = entry.clone();
    entry.spec.endpoints.extend(selected);
    entry
}

/// The addresses of those pods that have all of these labels.
pub(super) fn addresses_of_selected<'p>(
    labels: &BTreeMap<String, String>,
    pods: impl Iterator<Item = &'p PodObject>,
) -> Vec<IpAddr> {
    let selected = pods.filter(|pod| has_labels(pod, labels));
    selected
        .flat_map(addresses)
        .filter_map(|ip| ip.parse().ok())
        .collect()
}

fn addresses(pod: &PodObject) -> impl Iterator<Item = &str> {
    let status = &pod.status;
    let all = status.pod_ips.iter().map(|each| &each.ip);
    let first = Some(&status.pod_ip).filter(|_| status.pod_ips.is_empty());
    all.chain(first)
        .map(String::as_str)
        .filter(|ip| !ip.is_empty())
}

/// Whether a pod has all of these labels.
pub(super) fn has_labels(pod: &PodObject, labels: &BTreeMap<String, String>) -> bool {
    let own = &pod.metadata.labels;
    labels
        .iter()
        .all(|(key, value)| own.get(key) == Some(value))
}
