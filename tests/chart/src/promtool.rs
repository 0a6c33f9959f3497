//! The alerts, with the real promtool: rules, their tests, and whether the tests could fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::command;
use crate::objects::list;
use crate::parallel::in_parallel;
use crate::workspace;

/// The rules, as users have them. The file is the chart's: helm reads nothing outside of it.
const RULES: &str = "deploy/prometheus/rules.yaml";
const TESTS: &str = "deploy/prometheus/tests";
const PAGES: &str = "docs/alerts";

/// The parts of each alert's page.
const PARTS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];

/// Expressions that a test must notice: an alert that never fires, and one that always does.
const WRONG: [(&str, &str); 2] = [
    ("never fires", "vector(0) > 1"),
    ("always fires", "vector(1)"),
];

/// The rules as they are written.
pub fn rules() -> Result<Value> {
    let path = workspace::root().join(RULES);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {RULES}"))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{RULES} is not YAML"))
}

/// All alerts of the rules.
pub fn alerts(rules: &Value) -> Vec<&Value> {
    let groups = list(&rules["groups"]).iter();
    groups.flat_map(|group| list(&group["rules"])).collect()
}

fn names(rules: &Value) -> Vec<&str> {
    let alerts = alerts(rules).into_iter();
    alerts.filter_map(|alert| alert["alert"].as_str()).collect()
}

/// promtool accepts the rules, and each has what belongs to it: labels, texts, a page.
pub fn check_rules(promtool: &Path) -> Result<String> {
    command::output(
        Command::new(promtool)
            .args(["check", "rules"])
            .arg(root(RULES)),
    )?;
    let rules = rules()?;
    let names = names(&rules);
    let mut faults = Vec::new();
    for alert in alerts(&rules) {
        if let Some(fault) = fault_of(alert) {
            faults.push(format!("{}: {fault}", alert["alert"]));
        }
    }
    for page in file_stems(PAGES, ".md")? {
        if !names.contains(&page.as_str()) {
            faults.push(format!("{PAGES}/{page}.md: there is no such alert"));
        }
    }
    if !faults.is_empty() {
        bail!("{RULES}:\n{}", faults.join("\n"));
    }
    Ok(format!("{} alerts, each with its page", names.len()))
}

fn fault_of(alert: &Value) -> Option<String> {
    let Some(name) = alert["alert"]
        .as_str()
        .filter(|name| name.starts_with("EgressObserver"))
    else {
        return Some("an alert's name starts with EgressObserver".to_owned());
    };
    if !["warning", "info"].contains(&alert["labels"]["severity"].as_str().unwrap_or_default()) {
        return Some("severity is neither warning nor info".to_owned());
    }
    let annotations = &alert["annotations"];
    let summary = annotations["summary"].as_str().unwrap_or_default();
    if !summary.ends_with('.') || summary.contains("{{") {
        return Some("summary is not one fixed sentence".to_owned());
    }
    if annotations["description"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        return Some("no description".to_owned());
    }
    let ending = format!("/{PAGES}/{name}.md");
    if !annotations["runbook_url"]
        .as_str()
        .is_some_and(|url| url.ends_with(&ending))
    {
        return Some(format!("runbook_url does not end in {ending}"));
    }
    let page = fs::read_to_string(root(&ending[1..])).unwrap_or_default();
    let missing = PARTS
        .iter()
        .find(|part| !page.lines().any(|line| line == **part));
    missing.map(|part| format!("{}: no part `{part}`", &ending[1..]))
}

/// The tests pass with the rules as they are, and with wrong ones each alert fails in one of them.
pub fn check_tests(promtool: &Path) -> Result<String> {
    let rules = rules()?;
    let files = file_stems(TESTS, ".yaml")?;
    let right = [("is as it should be", None)];
    let wrong = WRONG.map(|(what, expr)| (what, Some(expr)));
    let runs: Vec<(&str, Option<&str>, &String)> = right
        .into_iter()
        .chain(wrong)
        .flat_map(|(what, expr)| files.iter().map(move |file| (what, expr, file)))
        .collect();
    let reports = in_parallel(&runs, |(_, expr, file)| test(promtool, &rules, *expr, file))?;
    for (what, expr) in WRONG.map(|(what, expr)| (what, Some(expr))) {
        let of_this = runs.iter().zip(&reports).filter(|(run, _)| run.1 == expr);
        let noticed: BTreeSet<String> = of_this.flat_map(|(_, said)| failed_alerts(said)).collect();
        for name in names(&rules) {
            if !noticed.contains(name) {
                bail!("{TESTS}: no test notices that {name} {what}");
            }
        }
    }
    Ok(format!(
        "{} alerts in {} files; each is missed if it never fires or always does",
        names(&rules).len(),
        files.len()
    ))
}

/// What promtool says of one file of tests; with another expression in every alert, if one is
/// given, and else a failure is an error.
fn test(promtool: &Path, rules: &Value, wrong: Option<&str>, file: &str) -> Result<String> {
    let original = root(TESTS).join(format!("{file}.yaml"));
    let Some(expr) = wrong else {
        return command::output(Command::new(promtool).args(["test", "rules"]).arg(original));
    };
    let n = WRONG.iter().position(|(_, other)| *other == expr);
    let dir = format!("wrong-{}-{file}", n.unwrap_or_default());
    let dir = workspace::scratch().join(dir);
    // The tests name the rules by a path relative to their own.
    let copy = dir.join("tests").join(file).with_extension("yaml");
    fs::create_dir_all(dir.join("tests"))
        .with_context(|| format!("cannot make {}", dir.display()))?;
    fs::write(
        dir.join("rules.yaml"),
        with_expression(rules, expr).to_string(),
    )
    .with_context(|| format!("cannot write {}/rules.yaml", dir.display()))?;
    fs::copy(&original, &copy).with_context(|| format!("cannot copy {}", original.display()))?;
    let mut test = Command::new(promtool);
    let output = test.args(["test", "rules"]).arg(copy).output();
    let output = output.context("cannot start promtool")?;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The rules with another expression in every alert.
fn with_expression(rules: &Value, expr: &str) -> Value {
    let mut wrong = rules.clone();
    for group in wrong["groups"].as_array_mut().into_iter().flatten() {
        for rule in group["rules"].as_array_mut().into_iter().flatten() {
            rule["expr"] = json!(expr);
            // Firing at once is wrong, too, and it makes texts and labels of no account.
            rule["for"] = json!("0s");
        }
    }
    wrong
}

/// The alerts that promtool's report of a failed test names.
fn failed_alerts(report: &str) -> BTreeSet<String> {
    report
        .lines()
        .filter_map(|line| line.trim().strip_prefix("alertname: ")?.split_once(','))
        .map(|(name, _time)| name.to_owned())
        .collect()
}

/// Names of the files of a directory with that ending, without it.
fn file_stems(dir: &str, ending: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(root(dir)).with_context(|| format!("cannot read {dir}"))?;
    let mut stems: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(ending)?.to_owned()))
        .collect();
    stems.sort_unstable();
    Ok(stems)
}

fn root(path: &str) -> PathBuf {
    workspace::root().join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_alerts_are_read_from_the_report() {
        let report = "  FAILED:\n    name: a thing,\n    alertname: EgressObserverDown, time: 25m, \n\
                      \x20       exp:[\n            0:\n";
        assert_eq!(
            failed_alerts(report),
            BTreeSet::from(["EgressObserverDown".to_owned()])
        );
    }
}
