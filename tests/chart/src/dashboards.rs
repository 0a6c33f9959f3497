//! The dashboards, and every query of theirs and of the alerts: what is asked for exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::command;
use crate::objects::list;
use crate::promtool;
use crate::workspace;

const DIR: &str = "deploy/grafana";
const METRICS: &str = "docs/metrics.md";

/// Grafana's own variables with what they may stand for.
const OF_GRAFANA: [(&str, &str); 2] = [("$__rate_interval", "4m"), ("$__range", "6h")];

/// Labels of the target, which the scrape adds to every metric.
const OF_TARGETS: [&str; 5] = ["cluster", "instance", "job", "node", "pod"];

/// Metrics of others, which have no page here.
const OF_OTHERS: [&str; 3] = [
    "up",
    "istio_requests_total",
    "istio_tcp_connections_opened_total",
];

/// A dashboard with the name of its file.
type Dashboard = (String, Value);

/// Every query with the place where it is.
type Query = (String, String);

/// Dashboards that Grafana can load from a ConfigMap, and that can be linked to.
pub fn check_dashboards() -> Result<String> {
    let dashboards = read()?;
    let mut faults = Vec::new();
    let mut uids = BTreeSet::new();
    for (name, dashboard) in &dashboards {
        let found = faults_of(dashboard);
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
        if !uids.insert(dashboard["uid"].as_str()) {
            faults.push(format!("{name}: its uid is another's, too"));
        }
    }
    if !faults.is_empty() {
        bail!("{DIR}:\n{}", faults.join("\n"));
    }
    let n: usize = dashboards.iter().map(|(_, d)| panels(d).len()).sum();
    Ok(format!("{} dashboards, {n} panels", dashboards.len()))
}

/// Every metric and every label that a query names is in the documentation, and promtool can read
/// the query.
pub fn check_queries(promtool: &Path) -> Result<String> {
    let mut queries = Vec::new();
    for (name, dashboard) in read()? {
        queries.extend(queries_of(&name, &dashboard));
    }
    for alert in promtool::alerts(&promtool::rules()?) {
        let expr = alert["expr"].as_str().unwrap_or_default();
        queries.push((alert["alert"].to_string(), expr.to_owned()));
    }
    let page = fs::read_to_string(workspace::root().join(METRICS)).context(METRICS)?;
    let documented = documented(&page);
    let mut faults = BTreeSet::new();
    for (place, query) in &queries {
        let found = unknown(query, &documented).into_iter();
        faults.extend(found.map(|fault| format!("{place}: {fault}")));
    }
    if !faults.is_empty() {
        let faults: Vec<String> = faults.into_iter().collect();
        bail!("not in {METRICS}:\n{}", faults.join("\n"));
    }
    parse(promtool, &queries)?;
    Ok(format!("{} queries", queries.len()))
}

fn read() -> Result<Vec<Dashboard>> {
    let dir = workspace::root().join(DIR);
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot read {DIR}"))?;
    let mut dashboards = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {DIR}"))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let dashboard = serde_json::from_str(&text).with_context(|| format!("{name}: no JSON"))?;
        dashboards.push((name, dashboard));
    }
    dashboards.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(dashboards)
}

fn panels(dashboard: &Value) -> &[Value] {
    list(&dashboard["panels"])
}

fn faults_of(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if !dashboard["id"].is_null() || !dashboard["__inputs"].is_null() {
        faults.push("exported for import: it has an id or inputs".to_owned());
    }
    if dashboard["uid"].as_str().is_none_or(|uid| uid.len() > 40) {
        faults.push("no uid of at most 40 characters".to_owned());
    }
    let variables = list(&dashboard["templating"]["list"]);
    if variables
        .first()
        .is_none_or(|first| first["name"] != "datasource")
    {
        faults.push("the first variable is not the data source".to_owned());
    }
    let mut ids = BTreeSet::new();
    for panel in panels(dashboard) {
        let title = &panel["title"];
        if !ids.insert(panel["id"].as_u64()) {
            faults.push(format!("panel {title}: its id is another's, too"));
        }
        for target in list(&panel["targets"]) {
            if target["datasource"]["uid"] != "${datasource}" {
                faults.push(format!("panel {title}: not of the chosen data source"));
            }
            for used in variables_of(target["expr"].as_str().unwrap_or_default()) {
                let known = variables.iter().any(|variable| variable["name"] == used);
                if !known && !OF_GRAFANA.iter().any(|(name, _)| name[1..] == used) {
                    faults.push(format!("panel {title}: no variable ${used}"));
                }
            }
        }
        if panel["type"] != "row" && list(&panel["targets"]).is_empty() {
            faults.push(format!("panel {title}: no query"));
        }
    }
    faults
}

