//! Lists of ports.

use super::{
    code::LintCode,
    finding::LintFinding,
    lists::{CaptureLists, ListOrigin},
    scene::Scene,
};

pub(super) fn findings(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    declared(scene, lists)
        .into_iter()
        .chain(dns(scene, lists))
        .chain(included_and_excluded(lists))
        .chain(redundant(lists))
        .collect()
}

/// Excluded ports that ServiceEntries declare.
fn declared(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let Some(list) = lists.exclude_ports.if_own() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (text, ports) in lists.read_ports(list) {
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
                LintCode::ExcludedPortDeclared,
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
fn dns(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let list = lists.exclude_ports.if_own()?;
    let excluded = lists
        .read_ports(list)
        .iter()
        .any(|(_, ports)| ports.contains(&53));
    (excluded && captures_dns(scene, lists)).then(|| {
        lists.finding(
            LintCode::DnsPortExcluded,
            list,
            53,
            "an excluded port wins over DNS capture: the proxy answers no DNS question, and hosts \
             with allocated addresses do not resolve",
            "remove 53 from the list, or switch DNS capture off",
        )
    })
}

/// Whether the mesh has proxies answer DNS, or the pod that the lists are for.
fn captures_dns(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> bool {
    let mut meshes = scene.meshes.iter();
    if meshes.any(|mesh| mesh.is_on("ISTIO_META_DNS_CAPTURE")) {
        return true;
    }
    let mut subjects = scene.subjects.iter();
    let subject = subjects.find(|subject| subject.place == lists.place);
    let setup = subject.and_then(|subject| subject.setup().config());
    lists.origin != ListOrigin::Mesh && setup.is_some_and(|config| config.dns.is_some())
}

fn included_and_excluded(lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let (include, exclude) = (&lists.include_ports, &lists.exclude_ports);
    let excluded = lists.read_ports(exclude);
    let list = if include.own { include } else { exclude };
    let both = lists.read_ports(include).into_iter().filter(|(_, ports)| {
        let mut excluded = excluded.iter();
        list.own
            && excluded
                .any(|(_, outer)| outer.contains(ports.start()) && outer.contains(ports.end()))
    });
    both.map(|(text, _)| {
        let message = format!("port {text} is included and excluded: excluded ports win");
        let fix = "remove it from one of the two lists";
        lists.finding(
            LintCode::IncludedPortExcluded,
            list,
            text.trim(),
            message,
            fix,
        )
    })
    .collect()
}

/// Ports that are given twice, and included ports where every address is included.
fn redundant(lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for list in [&lists.include_ports, &lists.exclude_ports] {
        let Some(list) = list.if_own() else { continue };
        let ports = lists.read_ports(list);
        for (at, (text, range)) in ports.iter().enumerate() {
            let mut before = ports.iter().take(at);
            if before.any(|(_, outer)| outer == range) {
                let message = format!("port {text} stands twice in the list");
                let text = text.trim();
                findings.push(lists.finding(
                    LintCode::Redundant,
                    list,
                    text,
                    message,
                    "remove one",
                ));
            }
        }
    }
    let list = &lists.include_ports;
    if list.own && !list.text.is_empty() && lists.include.is_star() {
        let message = "every address is included (`*`): included ports change nothing";
        let fix = "remove the list, or narrow the included ranges";
        findings.push(lists.finding(LintCode::Redundant, list, list.text, message, fix));
    }
    findings
}
