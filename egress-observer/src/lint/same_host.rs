//! Objects that declare the same host: a sidecar takes it from one of them only.
//!
//! 1. A pod gets a host from one namespace: its own if that has it, else that of a Service, else that
//!    of the first object (`selectServices` in `pilot/pkg/model/sidecar.go`; from 1.24 also without
//!    a Sidecar).
//! 2. First is what is exported to the pod's namespace by name before what is exported to everyone,
//!    and then what is older (`servicesExportedToNamespace` in `pilot/pkg/model/push_context.go`).
//! 3. Of one namespace, entries that agree in all but ports are merged. Otherwise the first has the
//!    host, and the ports that only the other has lead nowhere (`appendSidecarServices` and
//!    `canMergeServices` in `pilot/pkg/model/sidecar.go`, from 1.22).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    code::LintCode,
    declared::{Declarer, declarers},
    entry::PlacedEntry,
    finding::LintFinding,
    mixed_port,
    scene::Scene,
    sharers::{Owner, Sharers},
};
use egress_observer_istio::{
    objects::ServiceEntrySpec, rules::Version, vocabulary::host_name::normal,
};

/// Since when a pod without a Sidecar takes a host from one namespace only.
const ONE_NAMESPACE: Version = Version(24);
/// Since when entries of one namespace are merged only if they agree.
const MERGED_IF_ALIKE: Version = Version(22);

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let mut all: Vec<Declarer<'_>> = declarers(scene).collect();
    all.sort_by_key(|declarer| declarer.created());
    let mut owners: HashMap<String, Vec<Owner<'_>>> = HashMap::new();
    for (order, declarer) in all.into_iter().enumerate() {
        for (nth_host, host) in declarer.hosts(scene).into_iter().enumerate() {
            let owner = Owner {
                declarer,
                nth_host,
                order,
            };
            let known = owners.entry(normal(&host).into_owned()).or_default();
            // An entry may say a host twice.
            if known.last().is_none_or(|last| last.order != order) {
                known.push(owner);
            }
        }
    }
    let mut findings = Vec::new();
    for owners in owners.values().filter(|owners| owners.len() > 1) {
        findings.extend(of_host(scene, owners));
        findings.extend(mixed_port::of_host(scene, owners));
    }
    findings
}

/// What each entry hides, or loses, of all that have one host: one of each is told.
fn of_host(scene: &Scene<'_>, owners: &[Owner<'_>]) -> Vec<LintFinding> {
    let mut sharers = Sharers::default();
    for owner in owners {
        sharers.add(*owner, scene);
    }
    let mut findings = Vec::new();
    for owner in owners {
        let Declarer::Entry(entry) = owner.declarer else {
            continue;
        };
        let mut others = sharers.seen_with(owner, scene);
        others.retain(|other| other.order != owner.order);
        others.sort_by_key(|other| other.order);
        let mut lost = others.iter();
        findings.extend(lost.find_map(|other| loses(scene, entry, owner, other)));
        let mut hidden: Vec<&Owner<'_>> = sharers.seen_from(owner.declarer.namespace()).collect();
        hidden.sort_by_key(|other| other.order);
        let mut hidden = hidden.into_iter();
        findings.extend(hidden.find_map(|other| hides(scene, entry, owner, other)));
    }
    findings
}

/// An entry that hides another namespace's object in its own.
fn hides(
    scene: &Scene<'_>,
    entry: &PlacedEntry<'_>,
    owner: &Owner<'_>,
    other: &Owner<'_>,
) -> Option<LintFinding> {
    let (own, theirs) = (owner.declarer.namespace(), other.declarer.namespace());
    let seen_here = other.declarer.export(scene).shows_to(theirs, own);
    let is_seen = !scene
        .snapshot
        .registry
        .export_of(entry.object)
        .is_to_nobody();
    if own == theirs || !seen_here || !is_seen || scene.version() < ONE_NAMESPACE {
        return None;
    }
    let message = format!(
        "{} has the host, too, and pods of {own} take it from their own namespace: {}",
        other.declarer,
        what_is_lost(other.declarer, owner.declarer)
    );
    Some(finding(entry, owner, message))
}

