//! `cargo xtask bench`: what the agent costs, measured on this machine.

#![expect(
    clippy::print_stdout,
    reason = "the table and the JSON are this task's product"
)]

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use egress_observer_tests::bench::{self, Binaries, Plan, decision::Decision, report};

use crate::output::Output;
use crate::setup::{apt, parts};
use crate::{build, command, workspace};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
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

pub(crate) fn run(args: &Args) -> Result<()> {
    if !apt::is_root()? {
        bail!("the bench makes network namespaces and loads eBPF programs: run it as root");
    }
    parts::commands()?;
    let binaries = binaries()?;
    eprintln!("-- the decision, without a node");
    let decision = Decision::read(&command::output(&mut decision())?)?;
    let figures = bench::run(&binaries, plan(args), decision, &mut |line| {
        eprintln!("-- {line}");
    })?;
    match args.output {
        Output::Table => print!("{}", report::table(&figures)),
        Output::Json => println!("{}", report::json(&figures)?),
    }
    Ok(())
}

/// What takes about a minute, or with `--quick` a quarter of one.
fn plan(args: &Args) -> Plan {
    let usual = if args.quick {
        Plan {
            rounds: 6,
            connections: 1_000,
            flows: 2_000,
            load: 60_000,
            churn_seconds: None,
        }
    } else {
        Plan {
            rounds: 40,
            connections: 3_000,
            flows: 10_000,
            load: 200_000,
            churn_seconds: None,
        }
    };
    Plan {
        rounds: args.rounds.unwrap_or(usual.rounds),
        connections: args.connections.unwrap_or(usual.connections),
        churn_seconds: args.churn,
        ..usual
    }
}

/// The agent as it is shipped. The other programs spend their time in system calls: to optimise
/// them takes longer than the bench and changes no figure.
fn binaries() -> Result<Binaries> {
    let agent = build::binary_to_test()?;
    let mut build = command::cargo();
    build
        .args(["build", "-p", "egress-observer-tests"])
        .args(["--bin", "traffic", "--bin", "bare-bpf"]);
    command::run(&mut build)?;
    Ok(Binaries {
        agent,
        traffic: built("traffic")?,
        bare_bpf: built("bare-bpf")?,
    })
}

/// Nothing but functions over values: a benchmark of the library itself.
fn decision() -> Command {
    let mut bench = command::cargo();
    bench
        .args(["bench", "--quiet", "-p", "egress-observer-tests"])
        .args(["--bench", "decision"]);
    bench
}

fn built(name: &str) -> Result<PathBuf> {
    let binary = workspace::target().join("debug").join(name);
    if !binary.is_file() {
        bail!(
            "the build succeeded, but there is no {} (is build.target set in cargo's configuration?)",
            binary.display()
        );
    }
    Ok(binary)
}
