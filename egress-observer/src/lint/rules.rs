//! Every rule, and what they find together.

use super::{
    addresses, bypass, finding::LintFinding, lists::CaptureLists, mixed_port, policy, ports,
    ranges, refused, routing, same_host, scene::Scene, service_entries, settings::LintSettings,
    sharing, sidecars, spelling, stale, text, unused, webhook, words, workloads, written::written,
};
use egress_observer_istio::{manifests::Located, view::Snapshot};

/// What is wrong in objects, in the order of files, objects and codes; the snapshot is of the
/// population that [`super::population`] makes of them.
pub(super) fn findings(
    objects: &[Located],
    snapshot: &Snapshot,
    settings: &LintSettings,
) -> Vec<LintFinding> {
    let scene = Scene::new(objects, snapshot, settings);
    let lists = written(&scene);
    let mut findings: Vec<LintFinding> = lists
        .iter()
        .flat_map(|lists| LIST_RULES.iter().flat_map(|rule| rule(&scene, lists)))
        .chain(RULES.iter().flat_map(|rule| rule(&scene)))
        .chain(bypass::findings(&scene, &lists))
        .collect();
    findings.sort();
    findings.dedup();
    findings
}

/// Rules about the lists that count in one place.
const LIST_RULES: &[fn(&Scene<'_>, &CaptureLists<'_>) -> Vec<LintFinding>] = &[
    text::findings,
    ranges::findings,
    addresses::findings,
    ports::findings,
    unused::findings,
];

/// Rules about everything else.
const RULES: &[fn(&Scene<'_>) -> Vec<LintFinding>] = &[
    workloads::findings,
    spelling::findings,
    words::findings,
    stale::findings,
    policy::findings,
    refused::findings,
    sidecars::findings,
    webhook::findings,
    service_entries::findings,
    sharing::findings,
    same_host::findings,
    mixed_port::findings,
    routing::findings,
];
