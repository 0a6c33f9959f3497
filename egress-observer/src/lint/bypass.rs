//! ServiceEntries, and what routes to them, whose connections no sidecar gets.

use std::collections::BTreeSet;

use super::{
    clients::{ClientGroup, client_groups},
    code::LintCode,
    entry::PlacedEntry,
    finding::LintFinding,
    lists::CaptureLists,
    routing::routed,
    scene::Scene,
};

pub(super) fn findings(scene: &Scene<'_>, lists: &[CaptureLists<'_>]) -> Vec<LintFinding> {
    let groups = client_groups(scene, lists);
    let mut findings = Vec::new();
    let mut void: Vec<(&PlacedEntry<'_>, BTreeSet<&str>)> = Vec::new();
    for entry in &scene.entries {
        findings.extend(by_address(scene, entry, &groups));
        findings.extend(by_name(scene, entry, &groups));
        let lost = groups.iter().filter(|group| group.never_gets(entry));
        let lost: BTreeSet<&str> = lost
            .flat_map(|group| group.who_sees(scene, entry))
            .collect();
        if !lost.is_empty() {
            void.push((entry, lost));
        }
    }
    findings.extend(routing(scene, &void));
    findings
}

/// Addresses that are declared, outside the included ranges or in an excluded one.
fn by_address(
    scene: &Scene<'_>,
    entry: &PlacedEntry<'_>,
    groups: &[ClientGroup<'_>],
) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for (field, text, range) in entry.declared() {
        let mut why = None;
        let mut whom = BTreeSet::new();
        for group in groups {
            if let Some(direct) = group.direct(entry, &range) {
                let n_before = whom.len();
                whom.extend(group.who_sees(scene, entry));
                if whom.len() > n_before {
                    why.get_or_insert(direct);
                }
            }
        }
        if let Some(why) = why {
            let message = format!(
                "{why}: connections of {} to {text} bypass the sidecar, and the entry counts for \
                 nothing there",
                names(&whom)
            );
            let fix = "include the address, or remove the entry if the bypass is meant";
            findings.push(
                entry
                    .place
                    .finding(LintCode::DeclaredBypass, field, text, message, fix),
            );
        }
    }
    findings
}

/// Hosts whose addresses nobody declares, where only some ranges are included.
fn by_name(
    scene: &Scene<'_>,
    entry: &PlacedEntry<'_>,
    groups: &[ClientGroup<'_>],
) -> Option<LintFinding> {
    let spec = &entry.object.spec;
    let inside = spec.location == "MESH_INTERNAL" || spec.workload_selector.is_some();
    if inside || !entry.reached().is_empty() {
        return None;
    }
    let missing = groups
        .iter()
        .filter(|group| entry.ports().any(|port| group.misses_names(port)));
    let whom: BTreeSet<&str> = missing
        .flat_map(|group| group.who_sees(scene, entry))
        .collect();
    let host = spec.hosts.first().filter(|_| !whom.is_empty())?;
    let message = format!(
        "only some ranges are included for {}: connections to {host} bypass the sidecar, unless \
         its addresses lie in them",
        names(&whom)
    );
    let fix = "include the host's addresses or all (`*`), or remove the entry if the bypass is \
               meant";
    Some(
        entry
            .place
            .finding(LintCode::NameBypass, "spec.hosts[0]", host, message, fix),
    )
}

/// Routing for hosts of entries that some sidecar never sees connections to.
fn routing(scene: &Scene<'_>, void: &[(&PlacedEntry<'_>, BTreeSet<&str>)]) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for routed in routed(scene.objects) {
        let mut void = void.iter();
        let found = void.find(|(entry, _)| routed.host != "*" && entry.is_about(routed.host));
        if let Some((entry, whom)) = found {
            let message = format!(
                "connections to this host bypass the sidecars of {}, see {}: \
                 nothing of this object applies there",
                names(whom),
                entry.place
            );
            let fix = "have the host's connections captured, or remove the object";
            findings.push(routed.place.finding(
                LintCode::VoidRouting,
                routed.field,
                routed.host,
                message,
                fix,
            ));
        }
    }
    findings
}

/// A few of them.
fn names(whom: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = whom.iter().take(SHOWN).copied().collect();
    match whom.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
