//! Finds faults in manifests before a cluster sees them: lists that Istio reads otherwise than
//! meant, declarations that nothing will follow, workloads that leave the mesh unnoticed.
//!
//! Every rule is a function of a [`Scene`]; files are read and text is written elsewhere.

mod addresses;
mod bypass;
mod code;
mod finding;
mod hosts;
mod lists;
pub mod output;
mod policy;
mod ports;
mod protocol;
mod ranges;
mod routing;
mod run;
mod scene;
mod service_entries;
mod sharing;
mod sidecars;
mod spelling;
mod stale;
mod suppress;
mod text;
mod workloads;

use std::path::PathBuf;

use ipnet::IpNet;

pub use self::{
    code::{Code, Severity},
    finding::{Finding, Place},
    run::run,
    suppress::Suppression,
};
use self::{lists::Lists, scene::Scene};
use crate::cluster::{
    ManifestError, Snapshot,
    manifests::{self, Located},
};

/// What the manifests themselves do not say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Pod and Service ranges of the cluster.
    pub cluster_ranges: Vec<IpNet>,
}

/// What is wrong in files, in the order of files, objects and codes.
pub fn lint_files(paths: &[PathBuf], settings: &Settings) -> Result<Vec<Finding>, ManifestError> {
    let objects = manifests::read(paths)?;
    let snapshot = Snapshot::of_objects(scene::population(&objects), &settings.cluster_ranges);
    Ok(lint(&objects, &snapshot, settings))
}

/// The same for objects, with the state that [`scene::population`] of them describes.
pub(crate) fn lint(objects: &[Located], snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    let scene = Scene::new(objects, snapshot, settings);
    let lists = Lists::of(&scene);
    let mut findings: Vec<Finding> = lists
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
const LIST_RULES: &[fn(&Scene<'_>, &Lists<'_>) -> Vec<Finding>] = &[
    text::findings,
    ranges::findings,
    addresses::findings,
    ports::findings,
];

/// Rules about everything else.
const RULES: &[fn(&Scene<'_>) -> Vec<Finding>] = &[
    workloads::findings,
    spelling::findings,
    stale::findings,
    policy::findings,
    sidecars::findings,
    service_entries::findings,
    sharing::findings,
    routing::findings,
];
