//! The way out that leaves the mesh in control, taken from what was observed: what the agent
//! recorded as blocked is declared by ServiceEntries that `suggest` writes and `what-if` tries.
//! Then the same commands succeed.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    cast::record_file,
    row::Row,
    stage::Stage,
    step::{NAMESPACE, fix_steps},
};
use crate::{envoy::Policy, process::output, record, wait};

/// From a connection to its line; the agent writes every second.
const RECORDED: Duration = Duration::from_secs(15);

/// What was suggested, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// YAML, as it was applied.
    pub suggestion: String,
    /// What `what-if` says of it.
    pub predicted: Vec<Change>,
    /// The commands that were blocked before.
    pub rows: Vec<Row>,
}

/// Connections of one workload to one destination that a change of the configuration changes, as
/// `what-if` tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Change {
    pub when: String,
    pub workload: String,
    pub destination: String,
    pub port: u16,
    pub before: Judged,
    pub now: Judged,
    pub connections: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Judged {
    pub verdict: String,
}

impl Judged {
    fn new(verdict: &str) -> Self {
        Self {
            verdict: verdict.to_owned(),
        }
    }
}

impl Fix {
    pub fn is_right(&self) -> bool {
        self.predicted_is_right() && self.rows.iter().all(Row::is_right)
    }

    /// Whether `what-if` said what then happened.
    pub fn predicted_is_right(&self) -> bool {
        self.predicted == wanted()
    }
}

/// Each blocked connection becomes what its step wants, at once, and nothing else changes.
fn wanted() -> Vec<Change> {
    let changes = fix_steps().into_iter().map(|step| Change {
        when: "at_once".to_owned(),
        workload: step.workload.to_owned(),
        destination: step.service().to_owned(),
        port: step.port,
        before: Judged::new("blocked"),
        now: Judged::new(step.wanted.verdict),
        connections: 1,
    });
    changes.collect()
}

/// Does it, on a stage where the steps of the fix were blocked before, once each.
pub(super) fn play(stage: &mut Stage<'_>) -> Result<Fix> {
    stage.change_policy(Policy::RegistryOnly)?;
    let blocked = blocked(stage)?;
    let flows = stage.node.run().dir().join("blocked.jsonl");
    fs::write(&flows, blocked).with_context(|| format!("cannot write {}", flows.display()))?;

    (stage.say)("what was blocked: egress-observer suggest service-entries");
    let suggestion = output(
        Command::new(stage.binary)
            .args(["suggest", "service-entries", "--namespace", NAMESPACE])
            .arg("--manifests")
            .arg(stage.node.manifests())
            .arg("--flows")
            .arg(&flows),
    )?;
    let file = stage.node.run().dir().join("suggestion.yaml");
    fs::write(&file, &suggestion).with_context(|| format!("cannot write {}", file.display()))?;

    (stage.say)("what it would change: egress-observer what-if");
    let answer = output(
        Command::new(stage.binary)
            .args(["what-if", "--output", "json", "--manifests"])
            .arg(stage.node.manifests())
            .arg("--apply")
            .arg(&file)
            .arg("--flows")
            .arg(&flows),
    )?;
    let predicted = changes(&answer)?;

    (stage.say)("applying it");
    stage.change(|node| node.apply("suggestion.yaml", NAMESPACE, &suggestion))?;
    let rows = fix_steps().into_iter().map(|step| stage.play(step));
    Ok(Fix {
        suggestion,
        predicted,
        rows: rows.collect::<Result<_>>()?,
    })
}

/// The recorded lines about what was blocked, once all of them are there.
fn blocked(stage: &mut Stage<'_>) -> Result<String> {
    let file = record_file(&stage.node);
    let agent = &mut stage.agent;
    let arrived = wait::until("the agent records what was blocked", RECORDED, || {
        agent.check_running()?;
        let mut lines = record::read(&file)?;
        lines.retain(|(_, finding)| finding.verdict == "blocked");
        let n: u64 = lines.iter().map(|(_, finding)| finding.count).sum();
        Ok((n >= fix_steps().len() as u64).then_some(lines))
    });
    let lines = arrived.with_context(|| format!("the agent's log:\n{}", agent.log()))?;
    Ok(lines
        .into_iter()
        .flat_map(|(line, _)| [line, "\n".to_owned()])
        .collect())
}

/// The groups of a `WhatIf`, by destination and port.
fn changes(answer: &str) -> Result<Vec<Change>> {
    #[derive(Deserialize)]
    struct WhatIf {
        groups: Vec<Change>,
    }
    let mut answer: WhatIf = serde_json::from_str(answer).context("what what-if printed")?;
    answer.groups.sort();
    Ok(answer.groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_an_answer_are_compared_whole() {
        let group = |port: u16| {
            format!(
                r#"{{"when":"at_once","namespace":"shop","workload":"sleep","destination":"www.baidu.com","port":{port},"protocol":"tcp","before":{{"verdict":"blocked","reason":"included_range"}},"now":{{"verdict":"mediated","reason":"included_range"}},"staleAlready":false,"flows":1,"connections":1}}"#
            )
        };
        let answer = |groups: &[u16]| {
            let groups: Vec<_> = groups.iter().map(|port| group(*port)).collect();
            changes(&format!(
                r#"{{"kind":"WhatIf","groups":[{}]}}"#,
                groups.join(",")
            ))
            .unwrap()
        };
        assert_eq!(answer(&[443, 80]), wanted());
        assert_ne!(answer(&[443]), wanted());
    }
}