/// An entry that another object takes the host from.
fn loses(
    scene: &Scene<'_>,
    entry: &PlacedEntry<'_>,
    owner: &Owner<'_>,
    other: &Owner<'_>,
) -> Option<LintFinding> {
    let (mine, theirs) = (owner.declarer, other.declarer);
    if !mine.meets(theirs, scene) {
        return None;
    }
    let older = other.order < owner.order;
    let by_service = matches!(theirs, Declarer::Service(..));
    let whom = if mine.namespace() == theirs.namespace() {
        let merged = match theirs {
            Declarer::Entry(other) => are_alike(entry, other) || scene.version() < MERGED_IF_ALIKE,
            Declarer::Service(..) => false,
        };
        if merged || !(older || by_service) {
            return None;
        }
        String::new()
    } else {
        let Elsewhere { namespace, by_name } = elsewhere(scene, mine, theirs)?;
        let first = match by_name {
            _ if by_service => true,
            ByName::Both | ByName::Neither => older,
            ByName::Mine => false,
            ByName::Theirs => true,
        };
        if !first || scene.version() < ONE_NAMESPACE {
            return None;
        }
        format!(" for pods of {namespace}")
    };
    let message = format!(
        "{theirs} has the host, too, and comes first{whom}: {}",
        what_is_lost(mine, theirs)
    );
    Some(finding(entry, owner, message))
}

/// A namespace that sees two objects and has neither.
struct Elsewhere<'s> {
    namespace: &'s str,
    by_name: ByName,
}

/// Which of two objects are exported to a namespace by its name, and not to everyone.
enum ByName {
    Both,
    Mine,
    Theirs,
    Neither,
}

fn elsewhere<'s>(
    scene: &'s Scene<'_>,
    mine: Declarer<'s>,
    theirs: Declarer<'s>,
) -> Option<Elsewhere<'s>> {
    let (own, other) = (mine.export(scene), theirs.export(scene));
    let homes = [mine.namespace(), theirs.namespace()];
    let (named, by_name) = match (own.is_to_everyone(), other.is_to_everyone()) {
        (true, true) => {
            return Some(Elsewhere {
                namespace: "other namespaces",
                by_name: ByName::Neither,
            });
        }
        (true, false) => (other.namespaces(homes[1]), ByName::Theirs),
        (false, true) => (own.namespaces(homes[0]), ByName::Mine),
        (false, false) => (own.namespaces(homes[0]), ByName::Both),
    };
    let mut third = named.filter(|name| !homes.contains(name));
    let namespace =
        third.find(|name| own.shows_to(homes[0], name) && other.shows_to(homes[1], name))?;
    Some(Elsewhere { namespace, by_name })
}

/// Whether two entries of one namespace are merged if they share a host.
fn are_alike(a: &PlacedEntry<'_>, b: &PlacedEntry<'_>) -> bool {
    let (a, b) = (a.object, b.object);
    resolution(&a.spec) == resolution(&b.spec)
        && a.metadata.labels == b.metadata.labels
        && selected(&a.spec) == selected(&b.spec)
        && exported(&a.spec) == exported(&b.spec)
}

fn resolution(spec: &ServiceEntrySpec) -> &str {
    match spec.resolution.as_str() {
        "" => "NONE",
        other => other,
    }
}

/// No selector and one without labels are the same to Istio.
fn selected(spec: &ServiceEntrySpec) -> Option<&BTreeMap<String, String>> {
    let labels = spec
        .workload_selector
        .as_ref()
        .map(|selector| &selector.labels);
    labels.filter(|labels| !labels.is_empty())
}

fn exported(spec: &ServiceEntrySpec) -> BTreeSet<&str> {
    spec.export_to.iter().map(String::as_str).collect()
}

/// What becomes of an object whose host another one has in its place.
fn what_is_lost(lost: Declarer<'_>, instead: Declarer<'_>) -> String {
    let there: BTreeSet<u16> = instead.ports().into_iter().map(|(port, _)| port).collect();
    let missing = lost.ports().into_iter().map(|(port, _)| port);
    let missing: BTreeSet<u16> = missing.filter(|port| !there.contains(port)).collect();
    let numbers: Vec<String> = missing.iter().map(u16::to_string).collect();
    match numbers.as_slice() {
        [] => "addresses, endpoints and settings of the other count for nothing there".to_owned(),
        [one] => format!("port {one} of the other leads nowhere there"),
        several => format!(
            "ports {} of the other lead nowhere there",
            several.join(", ")
        ),
    }
}

fn finding(entry: &PlacedEntry<'_>, owner: &Owner<'_>, message: String) -> LintFinding {
    let at = owner.nth_host;
    let host = entry.object.spec.hosts.get(at).map_or("", String::as_str);
    let fix = "declare all ports of the host in one object, and export that to whom it is for";
    let (code, field) = (LintCode::HostOfAnother, format!("spec.hosts[{at}]"));
    entry.place.finding(code, field, host, message, fix)
}
