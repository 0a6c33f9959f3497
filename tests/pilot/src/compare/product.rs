//! `egress-observer explain`, asked for many destinations at once.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::generate::World;

/// What it says of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub verdict: String,
    pub reason: String,
    /// `routed.cluster`.
    pub cluster: Option<String>,
    /// `routed.host`; before there was that, `registry.host`.
    pub host: Option<String>,
    /// The object that it names.
    pub object: String,
    pub outcome: String,
}

impl Answer {
    pub(crate) fn read(value: &Value) -> Self {
        let routed = &value["routed"];
        let registry = &value["registry"];
        let object = routed["object"].as_str().map(str::to_owned);
        let object = object.unwrap_or_else(|| {
            let [kind, namespace, name] =
                ["kind", "namespace", "name"].map(|field| text(&registry[field]));
            format!("{kind} {namespace}/{name}")
        });
        let host = routed["host"]
            .as_str()
            .or_else(|| registry["host"].as_str());
        Self {
            verdict: text(&value["verdict"]),
            reason: text(&value["reason"]),
            cluster: routed["cluster"].as_str().map(str::to_owned),
            host: host.map(str::to_owned),
            object,
            outcome: text(&value["outcome"]),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// All answers, in the order of the destinations.
pub(super) fn ask(binary: &Path, world: &World) -> Result<Vec<Answer>> {
    let dir = std::env::temp_dir().join(format!("egress-observer-pilot-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let file = dir.join("manifests.json");
    std::fs::write(
        &file,
        serde_json::json!({
            "apiVersion": "v1", "kind": "List", "items": world.manifests,
        })
        .to_string(),
    )?;
    let pod = format!("{}/client", world.client.namespace);
    let mut explain = Command::new(binary)
        .arg("explain")
        .arg("--manifests")
        .arg(&file)
        .args(["--pod", &pod, "--to", "-", "-o", "json", "--log", "error"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let lines: String = world
        .destinations
        .iter()
        .map(|destination| format!("{destination}\n"))
        .collect();
    let mut stdin = explain.stdin.take().context("it has no standard input")?;
    let feed = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = explain.wait_with_output()?;
    feed.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    std::fs::remove_dir_all(&dir)?;
    let text = String::from_utf8(output.stdout)?;
    let answers: Vec<Answer> = text
        .lines()
        .map(|line| Ok(Answer::read(&serde_json::from_str(line)?)))
        .collect::<Result<_>>()?;
    ensure!(
        answers.len() == world.destinations.len(),
        "{} answers for {} destinations ({})",
        answers.len(),
        world.destinations.len(),
        output.status,
    );
    Ok(answers)
}
