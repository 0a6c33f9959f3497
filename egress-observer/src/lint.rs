//! Finds faults in manifests before a cluster sees them: lists that Istio reads otherwise than
//! meant, declarations that nothing will follow, workloads that leave the mesh unnoticed.
//!
//! Every rule is a function of a `Scene`; files are read and text is written elsewhere.

mod addresses;
mod bypass;
mod clients;
mod code;
mod declared;
mod entry;
mod finding;
mod host_index;
mod list;
mod lists;
mod mesh_maps;
mod mixed_port;
pub mod output;
mod policy;
mod population;
mod ports;
mod ranges;
mod refused;
mod routing;
mod rules;
mod same_host;
mod scene;
mod service_entries;
mod settings;
mod sharers;
mod sharing;
mod sidecars;
mod spelling;
mod stale;
mod start_order;
mod subject;
pub(crate) mod suppress;
mod text;
mod unread;
mod unused;
mod webhook;
mod words;
mod workloads;
mod written;

use std::path::PathBuf;

use egress_observer_istio::{
    manifests::{self, Located, ManifestError, Reading},
    view::live::Live,
};

pub use self::{
    code::{LintCode, Severity},
    finding::{LintFinding, ObjectPlace},
    settings::LintSettings,
    suppress::Suppression,
};

/// What is wrong in files, in the order of files, objects and codes.
pub fn lint_files(
    paths: &[PathBuf],
    settings: &LintSettings,
) -> Result<Vec<LintFinding>, ManifestError> {
    Ok(lint_reading(&manifests::read(paths)?, settings))
}

/// The same for what was read of them.
pub(crate) fn lint_reading(reading: &Reading, settings: &LintSettings) -> Vec<LintFinding> {
    let mut findings = unread::findings(&reading.unreadable);
    findings.extend(lint(&reading.objects, settings));
    findings.sort();
    findings
}

fn lint(objects: &[Located], settings: &LintSettings) -> Vec<LintFinding> {
    let population = population::population(objects);
    let live = Live::of(population, &settings.cluster_ranges);
    rules::findings(objects, live.snapshot(), settings)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use egress_observer_istio::objects::Object;

    fn found(objects: Vec<Object>) -> Vec<LintFinding> {
        let path: Arc<Path> = Path::new("a.yaml").into();
        let objects = objects.into_iter().map(|object| Located {
            object,
            path: Arc::clone(&path),
        });
        let objects: Vec<Located> = objects.collect();
        let settings = LintSettings {
            cluster_ranges: vec!["10.96.0.0/12".parse().unwrap()],
        };
        lint(&objects, &settings)
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
