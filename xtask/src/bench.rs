//! `cargo xtask bench`: what the agent costs, measured on this machine.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::output::Output;
use crate::setup::{apt, parts};
use crate::{build, command, harness, workspace};

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Pairs of measurements, with and without what is measured [default: 40, with --quick 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: Option<u32>,
    /// Connections of each measurement [default: 3000, with --quick 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: Option<u32>,
    /// Also lets pods come and go for so long, 2,000 a minute beside 500 that stay
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "180", value_parser = clap::value_parser!(u32).range(10..=86_400))]
    churn: Option<u32>,
    /// A smoke run: too short for its figures to be quoted
    #[arg(long)]
    quick: bool,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Returns only if it fails.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    if !apt::is_root()? {
        bail!("the bench makes network namespaces and loads eBPF programs: run it as root");
    }
    parts::commands()?;
    // The agent as it is shipped.
    let agent = build::binary_to_test()?;
    command::run(&mut harness::build(&["bench", "traffic", "bare-bpf"]))?;
    eprintln!("-- the decision, without a node");
    let decision = decision()?;
    let mut bench = harness::program("bench")?;
    bench.arg("--agent").arg(agent);
    bench.arg("--traffic").arg(harness::built("traffic")?);
    bench.arg("--bare-bpf").arg(harness::built("bare-bpf")?);
    bench.arg("--decision").arg(decision);
    bench.args(["--output", args.output.as_str()]);
    let numbers = [
        ("--rounds", args.rounds),
        ("--connections", args.connections),
        ("--churn", args.churn),
    ];
    for (name, number) in numbers {
        harness::option(&mut bench, name, number.map(|number| number.to_string()));
    }
    if args.quick {
        bench.arg("--quick");
    }
    Err(harness::go_on_as(&mut bench))
}

/// Nothing but functions over values: a benchmark of the library itself. Its figures are a file.
fn decision() -> Result<PathBuf> {
    let mut bench = command::cargo();
    bench
        .args(["bench", "--quiet", "-p", harness::PACKAGE])
        .args(["--bench", "decision"]);
    let figures = command::output(&mut bench)?;
    let file = workspace::target().join("decision.json");
    fs::write(&file, figures).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
