//! `egress-observer suggest exclusions`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use super::{
    super::{
        flows::{FlowSource, bad_lines},
        write_out,
    },
    Output,
};
use crate::suggest::exclusions::{ExclusionCluster, Exclusions};
use egress_observer_istio::manifests;

/// Settings of `suggest exclusions`.
#[derive(Debug, Args)]
#[command(mut_group("FlowSource", |group| group.required(true)))]
pub struct ExclusionsArgs {
    #[command(flatten)]
    flows: FlowSource,
    /// Files or directories with Pods, their workloads, Services and Istio's ConfigMaps as YAML or JSON:
    /// what is excluded today, and where the API server is.
    #[arg(long, num_args = 1.., value_name = "PATH", value_delimiter = ',', env = "EGRESS_OBSERVER_MANIFESTS")]
    manifests: Vec<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Prints them.
pub fn run(args: &ExclusionsArgs) -> Result<()> {
    let cluster = ExclusionCluster::new(manifests::objects(&args.manifests)?);
    let mut exclusions = Exclusions::new(&cluster);
    let n_bad = args.flows.each(&mut |flow| {
        exclusions.add(&flow);
        Ok(())
    })?;
    let found = exclusions.suggest();
    if found.is_empty() {
        tracing::info!("no connection to a well-known address that a sidecar got");
        // In text they would stand below what there is not.
        for note in found.notes.iter().filter(|_| args.output == Output::Text) {
            tracing::info!("{note}");
        }
    }
    write_out(|out| super::print(out, args.output, &found))
        .context("writing to standard output")?;
    Ok(bad_lines(n_bad)?)
}
