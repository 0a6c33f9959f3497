//! Objects against the schemas of the Kubernetes API, strictly: a field that is not known is an
//! error. Objects of the Prometheus operator have a list of fields here; any other kind that no
//! schema knows is an error, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::objects;
use crate::tools::Validator;

/// The group of the Prometheus operator.
const MONITORING: &str = "monitoring.coreos.com/v1";

/// A kind of its objects.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// What stands for `ENDPOINTS` in the fields.
    endpoints: &'static str,
    /// The fields of `spec` that the chart uses. `[]` is each item of a list, `*` any key.
    fields: &'static [(&'static str, Type)],
}

const MONITORING_KINDS: [Kind; 3] = [
    Kind {
        name: "PodMonitor",
        endpoints: "podMetricsEndpoints",
        fields: &MONITOR_FIELDS,
    },
    Kind {
        name: "ServiceMonitor",
        endpoints: "endpoints",
        fields: &MONITOR_FIELDS,
    },
    Kind {
        name: "PrometheusRule",
        endpoints: "",
        fields: &[
            ("groups[].name", Type::Text),
            ("groups[].rules[].alert", Type::Text),
            ("groups[].rules[].expr", Type::Text),
            ("groups[].rules[].for", Type::Text),
            ("groups[].rules[].labels.*", Type::Text),
            ("groups[].rules[].annotations.*", Type::Text),
        ],
    },
];

const MONITOR_FIELDS: [(&str, Type); 16] = [
    ("namespaceSelector.matchNames[]", Type::Text),
    ("selector.matchLabels.*", Type::Text),
    ("sampleLimit", Type::Number),
    ("ENDPOINTS[].port", Type::Text),
    ("ENDPOINTS[].path", Type::Text),
    ("ENDPOINTS[].scheme", Type::Text),
    ("ENDPOINTS[].interval", Type::Text),
    ("ENDPOINTS[].scrapeTimeout", Type::Text),
    ("ENDPOINTS[].relabelings[].targetLabel", Type::Text),
    ("ENDPOINTS[].relabelings[].replacement", Type::Text),
    ("ENDPOINTS[].relabelings[].action", Type::Text),
    ("ENDPOINTS[].relabelings[].sourceLabels[]", Type::Text),
    ("ENDPOINTS[].metricRelabelings[].action", Type::Text),
    ("ENDPOINTS[].metricRelabelings[].regex", Type::Text),
    ("ENDPOINTS[].metricRelabelings[].targetLabel", Type::Text),
    ("ENDPOINTS[].metricRelabelings[].sourceLabels[]", Type::Text),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Number,
}

/// The validator, with the versions of Kubernetes that it has schemas of.
#[derive(Debug)]
pub struct Schemas {
    validator: Validator,
    /// As `1.25`, the oldest first.
    versions: Vec<(u32, u32)>,
}

impl Schemas {
    pub fn find() -> Result<Self> {
        let validator = Validator::find()?;
        let dir = validator.schemas();
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
        let mut versions: Vec<(u32, u32)> = entries
            .filter_map(|entry| minor_version(&entry.ok()?.file_name().to_string_lossy()))
            .collect();
        versions.sort_unstable();
        Ok(Self {
            validator,
            versions,
        })
    }

    /// The oldest that the chart supports and there is a schema of, and the newest.
    pub fn oldest_and_newest(&self, supported: (u32, u32)) -> Result<[String; 2]> {
        let oldest = self.versions.iter().find(|version| **version >= supported);
        let (Some(oldest), Some(newest)) = (oldest, self.versions.last()) else {
            bail!("the validator has no schemas of {supported:?} or later");
        };
        Ok([oldest, newest].map(|(major, minor)| format!("{major}.{minor}.0")))
    }

