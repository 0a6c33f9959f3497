//! Lists of ports, and what is excluded from capture without need.

use std::collections::BTreeSet;

use super::{
    code::Code,
    finding::Finding,
    lists::{List, Lists, Origin},
    scene::Scene,
};
use egress_observer_istio::{
    manifests::Object,
    rules::{PortRange, prefix},
};

pub(super) fn findings(scene: &Scene<'_>, lists: &Lists<'_>) -> Vec<Finding> {
    declared(scene, lists)
        .into_iter()
        .chain(dns(scene, lists))
        .chain(included_and_excluded(lists))
        .chain(redundant(lists))
        .chain(unused_ports(scene, lists))
        .chain(unused_ranges(scene, lists))
        .collect()
}

/// Elements that are read as ports.
fn read<'a>(lists: &Lists<'a>, list: &List<'a>) -> Vec<(&'a str, PortRange)> {
    let ports = list.ports(lists.backend).into_iter();
    ports
        .filter_map(|(text, ports)| Some((text, ports?)))
        .collect()
}

fn own<'l, 'a>(list: &'l List<'a>) -> Option<&'l List<'a>> {
    list.own.then_some(list)
}

/// Excluded ports that ServiceEntries declare.
fn declared(scene: &Scene<'_>, lists: &Lists<'_>) -> Vec<Finding> {
    let Some(list) = own(&lists.exclude_ports) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (text, ports) in read(lists, list) {
        let entries = scene.entries.iter().filter(|entry| {
            let mut declared = entry.object.spec.ports.iter();
            declared.any(|port| ports.contains(&port.number))
        });
        let names: Vec<String> = entries.map(|entry| entry.place.to_string()).collect();
        if let Some(first) = names.first() {
            let more = match names.len() - 1 {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            let message = format!(
                "port {text} is excluded, and {first}{more} declares it: its connections bypass \
                 the sidecar, and no VirtualService or DestinationRule applies to them"
            );
            let fix = "exclude the addresses that have to bypass instead of the port";
            findings.push(lists.finding(
                Code::ExcludedPortDeclared,
                list,
                text.trim(),
                message,
                fix,
            ));
        }
    }
    findings
}

/// Port 53 excluded in a mesh, or for a pod, that captures DNS.
fn dns(scene: &Scene<'_>, lists: &Lists<'_>) -> Option<Finding> {
    const CAPTURE: &str = "ISTIO_META_DNS_CAPTURE";
    let list = own(&lists.exclude_ports)?;
    let excluded = read(lists, list)
        .iter()
        .any(|(_, ports)| ports.contains(&53));
    let by_mesh = || {
        let mut metadata = scene
            .meshes
            .iter()
            .map(|map| &map.config.default_config.proxy_metadata);
        metadata.any(|metadata| metadata.get(CAPTURE).map(String::as_str) == Some("true"))
    };
    let by_pod = || {
        let mut subjects = scene.subjects.iter();
        let subject = subjects.find(|subject| subject.place == lists.place);
        let setup = subject.and_then(|subject| subject.setup().config());
        setup.is_some_and(|config| config.dns.is_some())
    };
    let captured = by_mesh() || lists.origin != Origin::Mesh && by_pod();
    (excluded && captured).then(|| {
        lists.finding(
            Code::DnsPortExcluded,
            list,
            53,
            "an excluded port wins over DNS capture: the proxy answers no DNS question, and hosts \
             with allocated addresses do not resolve",
            "remove 53 from the list, or switch DNS capture off",
        )
    })
}

fn included_and_excluded(lists: &Lists<'_>) -> Vec<Finding> {
    let (include, exclude) = (&lists.include_ports, &lists.exclude_ports);
    let excluded = read(lists, exclude);
    let list = if include.own { include } else { exclude };
    let covers = |ports: &PortRange| {
        excluded
            .iter()
            .any(|(_, outer)| outer.contains(ports.start()) && outer.contains(ports.end()))
    };
    let both = read(lists, include).into_iter();
    both.filter(|(_, ports)| list.own && covers(ports))
        .map(|(text, _)| {
            let message = format!("port {text} is included and excluded: excluded ports win");
            let fix = "remove it from one of the two lists";
            lists.finding(Code::IncludedPortExcluded, list, text.trim(), message, fix)
        })
        .collect()
}

/// Ports that are given twice, and included ports where every address is included.
fn redundant(lists: &Lists<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for list in [&lists.include_ports, &lists.exclude_ports] {
        let Some(list) = own(list) else { continue };
        let ports = read(lists, list);
        for (at, (text, range)) in ports.iter().enumerate() {
            let mut before = ports.iter().take(at);
            if before.any(|(_, outer)| outer == range) {
                let message = format!("port {text} stands twice in the list");
                let text = text.trim();
                findings.push(lists.finding(Code::Redundant, list, text, message, "remove one"));
            }
        }
    }
    let list = &lists.include_ports;
    if list.own && !list.text.is_empty() && lists.include.is_star() {
        let message = "every address is included (`*`): included ports change nothing";
        let fix = "remove the list, or narrow the included ranges";
        findings.push(lists.finding(Code::Redundant, list, list.text, message, fix));
    }
    findings
}

/// Ports of Istio's own that are excluded by habit.
const OWN: [u16; 4] = [15_020, 15_021, 15_053, 15_090];

/// Whether the manifests say enough for "nothing uses it" to mean something.
fn tells(scene: &Scene<'_>) -> bool {
    let mut objects = scene.objects.iter();
    !scene.entries.is_empty() && objects.any(|located| matches!(located.object, Object::Service(_)))
}

fn unused_ports(scene: &Scene<'_>, lists: &Lists<'_>) -> Vec<Finding> {
    let Some(list) = own(&lists.exclude_ports).filter(|_| tells(scene)) else {
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
    let unused = read(lists, list).into_iter();
    unused
        .filter(|(_, ports)| used.range(ports.clone()).next().is_none())
        .map(|(text, _)| {
            let message = format!("no ServiceEntry or Service of the manifests uses port {text}");
            let fix = "remove it, if nothing else needs it";
            lists.finding(Code::UnusedExclude, list, text.trim(), message, fix)
        })
        .collect()
}

fn unused_ranges(scene: &Scene<'_>, lists: &Lists<'_>) -> Vec<Finding> {
    let Some(list) = own(&lists.exclude).filter(|_| tells(scene)) else {
        return Vec::new();
    };
    let mut used = scene.settings.cluster_ranges.clone();
    let mut use_text = |text: &str| {
        let address = text.parse::<std::net::IpAddr>().map(Into::into);
        used.extend(address.ok().or_else(|| prefix(text)));
    };
    for entry in &scene.entries {
        let spec = &entry.object.spec;
        spec.addresses.iter().for_each(|text| use_text(text));
        let endpoints = spec.endpoints.iter();
        endpoints.for_each(|endpoint| use_text(&endpoint.address));
        let allocated = entry.object.status.addresses.iter();
        allocated.for_each(|address| use_text(&address.value));
    }
    for located in scene.objects {
        if let Object::Service(service) = &located.object {
            let ips = service.spec.cluster_ips.iter();
            ips.chain([&service.spec.cluster_ip])
                .for_each(|ip| use_text(ip));
        }
    }
    let pods = scene.subjects.iter().flat_map(|subject| &subject.pod.ips);
    used.extend(pods.map(|ip| ipnet::IpNet::from(*ip)));
    let uses = |range: &ipnet::IpNet| {
        let mut used = used.iter();
        used.any(|used| range.contains(used) || used.contains(range))
    };
    let unused = list.ranges().into_iter();
    unused
        .filter(|range| !uses(range))
        .map(|range| {
            let message = format!(
                "no ServiceEntry, Service or pod of the manifests has an address in {range}"
            );
            let fix = "remove it, if nothing else needs it";
            lists.finding(Code::UnusedExclude, list, range, message, fix)
        })
        .collect()
}
