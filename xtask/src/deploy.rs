//! `cargo xtask deploy`: what a cluster is given, made and checked with the tools that users have.
//!
//! The chart is the source. The kustomize base and the table of values in `docs/install.md` are made
//! from it, and the checks fail where they differ.

mod cases;
mod dashboards;
mod helm;
mod kustomize;
mod lint;
mod objects;
mod parallel;
mod policy;
mod promtool;
mod refused;
mod schema;
mod settings;
mod values;

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::{Args as ClapArgs, Subcommand};

use helm::{Helm, Release};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
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

#[derive(ClapArgs, Debug)]
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

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.action {
        Action::Render(args) => render(args),
        Action::Generate => {
            kustomize::write(&Helm::find()?)?;
            values::write()
        }
        Action::Lint => lint::run(),
    }
}

fn render(args: &RenderArgs) -> Result<()> {
    let set = args.set.iter().flat_map(|set| ["--set", set]);
    let values = args.values.iter().flat_map(|file| ["--values", file]);
    let release = Release {
        name: &args.name,
        namespace: &args.namespace,
        kube_version: args.kube_version.as_deref(),
    };
    let manifests = Helm::find()?.template(&release, set.chain(values))?;
    std::io::stdout()
        .write_all(manifests.as_bytes())
        .context("writing the manifests")
}

pub(crate) use lint::run as lint;
