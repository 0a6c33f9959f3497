//! `cargo xtask deploy`: what a cluster is given, made and checked with the tools that users have.
//!
//! The chart is the source. The kustomize base and the table of values in `docs/install.md` are made
//! from it, and the checks fail where they differ; both are in the crate below `tests/chart`.

use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::setup::{charts, parts};
use crate::{command, workspace};

/// Where the chart is, from the repository's root.
const CHART: &str = "deploy/charts/egress-observer";

/// The crate of the checks, and what switches them on.
pub(crate) const CHECKS: &str = "egress-observer-chart";
pub(crate) const CHECKS_FEATURE: &str = "egress-observer-chart/tools";

#[derive(Args, Debug)]
pub(crate) struct DeployArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Print the manifests that the chart makes
    Render(RenderArgs),
    /// Make the kustomize base and the table of values in docs/install.md anew
    Generate,
    /// Check chart, kustomize, alerts and dashboards
    Lint,
}

#[derive(Args, Debug)]
struct RenderArgs {
    /// Values, as `helm --set` takes them
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Files with values
    #[arg(long, value_name = "FILE")]
    values: Vec<String>,
    #[arg(long, default_value = "egress-observer")]
    namespace: String,
    /// The release's name
    #[arg(long, default_value = "egress-observer")]
    name: String,
    /// The cluster's version [default: the newest that helm knows]
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
}

pub(crate) fn run(args: &DeployArgs) -> Result<()> {
    match &args.action {
        Action::Render(args) => render(args),
        Action::Generate => generate(),
        Action::Lint => lint(),
    }
}

fn render(args: &RenderArgs) -> Result<()> {
    let mut template = Command::new(charts::helm()?);
    template
        .current_dir(workspace::root())
        .args(["template", &args.name, CHART])
        .args(["--namespace", &args.namespace]);
    if let Some(version) = &args.kube_version {
        template.args(["--kube-version", version]);
    }
    for set in &args.set {
        template.args(["--set", set]);
    }
    for file in &args.values {
        template.args(["--values", file]);
    }
    command::run(&mut template)
}

fn generate() -> Result<()> {
    let mut generate = command::cargo();
    generate
        .args(["run", "--quiet", "-p", CHECKS])
        .env("EGRESS_OBSERVER_HELM", charts::helm()?);
    command::run(&mut generate)
}

/// The same as the tier of `cargo xtask test`.
fn lint() -> Result<()> {
    let mut checks = command::cargo();
    checks.args(["test", "--quiet", "-p", CHECKS]).args([
        "--features",
        CHECKS_FEATURE,
        "--test",
        "checks",
    ]);
    with_tools(&mut checks)?;
    // What each check has looked at.
    command::run(checks.args(["--", "--show-output"]))
}

/// Tells the checks where their tools are, after finding or installing them.
pub(crate) fn with_tools(checks: &mut Command) -> Result<()> {
    let validator = charts::validator()?;
    checks
        .env("EGRESS_OBSERVER_HELM", charts::helm()?)
        .env("EGRESS_OBSERVER_KUBECTL", charts::kubectl()?)
        .env("EGRESS_OBSERVER_PROMTOOL", parts::promtool()?)
        .env("EGRESS_OBSERVER_PYTHON", validator.python)
        .env("EGRESS_OBSERVER_KUBERNETES_VALIDATE", validator.dir);
    Ok(())
}
