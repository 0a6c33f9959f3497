//! Which values the chart is rendered with.
//!
//! Switches and closed sets are found in the values and their schema, so that a new one is tried
//! without a word here. For every other value `cases.yaml` has something else than the default; one
//! that is missing there is an error. Every case must change the manifests: a value that does
//! nothing is one that nobody wired.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::helm::{CHART, Setting};
use crate::values;
use crate::workspace;

const CASES: &str = include_str!("cases.yaml");

/// One set of values.
#[derive(Debug)]
pub struct Case {
    /// What else must be set for the case's own settings to matter.
    pub context: Vec<Setting>,
    /// What is tried.
    pub settings: Vec<Setting>,
}

impl Case {
    /// All settings, in the order in which helm gets them.
    pub fn all(&self) -> Vec<Setting> {
        self.context.iter().chain(&self.settings).cloned().collect()
    }

    /// The case as a user would write it.
    pub fn title(&self) -> String {
        let words = self.all().into_iter();
        let words: Vec<String> = words
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        words.join(" ")
    }
}

/// All cases; the defaults are the context of most of them.
pub fn all() -> Result<Vec<Case>> {
    let defaults = values::defaults()?;
    let path = workspace::root().join(CHART).join("values.schema.json");
    let schema = fs::read_to_string(&path).context("cannot read values.schema.json")?;
    let schema: Value = serde_json::from_str(&schema).context("values.schema.json is no JSON")?;
    let given: Value = serde_saphyr::from_str(CASES).context("cases.yaml is not YAML")?;

    let mut tried = switches(&defaults);
    tried.extend(closed_sets(&schema, &defaults));
    let single = given["values"].as_object().context("cases.yaml: values")?;
    for (path, alternatives) in single {
        let alternatives = alternatives.as_array();
        let alternatives = alternatives.with_context(|| format!("cases.yaml: {path}: no list"))?;
        tried.extend(
            alternatives
                .iter()
                .map(|value| (path.clone(), value.clone())),
        );
    }
    for leaf in values::leaves(&defaults) {
        if !tried.iter().any(|(path, _)| values::is_within(&leaf, path)) {
            bail!("cases.yaml: no other value than the default for `{leaf}`");
        }
    }
    let contexts = settings(&given["contexts"]).context("cases.yaml: contexts")?;
    let mut cases: Vec<Case> = tried
        .into_iter()
        .map(|setting| Case {
            context: context_of(&setting.0, &contexts),
            settings: vec![setting],
        })
        .collect();
    for together in given["together"].as_array().into_iter().flatten() {
        cases.push(Case {
            context: Vec::new(),
            settings: settings(together).context("cases.yaml: together")?,
        });
    }
    Ok(cases)
}

/// An object as settings in its order.
fn settings(object: &Value) -> Result<Vec<Setting>> {
    let object = object.as_object().context("not an object")?;
    Ok(object.clone().into_iter().collect())
}

/// What `contexts` has for the beginning of the path.
fn context_of(path: &str, contexts: &[Setting]) -> Vec<Setting> {
    contexts
        .iter()
        .filter(|(above, _)| path != above && values::is_within(path, above))
        .flat_map(|(_, value)| settings(value).unwrap_or_default())
        .filter(|(other, _)| other != path)
        .collect()
}

/// Every switch, the other way round.
fn switches(defaults: &Value) -> Vec<Setting> {
    values::leaves(defaults)
        .into_iter()
        .filter_map(|path| {
            let now = at(defaults, &path).as_bool()?;
            Some((path, Value::Bool(!now)))
        })
        .collect()
}

/// Every value of a closed set, apart from the default and from one that needs a companion.
fn closed_sets(schema: &Value, defaults: &Value) -> Vec<Setting> {
    let mut found = Vec::new();
    for path in values::leaves(defaults) {
        let place = path
            .split('.')
            .fold(schema, |schema, key| &schema["properties"][key]);
        for value in place["enum"].as_array().into_iter().flatten() {
            if value != at(defaults, &path) && value != "Localhost" {
                found.push((path.clone(), value.clone()));
            }
        }
    }
    found
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| &value[key])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_and_every_member_of_a_closed_set_is_tried() {
        let cases = all().unwrap();
        let has = |path: &str, value: Value| {
            let setting = (path.to_owned(), value);
            cases.iter().any(|case| case.settings.contains(&setting))
        };
        assert!(has("dashboards.enabled", Value::Bool(true)));
        assert!(has("rbac.create", Value::Bool(false)));
        assert!(has("config.metrics.destinations", "none".into()));
        assert!(has("mode", "uninstall".into()));
        assert!(!has("mode", "agent".into()));
    }

    #[test]
    fn a_value_is_tried_where_it_matters() {
        let cases = all().unwrap();
        let case = cases
            .iter()
            .find(|case| case.settings[0].0 == "metrics.podMonitor.interval")
            .unwrap();
        let switch = ("metrics.podMonitor.enabled".to_owned(), Value::Bool(true));
        assert_eq!(case.context, [switch]);
    }
}
