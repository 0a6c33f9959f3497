//! `pilot`: the oracle as a program.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use egress_observer_pilot::compare::{self, Disagreement, Report};
use egress_observer_pilot::generate::World;

#[derive(Parser)]
#[command(about = "What istiod and Envoy make of manifests, beside what egress-observer says")]
struct Cli {
    #[command(subcommand)]
    command: SubCommand,
}

#[derive(Subcommand)]
enum SubCommand {
    /// Compares egress-observer's answers about random clusters with the oracle's
    Compare(Compare),
}

#[derive(Args)]
struct Compare {
    /// The program egress-observer
    #[arg(long)]
    bin: PathBuf,
    /// What the cases are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random clusters
    #[arg(long, default_value_t = 500)]
    cases: u64,
    /// Only the case of that number
    #[arg(long)]
    case: Option<u64>,
    /// How many disagreements to print
    #[arg(long, default_value_t = 10)]
    show: usize,
}

fn main() -> ExitCode {
    let Cli {
        command: SubCommand::Compare(args),
    } = Cli::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("pilot: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Compare) -> Result<bool> {
    let mut report = Report::default();
    let cases = match args.case {
        Some(case) => case..case + 1,
        None => 0..args.cases,
    };
    for case in cases {
        let before = report.disagreements.len();
        let world = compare::case(&args.bin, args.seed, case, &mut report)?;
        let n_shown = args.show.saturating_sub(before);
        let new = &report.disagreements[before..];
        if let Some(first) = new.first()
            && n_shown > 0
        {
            print_world(args, first.case, &world)?;
            new.iter().take(n_shown).for_each(print);
        }
    }
    let Report {
        n_answers,
        n_unknown,
        n_depends,
        ref disagreements,
    } = report;
    println!(
        "{n_answers} answers: {} disagree, {n_unknown} unknown ({} %), {n_depends} right for some clients",
        disagreements.len(),
        n_unknown * 100 / n_answers.max(1),
    );
    Ok(disagreements.is_empty())
}

fn print_world(args: &Compare, case: u64, world: &World) -> Result<()> {
    let client = &world.client;
    println!(
        "=== --seed {} --case {case}: {}/client, Istio 1.{}, DNS capture {}",
        args.seed, client.namespace, client.version.0, client.dns_capture,
    );
    for object in &world.manifests {
        let is_frame = object["kind"] == "Namespace" || object["kind"] == "Pod";
        if !is_frame {
            print!("---\n{}", serde_saphyr::to_string(object)?);
        }
    }
    Ok(())
}

fn print(disagreement: &Disagreement) {
    let answer = &disagreement.answer;
    println!("* {}: {}", disagreement.destination, disagreement.why);
    for (says, outcome) in &disagreement.expected.outcomes {
        println!("    oracle, {says}: {outcome}");
    }
    println!(
        "    product: {} ({}), cluster {:?}, {}: {}",
        answer.verdict, answer.reason, answer.cluster, answer.object, answer.outcome,
    );
}
