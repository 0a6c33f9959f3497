//! The complete values: what is excluded today, and what is suggested behind it.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{
    answer::{MeshValue, Suggestion, WorkloadValue},
    cluster::ExclusionCluster,
};
use crate::{
    install::{RangeList, Spellings},
    lint::output::plain,
};
use egress_observer_istio::rules::{elements, prefix};

/// One for each revision; one alone if none is known.
pub(super) fn mesh_values(
    cluster: &ExclusionCluster,
    suggestions: &[Suggestion],
) -> (Vec<MeshValue>, Vec<String>) {
    let new: Vec<IpNet> = suggestions
        .iter()
        .filter(|found| open(found))
        .map(|found| found.cidr)
        .collect();
    if new.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut notes = Vec::new();
    let injectors = cluster.snapshot.mesh().injectors().into_iter();
    let mut values: Vec<_> = injectors
        .map(|(revision, injector)| {
            let today = &injector.values.global.proxy.exclude_ip_ranges;
            let name = plain(&injector.name);
            for element in elements(today).filter(|element| prefix(element).is_none()) {
                notes.push(format!(
                    "ConfigMap {name}: excludeIPRanges has `{}`, which is no range: left out",
                    plain(element)
                ));
            }
            let source = Some(format!("ConfigMap {name}"));
            value(
                Some(plain(revision)),
                source,
                elements(today).filter_map(prefix),
                &new,
            )
        })
        .collect();
    if values.is_empty() {
        values.push(value(None, None, std::iter::empty(), &new));
        notes.push(
            "what is excluded today is not known: give the ConfigMap istio-sidecar-injector with \
             --manifests, or add it to the values by hand. They replace today's"
                .to_owned(),
        );
    }
    (values, notes)
}

/// Whether somebody's use is not settled by a restart.
fn open(found: &Suggestion) -> bool {
    let mut users = found.used_by.iter();
    users.any(|user| user.restart_is_enough != Some(true))
}

fn value(
    revision: Option<String>,
    source: Option<String>,
    today: impl Iterator<Item = IpNet>,
    new: &[IpNet],
) -> MeshValue {
    let spellings = complete(today, new);
    MeshValue {
        revision,
        source,
        value: spellings.plain.clone(),
        spellings,
    }
}

/// What is there stays as it is, and what it does not hold comes behind it.
fn complete(today: impl Iterator<Item = IpNet>, new: &[IpNet]) -> Spellings {
    let mut all: Vec<IpNet> = today.collect();
    for range in new {
        if !all.iter().any(|known| known.contains(range)) {
            all.push(*range);
        }
    }
    Spellings::of_ranges(RangeList::Exclude, &all)
}

/// One for each workload that uses something that is suggested, by what it uses itself.
pub(super) fn workload_values(
    cluster: &ExclusionCluster,
    suggestions: &[Suggestion],
) -> Vec<WorkloadValue> {
    let mut by_workload: BTreeMap<(String, String), Vec<IpNet>> = BTreeMap::new();
    for found in suggestions {
        for user in &found.used_by {
            if user.restart_is_enough != Some(true) {
                let workload = (user.namespace.clone(), user.workload.clone());
                by_workload.entry(workload).or_default().push(found.cidr);
            }
        }
    }
    let values = by_workload.into_iter().map(|(workload, new)| {
        let pod = cluster.pod_of(&workload);
        let config = pod.and_then(|pod| pod.desired.config().or(pod.applied.config()));
        let today = config
            .map(|config| config.exclude.list())
            .unwrap_or_default();
        let spellings = complete(today.iter().copied(), &new);
        let (namespace, workload) = workload;
        WorkloadValue {
            namespace,
            workload,
            value: spellings.plain.clone(),
            spellings,
            complete: config.is_some(),
            restart: pod.map(|pod| pod.how_to_restart()),
        }
    });
    values.collect()
}