/// Names behind a dollar sign.
fn variables_of(expr: &str) -> Vec<String> {
    expr.split('$')
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| is_word(*c)).collect())
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The queries of panels and of variables; in place of a variable stands what fits everywhere.
fn queries_of(name: &str, dashboard: &Value) -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in panels(dashboard) {
        for target in list(&panel["targets"]) {
            let expr = target["expr"].as_str().unwrap_or_default();
            queries.push((
                format!("{name}: panel {}", panel["title"]),
                without_variables(expr),
            ));
        }
    }
    for variable in list(&dashboard["templating"]["list"]) {
        let definition = variable["definition"].as_str().unwrap_or_default();
        let series = definition
            .strip_prefix("label_values(")
            .and_then(|rest| rest.rsplit_once(", "));
        if let Some((series, _label)) = series {
            let place = format!("{name}: variable {}", variable["name"]);
            queries.push((place, without_variables(series)));
        }
    }
    queries
}

fn without_variables(expr: &str) -> String {
    let mut expr = expr.to_owned();
    for (variable, value) in OF_GRAFANA {
        expr = expr.replace(variable, value);
    }
    for variable in variables_of(&expr) {
        expr = expr.replace(&format!("${variable}"), "x");
    }
    expr
}

/// The metrics that the page has a row for, with their labels.
fn documented(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics = BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, "counter" | "gauge", labels, ..] = cells.as_slice()
            && let [name] = quoted(name).as_slice()
        {
            metrics.insert(name.clone(), quoted(labels).into_iter().collect());
        }
    }
    metrics
}

/// The words of a cell that stand in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Metrics and labels in a query that are not documented.
fn unknown(query: &str, documented: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    for (metric, labels) in selectors(query) {
        if OF_OTHERS.contains(&metric.as_str()) {
            continue;
        }
        let Some(known) = documented.get(&metric) else {
            faults.push(metric);
            continue;
        };
        for label in labels {
            if !known.contains(&label) && !OF_TARGETS.contains(&label.as_str()) {
                faults.push(format!("label {label} of {metric}"));
            }
        }
    }
    faults
}

/// Each metric of a query with the labels that it is selected by. A metric is a name of ours, of a
/// process or of others; in PromQL everything else that looks like a name is a function, a keyword
/// or a label.
fn selectors(query: &str) -> Vec<(String, Vec<String>)> {
    let prefixes = ["egress_observer_", "process_", "istio_"];
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_word) {
        let word: String = rest[start..].chars().take_while(|c| is_word(*c)).collect();
        rest = &rest[start + word.len()..];
        if word == "up" || prefixes.iter().any(|prefix| word.starts_with(prefix)) {
            let matchers = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            found.push((
                word,
                matchers.map_or_else(Vec::new, |(inner, _)| labels(inner)),
            ));
        }
    }
    found
}

/// The labels of `a="b",c=~"d"`. No value in our queries has a comma or a brace.
fn labels(matchers: &str) -> Vec<String> {
    matchers
        .split(',')
        .map(|matcher| matcher.chars().take_while(|c| is_word(*c)).collect())
        .filter(|label: &String| !label.is_empty())
        .collect()
}

/// Has promtool read the queries, as rules that record them.
fn parse(promtool: &Path, queries: &[Query]) -> Result<()> {
    let rules: Vec<Value> = queries
        .iter()
        .enumerate()
        .map(|(n, (place, query))| json!({"record": format!("q:{n}"), "expr": query, "labels": {"place": place}}))
        .collect();
    let file = workspace::scratch().join("queries.yaml");
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let rules = json!({"groups": [{"name": "queries", "rules": rules}]});
    fs::write(&file, rules.to_string())
        .with_context(|| format!("cannot write {}", file.display()))?;
    command::output(Command::new(promtool).args(["check", "rules"]).arg(&file)).map(|_said| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_labels_that_are_not_documented_are_found() {
        let page = "| `egress_observer_a_total` | counter | `x`, `y` | Text. |\n";
        let documented = documented(page);
        let unknown = |query: &str| unknown(query, &documented);
        let none: [String; 0] = [];
        assert_eq!(
            unknown(r#"sum by (x) (rate(egress_observer_a_total{x="1",job="j"}[5m]))"#),
            none
        );
        assert_eq!(unknown("egress_observer_b"), ["egress_observer_b"]);
        assert_eq!(
            unknown(r#"egress_observer_a_total{z=~"1"} or up"#),
            ["label z of egress_observer_a_total"]
        );
    }

    #[test]
    fn variables_are_replaced_by_what_promtool_can_read() {
        let expr = r#"rate(a{b=~"$node"}[$__rate_interval])"#;
        assert_eq!(without_variables(expr), r#"rate(a{b=~"x"}[4m])"#);
        assert_eq!(variables_of(expr), ["node", "__rate_interval"]);
    }
}
