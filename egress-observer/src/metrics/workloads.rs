//! What the node's workloads are set up to do: gauges, written straight from the snapshot.

use std::{collections::BTreeMap, fmt::Display};

use super::text::Writer;
use egress_observer_istio::{
    injection::{pod::Pod, setup::Membership},
    rules::CaptureConfig,
    view::Snapshot,
    vocabulary::{CaptureExtent, MeshMode, Reason},
};

/// A Prometheus port of the sidecar, which is excluded wherever it may be.
const METRICS_PORT: u16 = 15020;

/// Writes both families.
pub fn write(snapshot: &Snapshot, out: &mut Writer) {
    let mut captured = BTreeMap::new();
    let mut stale = BTreeMap::new();
    for pod in snapshot.pods() {
        let workload = (&*pod.namespace, &*pod.workload);
        let (mode, extent) = capture(pod);
        *captured.entry((workload, mode, extent)).or_insert(0) += 1;
        *stale.entry(workload).or_insert(0) += u64::from(pod.stale() == Some(true));
    }
    const INFO: &str = "workload_capture_info";
    out.family(
        INFO,
        "Pods of the workload on this node that were set up this way.",
        "gauge",
    );
    for (((namespace, name), mode, extent), n) in captured {
        out.sample(INFO, n, |label| {
            workload(label, namespace, name);
            label("mode", &mode);
            label("capture", &extent);
        });
    }
    const STALE: &str = "workload_stale";
    out.family(
        STALE,
        "Pods of the workload on this node that a restart would set up differently.",
        "gauge",
    );
    for ((namespace, name), n) in stale {
        out.sample(STALE, n, |label| workload(label, namespace, name));
    }
}

fn workload(label: &mut dyn FnMut(&str, &dyn Display), namespace: &str, name: &str) {
    label("source_workload_namespace", &namespace);
    label("source_workload", &name);
}

fn capture(pod: &Pod) -> (MeshMode, CaptureExtent) {
    match &pod.applied.membership {
        Membership::Sidecar(config) => (MeshMode::Sidecar, extent(config)),
        Membership::NotRedirected => (MeshMode::Sidecar, CaptureExtent::None),
        Membership::Unknown(_) => (MeshMode::Sidecar, CaptureExtent::Unknown),
        Membership::Ambient(_) => (MeshMode::Ambient, CaptureExtent::All),
        Membership::Outside(Reason::HostNetwork) => (MeshMode::HostNetwork, CaptureExtent::None),
        Membership::Outside(_) => (MeshMode::None, CaptureExtent::None),
    }
}

fn extent(config: &CaptureConfig) -> CaptureExtent {
    let excluded = config.exclude_ports.list();
    let excludes = !config.exclude.list().is_empty()
        || excluded
            .iter()
            .any(|range| *range != (METRICS_PORT..=METRICS_PORT));
    if config.include.is_all() && !excludes {
        CaptureExtent::All
    } else if config.include.is_all()
        || !config.include.list().is_empty()
        || !config.include_ports.list().is_empty()
    {
        CaptureExtent::Partial
    } else {
        CaptureExtent::None
    }
}
