//! `egress-observer suggest exclusions`.

use anyhow::{Context as _, Result};
use clap::Args;

use crate::commands::{
    flows::{FlowSource, bad_lines},
    manifests::{GivenObjects, ManifestPaths},
    outcome::Outcome,
    output::{OutputFormat, print},
    write_out,
};
use crate::suggest::exclusions::{ExclusionCluster, Exclusions};

const MANIFESTS: &str = "Files or directories with Pods, their workloads, Services and Istio's ConfigMaps as YAML or JSON: \
     what is excluded today, and where the API server is";

/// Settings of `suggest exclusions`.
#[derive(Debug, Args)]
#[command(mut_group("FlowSource", |group| group.required(true)))]
#[command(mut_arg("manifests", |arg| arg.help(MANIFESTS)))]
pub struct ExclusionsArgs {
    #[command(flatten)]
    flows: FlowSource,
    #[command(flatten)]
    paths: ManifestPaths,
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: OutputFormat,
}

/// Prints them.
pub fn run(args: &ExclusionsArgs) -> Result<Outcome> {
    let given = GivenObjects::read(&args.paths)?;
    let outcome = given.outcome();
    let cluster = ExclusionCluster::new(given.objects);
    let mut exclusions = Exclusions::new(&cluster);
    let n_bad = args.flows.each(&mut |flow| {
        exclusions.add(&flow);
        Ok(())
    })?;
    let found = exclusions.suggest();
    if found.is_empty() {
        tracing::info!("no connection to a well-known address that a sidecar got");
        // In text they would stand below what there is not.
        for note in found
            .notes
            .iter()
            .filter(|_| args.output == OutputFormat::Text)
        {
            tracing::info!("{note}");
        }
    }
    write_out(|out| print(out, args.output, &found)).context("writing to standard output")?;
    Ok(outcome.and(Outcome::of_lines(bad_lines(n_bad))))
}