    /// Checks objects, each with words that say where it is from. The same object is checked once.
    ///
    /// `dir` is for the files that the validator reads, and for nothing else.
    pub fn check(
        &self,
        version: &str,
        objects: &[(String, &Value)],
        dir: &Path,
    ) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let mut different: BTreeMap<String, &str> = BTreeMap::new();
        for (from, object) in objects {
            if object["apiVersion"] == MONITORING {
                let found = monitoring(object);
                faults.extend(found.into_iter().map(|fault| format!("{from}: {fault}")));
            } else {
                different.entry(object.to_string()).or_insert(from);
            }
        }
        let files = write(dir, different.keys())?;
        let said = self.validate(version, &files)?;
        let passed = said
            .lines()
            .filter(|line| line.starts_with("INFO "))
            .count();
        for line in said.lines().filter(|line| !line.starts_with("INFO ")) {
            let file = files
                .iter()
                .position(|file| line.contains(&*file.to_string_lossy()));
            let from = file.and_then(|n| different.values().nth(n));
            let from = from.copied().unwrap_or("?");
            faults.push(format!("{from}: Kubernetes {version}: {line}"));
        }
        if passed != files.len() && faults.is_empty() {
            faults.push(format!(
                "Kubernetes {version}: only {passed} of {} objects were validated",
                files.len()
            ));
        }
        Ok(faults)
    }

    /// What the validator prints. Its exit code says no more than that.
    fn validate(&self, version: &str, files: &[PathBuf]) -> Result<String> {
        let mut validate: Command = self.validator.command();
        validate.args(["--strict", "--kubernetes-version"]);
        validate.arg(version.trim_end_matches(".0")).args(files);
        let output = validate
            .output()
            .with_context(|| format!("cannot start {validate:?}"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        if !errors.trim().is_empty() {
            bail!("kubernetes-validate: {}", errors.trim_end());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `v1.25.0-local-strict` is 1.25.
fn minor_version(dir: &str) -> Option<(u32, u32)> {
    let version = dir.strip_prefix('v')?.strip_suffix("-local-strict")?;
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A file for each object, in the order given. JSON is YAML, too.
fn write<'a>(dir: &Path, objects: impl Iterator<Item = &'a String>) -> Result<Vec<PathBuf>> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot replace {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    objects
        .enumerate()
        .map(|(n, object)| {
            let file = dir.join(format!("{n:05}.yaml"));
            fs::write(&file, object).with_context(|| format!("cannot write {}", file.display()))?;
            Ok(file)
        })
        .collect()
}

/// What is wrong with an object of the Prometheus operator.
fn monitoring(object: &Value) -> Vec<String> {
    let kind = objects::kind(object);
    let title = objects::title(object);
    let Some(known) = MONITORING_KINDS.iter().find(|known| known.name == kind) else {
        return vec![format!("{title}: this kind is not known here")];
    };
    let top = object
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    let mut faults: Vec<String> = top
        .filter(|key| !["apiVersion", "kind", "metadata", "spec"].contains(&key.as_str()))
        .map(|key| format!("{title}: unknown field {key}"))
        .collect();
    let mut found = Vec::new();
    paths(&object["spec"], "", &mut found);
    for (path, value) in &found {
        let right = known.fields.iter().any(|(field, of)| {
            matches(path, &field.replace("ENDPOINTS", known.endpoints)) && is_of(value, *of)
        });
        if !right {
            faults.push(format!(
                "{title}: spec.{path}: unknown, or of the wrong type"
            ));
        }
    }
    if found.is_empty() {
        faults.push(format!("{title}: no spec"));
    }
    faults
}

/// The paths of all values that are neither lists nor objects.
fn paths<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                // A label's name may have dots, which separate here.
                let key = key.replace('.', "_");
                let path = if path.is_empty() {
                    key
                } else {
                    format!("{path}.{key}")
                };
                paths(value, &path, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, &format!("{path}[]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.push((path.to_owned(), value));
        }
    }
}

fn matches(path: &str, field: &str) -> bool {
    match field.strip_suffix('*') {
        Some(above) => path
            .strip_prefix(above)
            .is_some_and(|key| !key.is_empty() && !key.contains('.')),
        None => path == field,
    }
}

fn is_of(value: &Value, of: Type) -> bool {
    match of {
        Type::Text => value.is_string(),
        Type::Number => value.is_u64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_read_from_the_names_of_directories() {
        assert_eq!(minor_version("v1.25.0-local-strict"), Some((1, 25)));
        assert_eq!(minor_version("v1.25.0-local"), None);
    }

    #[test]
    fn a_field_that_the_operator_does_not_know_is_a_fault() {
        let monitor = |endpoint: Value| {
            json!({"apiVersion": MONITORING, "kind": "PodMonitor", "metadata": {"name": "a"},
                "spec": {"selector": {"matchLabels": {"a.b/c": "d"}}, "podMetricsEndpoints": [endpoint]}})
        };
        let none: [String; 0] = [];
        assert_eq!(monitoring(&monitor(json!({"port": "metrics"}))), none);
        assert_eq!(monitoring(&monitor(json!({"prot": "metrics"}))).len(), 1);
        assert_eq!(monitoring(&monitor(json!({"port": 19615}))).len(), 1);
    }

    #[test]
    fn a_kind_that_nobody_knows_is_a_fault() {
        let probe = json!({"apiVersion": MONITORING, "kind": "Probe", "metadata": {"name": "a"}});
        assert_eq!(monitoring(&probe).len(), 1);
    }
}
