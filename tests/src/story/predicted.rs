//! What `explain` says about a step before it is done.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::step::{NAMESPACE, Step};
use crate::{node::Node, pod::User};

/// The part of an `Explanation` that can be compared.
#[derive(Deserialize)]
struct Explanation {
    verdict: String,
}

/// The verdict that the manifests alone lead to, from the binary as it is shipped.
pub(super) fn predict(binary: &Path, node: &Node, step: &Step) -> Result<String> {
    let pod = &node.pod(NAMESPACE, step.workload)?.name;
    let User { uid, gid } = User::APP;
    let to = format!("{}@{}:{}", step.server.host, step.server.v4, step.port);
    let output = Command::new(binary)
        .args(["explain", "--output", "json", "--to", &to])
        .args(["--pod", &format!("{NAMESPACE}/{pod}")])
        .args(["--uid", &uid.to_string(), "--gid", &gid.to_string()])
        .arg("--manifests")
        .arg(node.manifests())
        .output()
        .context("cannot run explain")?;
    ensure!(output.status.success(), "explain failed: {output:?}");
    let explanation: Explanation =
        serde_json::from_slice(&output.stdout).context("what explain printed")?;
    Ok(explanation.verdict)
}
