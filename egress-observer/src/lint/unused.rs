//! What is excluded from capture without need.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{
    code::LintCode,
    entry::{PlacedEntry, range},
    finding::LintFinding,
    lists::CaptureLists,
    scene::Scene,
};
use egress_observer_istio::manifests::Object;

pub(super) fn findings(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let mut findings = unused_ports(scene, lists);
    findings.extend(unused_ranges(scene, lists));
    findings
}

/// Ports of Istio's own that are excluded by habit.
const OWN: [u16; 4] = [15_020, 15_021, 15_053, 15_090];

/// Whether the manifests say enough for "nothing uses it" to mean something.
fn tells(scene: &Scene<'_>) -> bool {
    let mut objects = scene.objects.iter();
    !scene.entries.is_empty() && objects.any(|located| matches!(located.object, Object::Service(_)))
}

fn unused_ports(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let Some(list) = lists.exclude_ports.if_own().filter(|_| tells(scene)) else {
        return Vec::new();
    };
    let mut used: BTreeSet<u16> = OWN.into();
    // DNS and the API server need no declaration.
    used.extend([53, 443, 6443]);
    for entry in &scene.entries {
        let spec = &entry.object.spec;
        let ports = spec.ports.iter();
        used.extend(ports.flat_map(|port| [port.number, port.target_port]));
        let endpoints = spec.endpoints.iter();
        used.extend(endpoints.flat_map(|endpoint| endpoint.ports.values().copied()));
    }
    for located in scene.objects {
        if let Object::Service(service) = &located.object {
            used.extend(service.spec.ports.iter().map(|port| port.port));
        }
    }
    let unused = lists.read_ports(list).into_iter();
    unused
        .filter(|(_, ports)| used.range(ports.clone()).next().is_none())
        .map(|(text, _)| {
            let message = format!("no ServiceEntry or Service of the manifests uses port {text}");
            let fix = "remove it, if nothing else needs it";
            lists.finding(LintCode::UnusedExclude, list, text.trim(), message, fix)
        })
        .collect()
}

fn unused_ranges(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let Some(list) = lists.exclude.if_own().filter(|_| tells(scene)) else {
        return Vec::new();
    };
    let used = used_ranges(scene);
    let unused = list.ranges().into_iter();
    unused
        .filter(|range| {
            let mut used = used.iter();
            !used.any(|used| range.contains(used) || used.contains(range))
        })
        .map(|range| {
            let message = format!(
                "no ServiceEntry, Service or pod of the manifests has an address in {range}"
            );
            let fix = "remove it, if nothing else needs it";
            lists.finding(LintCode::UnusedExclude, list, range, message, fix)
        })
        .collect()
}

/// What the cluster, its objects and ServiceEntries have addresses in.
fn used_ranges(scene: &Scene<'_>) -> Vec<IpNet> {
    let mut used = scene.settings.cluster_ranges.clone();
    for PlacedEntry { object, .. } in &scene.entries {
        let addresses = object.spec.addresses.iter();
        used.extend(addresses.filter_map(|text| range(text)));
        let endpoints = object.spec.endpoints.iter();
        used.extend(endpoints.filter_map(|endpoint| range(&endpoint.address)));
        let allocated = object.status.addresses.iter();
        used.extend(allocated.filter_map(|address| range(&address.value)));
    }
    for located in scene.objects {
        if let Object::Service(service) = &located.object {
            let ips = service.spec.cluster_ips.iter();
            let ips = ips.chain([&service.spec.cluster_ip]);
            used.extend(ips.filter_map(|ip| range(ip)));
        }
    }
    let pods = scene.subjects.iter().flat_map(|subject| &subject.pod.ips);
    used.extend(pods.map(|ip| IpNet::from(*ip)));
    used
}
