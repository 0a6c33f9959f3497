//! The variables that the pods set, against those that the agent knows.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::objects::list;
use crate::workspace;

/// A test of the agent compares this page with its command line.
const PAGE: &str = "docs/configuration.md";
const PREFIX: &str = "EGRESS_OBSERVER_";

/// Every variable of ours that a pod sets is a setting of the agent: one that is misspelt would go
/// unnoticed. Says how many there are.
pub fn check<'a>(objects: impl Iterator<Item = &'a Value>) -> Result<String> {
    let path = workspace::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let known: BTreeSet<&str> = page
        .split('`')
        .filter(|word| word.starts_with(PREFIX))
        .collect();
    let set: BTreeSet<&str> = objects.flat_map(variables).collect();
    let unknown: Vec<&str> = set.difference(&known).copied().collect();
    if !unknown.is_empty() {
        bail!("not in {PAGE}: {}", unknown.join(", "));
    }
    Ok(format!("{} variables", set.len()))
}

/// The variables of ours in the pods of an object.
fn variables(object: &Value) -> Vec<&str> {
    let pod = &object["spec"]["template"]["spec"];
    let containers = list(&pod["initContainers"])
        .iter()
        .chain(list(&pod["containers"]));
    containers
        .flat_map(|container| list(&container["env"]))
        .filter_map(|variable| variable["name"].as_str())
        .filter(|name| name.starts_with(PREFIX))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_variable_is_a_fault() {
        let pod = |name: &str| {
            let env = json!([{"name": name}, {"name": "OTHER"}]);
            json!({"spec": {"template": {"spec": {"containers": [{"env": env}]}}}})
        };
        let known = check([&pod("EGRESS_OBSERVER_DNS")].into_iter()).unwrap();
        assert_eq!(known, "1 variables");
        assert!(check([&pod("EGRESS_OBSERVER_DSN")].into_iter()).is_err());
    }
}
