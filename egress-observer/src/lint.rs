//! Finds faults in manifests before a cluster sees them: lists that Istio reads otherwise than
//! meant, declarations that nothing will follow, workloads that leave the mesh unnoticed.
//!
//! Every rule is a function of a `Scene`; files are read and text is written elsewhere.

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
mod scene;
mod service_entries;
mod sharing;
mod sidecars;
mod spelling;
mod stale;
pub(crate) mod suppress;
mod text;
mod unread;
mod workloads;

use std::path::PathBuf;

use ipnet::IpNet;

pub use self::{
    code::{Code, Severity},
    finding::{Finding, Place},
    suppress::Suppression,
};
use self::{lists::Lists, scene::Scene};
use egress_observer_istio::{
    manifests::{self, Located, ManifestError, Reading},
    view::{Snapshot, live::Live},
};

/// What the manifests themselves do not say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Pod and Service ranges of the cluster.
    pub cluster_ranges: Vec<IpNet>,
}

/// What is wrong in files, in the order of files, objects and codes.
pub fn lint_files(paths: &[PathBuf], settings: &Settings) -> Result<Vec<Finding>, ManifestError> {
    let reading = manifests::read(paths)?;
    Ok(lint_reading(&reading, settings))
}

/// The same for what was read of them.
pub(crate) fn lint_reading(reading: &Reading, settings: &Settings) -> Vec<Finding> {
    let population = scene::population(&reading.objects);
    let live = Live::of(population, &settings.cluster_ranges);
    let mut findings = unread::findings(&reading.unreadable);
    findings.extend(lint(&reading.objects, live.snapshot(), settings));
    findings.sort();
    findings
}

/// The same for objects, with the state that `scene::population` of them describes.
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

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use egress_observer_istio::manifests::Object;

    fn found(objects: Vec<Object>) -> Vec<Finding> {
        let path: Arc<Path> = Path::new("a.yaml").into();
        let locate = |object| Located {
            object,
            path: Arc::clone(&path),
        };
        let objects: Vec<Located> = objects.into_iter().map(locate).collect();
        let settings = Settings {
            cluster_ranges: vec!["10.96.0.0/12".parse().unwrap()],
        };
        let live = Live::of(scene::population(&objects), &settings.cluster_ranges);
        lint(&objects, live.snapshot(), &settings)
    }

    fn deployment(annotations: Value) -> Object {
        let template = json!({"metadata": {"annotations": annotations}});
        let object = json!({
            "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": template},
        });
        Object::Workload(serde_json::from_value(object).unwrap())
    }

    fn entry(address: &str, protocol: &str, port: u16) -> Object {
        let object = json!({
            "metadata": {"name": "e"},
            "spec": {
                "hosts": ["a.test"], "addresses": [address],
                "ports": [{"number": port, "protocol": protocol}],
            },
        });
        Object::ServiceEntry(serde_json::from_value(object).unwrap())
    }

    proptest! {
        #[test]
        fn no_text_makes_a_rule_panic(
            ranges in "[0-9a-f:./,* \\\\]{0,40}",
            ports in "[0-9:,* -]{0,20}",
            address in "[0-9a-f:./]{0,20}",
            protocol in ".{0,6}",
            port in any::<u16>(),
        ) {
            let annotations = json!({
                "traffic.sidecar.istio.io/includeOutboundIPRanges": ranges,
                "traffic.sidecar.istio.io/excludeOutboundIPRanges": ranges,
                "traffic.sidecar.istio.io/includeOutboundPorts": ports,
                "traffic.sidecar.istio.io/excludeOutboundPorts": ports,
            });
            let objects = vec![deployment(annotations), entry(&address, &protocol, port)];
            prop_assert_eq!(found(objects.clone()), found(objects));
        }
    }
}
