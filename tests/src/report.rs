//! The played story for people and for programs.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    columns::aligned,
    envoy::Policy,
    story::{CONNECTIONS, Change, DESTINATIONS, Fix, NAMESPACE, Played, Row},
};

/// The story as one JSON object.
pub fn json(played: &Played) -> Result<String> {
    let demo = Demo {
        api_version: "egress-observer.io/v1alpha1",
        kind: "Demo",
        right: played.is_right(),
        metrics_url: played.agent.metrics_url(),
        proxy_upstream: played.n_proxy_upstream,
        proxy_upstream_wanted: played.n_forwarded(),
        steps: played.rows.iter().map(step_report).collect(),
        fix: FixReport {
            suggestion: &played.fix.suggestion,
            predicted: &played.fix.predicted,
            steps: played.fix.rows.iter().map(step_report).collect(),
        },
    };
    serde_json::to_string_pretty(&demo).context("cannot write JSON")
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Demo<'a> {
    api_version: &'static str,
    kind: &'static str,
    right: bool,
    metrics_url: String,
    proxy_upstream: u64,
    proxy_upstream_wanted: u64,
    steps: Vec<StepReport<'a>>,
    fix: FixReport<'a>,
}

/// What was blocked, declared.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FixReport<'a> {
    /// What `suggest service-entries` printed.
    suggestion: &'a str,
    /// The groups of `what-if`.
    predicted: &'a [Change],
    steps: Vec<StepReport<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepReport<'a> {
    namespace: &'a str,
    workload: &'a str,
    policy: &'a str,
    command: String,
    destination: Destination,
    explained: &'a str,
    client: String,
    wanted: Finding<'a>,
    /// Null when the agent did not count exactly one connection.
    observed: Option<Finding<'a>>,
    right: bool,
    complaint: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Destination {
    service: &'static str,
    host: &'static str,
    ip: String,
    port: u16,
    protocol: &'static str,
}

#[derive(Debug, Serialize)]
struct Finding<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    path: &'a str,
    registry: &'a str,
    verdict: &'a str,
    reason: &'a str,
}

fn step_report(row: &Row) -> StepReport<'_> {
    let Row {
        step,
        predicted,
        saw,
        observed,
        complaint,
    } = row;
    StepReport {
        namespace: NAMESPACE,
        workload: step.workload,
        policy: step.policy.as_str(),
        command: step.command_line(),
        destination: Destination {
            service: step.service(),
            host: step.server.host,
            ip: step.server.v4.to_string(),
            port: step.port,
            protocol: "tcp",
        },
        explained: predicted,
        client: saw.to_string(),
        wanted: Finding {
            expected: Some(step.wanted.expected),
            path: step.wanted.path,
            registry: step.wanted.registry,
            verdict: step.wanted.verdict,
            reason: step.wanted.reason,
        },
        observed: observed.as_ref().map(|observed| Finding {
            expected: None,
            path: &observed.path,
            registry: &observed.registry,
            verdict: &observed.verdict,
            reason: &observed.reason,
        }),
        right: row.is_right(),
        complaint: complaint.as_deref(),
    }
}

/// One line per connection, and one for the sidecars' own; below, complaints and what was suggested.
pub fn table(played: &Played) -> String {
    let head = [
        "what was done",
        "policy",
        "explain says",
        "client saw",
        "observed",
        "verdict",
        "",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(played.rows.iter().map(line));
    lines.push(fix_line(&played.fix));
    lines.extend(played.fix.rows.iter().map(line));
    lines.push(upstream_line(played));
    let mut text = aligned("", &lines);
    for row in played.rows.iter().chain(&played.fix.rows) {
        if let Some(complaint) = &row.complaint {
            let step = &row.step;
            text.push_str(&format!(
                "\nWRONG: {NAMESPACE}/{}: {}: {complaint}\n",
                step.workload,
                step.command_line()
            ));
        }
    }
    if !played.fix.predicted_is_right() {
        text.push_str(&format!("\nwhat-if said: {:#?}\n", played.fix.predicted));
    }
    text.push_str(&format!(
        "\nwhat was suggested, and applied:\n\n{}\n",
        played.fix.suggestion.trim_end()
    ));
    text
}

/// Of `suggest` and `what-if`, between the connections before and after.
fn fix_line(fix: &Fix) -> [String; 7] {
    let mut changes: Vec<String> = fix
        .predicted
        .iter()
        .map(|change| format!("{} -> {}", change.before.verdict, change.now.verdict))
        .collect();
    changes.dedup();
    [
        format!("{NAMESPACE}: suggest, what-if, kubectl apply"),
        Policy::RegistryOnly.as_str().to_owned(),
        changes.join(", "),
        String::new(),
        String::new(),
        String::new(),
        mark(fix.predicted_is_right()),
    ]
}

fn upstream_line(played: &Played) -> [String; 7] {
    let (n, wanted) = (played.n_proxy_upstream, played.n_forwarded());
    [
        format!("the sidecars' own connections: {n} of {wanted}"),
        String::new(),
        String::new(),
        String::new(),
        (if n > 0 { "direct" } else { "nothing" }).to_owned(),
        "proxy_upstream".to_owned(),
        mark(n == wanted),
    ]
}

fn line(row: &Row) -> [String; 7] {
    let step = &row.step;
    let (path, verdict) = match &row.observed {
        Some(observed) => (
            observed.path.clone(),
            format!("{} ({})", observed.verdict, observed.reason),
        ),
        None => ("nothing".to_owned(), "-".to_owned()),
    };
    [
        format!("{NAMESPACE}/{}: {}", step.workload, step.command_line()),
        step.policy.as_str().to_owned(),
        row.predicted.clone(),
        row.saw.to_string(),
        path,
        verdict,
        mark(row.is_right()),
    ]
}

fn mark(right: bool) -> String {
    (if right { "ok" } else { "WRONG" }).to_owned()
}

/// The two families of connections, as the scrape has them.
pub fn families(played: &Played) -> String {
    played.scrape.families(&[CONNECTIONS, DESTINATIONS])
}
