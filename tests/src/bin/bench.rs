//! What `cargo xtask bench` runs: what the agent costs, measured on this machine.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table and the JSON are this program's product"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use egress_observer_tests::bench::{
    self,
    decision::Decision,
    plan::{BenchPlan, Binaries},
    report,
};
use egress_observer_tests::form::Form;

/// Measures what the agent costs (needs root).
#[derive(Parser)]
struct Arguments {
    /// The agent to measure.
    #[arg(long, value_name = "FILE")]
    agent: PathBuf,
    /// The load generator.
    #[arg(long, value_name = "FILE")]
    traffic: PathBuf,
    /// What attaches programs that do nothing.
    #[arg(long, value_name = "FILE")]
    bare_bpf: PathBuf,
    /// What the benchmark of the decision printed.
    #[arg(long, value_name = "FILE")]
    decision: PathBuf,
    /// Pairs of measurements, with and without what is measured.
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Connections of each measurement.
    #[arg(long, value_name = "N")]
    connections: Option<u32>,
    /// Also lets pods come and go for so long.
    #[arg(long, value_name = "SECONDS")]
    churn: Option<u32>,
    /// A smoke run: too short for its figures to be quoted.
    #[arg(long)]
    quick: bool,
    /// What to print on standard output.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    output: Form,
}

fn main() -> ExitCode {
    match measure(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: Arguments) -> Result<()> {
    let file = &arguments.decision;
    let decision = std::fs::read_to_string(file);
    let decision = decision.with_context(|| format!("cannot read {}", file.display()))?;
    let decision = Decision::read(&decision)?;
    let (plan, form) = (plan(&arguments), arguments.output);
    let binaries = Binaries {
        agent: arguments.agent,
        traffic: arguments.traffic,
        bare_bpf: arguments.bare_bpf,
    };
    let figures = bench::run(&binaries, plan, decision, &mut |line| {
        eprintln!("-- {line}");
    })?;
    match form {
        Form::Table => print!("{}", report::table(&figures)),
        Form::Json => println!("{}", report::json(&figures)?),
    }
    Ok(())
}

/// What takes about a minute, or with `--quick` a quarter of one.
fn plan(arguments: &Arguments) -> BenchPlan {
    let usual = if arguments.quick {
        BenchPlan {
            rounds: 6,
            connections: 1_000,
            flows: 2_000,
            load: 60_000,
            churn_seconds: None,
        }
    } else {
        BenchPlan {
            rounds: 40,
            connections: 3_000,
            flows: 10_000,
            load: 200_000,
            churn_seconds: None,
        }
    };
    BenchPlan {
        rounds: arguments.rounds.unwrap_or(usual.rounds),
        connections: arguments.connections.unwrap_or(usual.connections),
        churn_seconds: arguments.churn,
        ..usual
    }
}
