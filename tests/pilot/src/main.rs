//! `pilot`: the oracle as a program.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use egress_observer_pilot::compare::{self, Disagreement, Report};
use egress_observer_pilot::generate::{self, World};
use egress_observer_pilot::real::{self, Compared};

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
    /// Compares the oracle's matcher with where connections really arrive in an Envoy
    Envoy(Envoy),
}

#[derive(Args)]
struct Envoy {
    /// The program Envoy
    #[arg(long, env = "EGRESS_OBSERVER_ENVOY")]
    envoy: PathBuf,
    /// What the cases are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random clusters
    #[arg(long, default_value_t = 40)]
    cases: u64,
    /// Only the case of that number
    #[arg(long)]
    case: Option<u64>,
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
    /// How many disagreements to print, each of another kind and with as few objects as it needs
    #[arg(long, default_value_t = 10)]
    show: usize,
    /// Only disagreements whose kind, as the table at the end has it, contains this
    #[arg(long)]
    kind: Option<String>,
}

fn main() -> ExitCode {
    let is_good = match Cli::parse().command {
        SubCommand::Compare(args) => run(&args),
        SubCommand::Envoy(args) => envoy(&args),
    };
    match is_good {
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
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_shown = 0;
    let cases = match args.case {
        Some(case) => case..case + 1,
        None => 0..args.cases,
    };
    for case in cases {
        let before = report.disagreements.len();
        let world = compare::case(&args.bin, args.seed, case, &mut report)?;
        for found in &report.disagreements[before..] {
            let kind = found.kind();
            let is_wanted = args.kind.as_ref().is_none_or(|part| kind.contains(part));
            let count = kinds.entry(kind).or_default();
            *count += 1;
            let is_new = *count == 1 || args.kind.is_some() || args.case.is_some();
            if is_wanted && is_new && n_shown < args.show {
                n_shown += 1;
                let (world, found) = compare::smallest(&args.bin, &world, found)?;
                print(args, &world, &found)?;
            }
        }
    }
    for (kind, count) in &kinds {
        println!("{count:7} {kind}");
    }
    print_sums(&report);
    Ok(report.disagreements.is_empty())
}

fn envoy(args: &Envoy) -> Result<bool> {
    let cases = match args.case {
        Some(case) => case..case + 1,
        None => 0..args.cases,
    };
    let mut whole = Compared::default();
    for case in cases {
        let world = generate::world(args.seed, case);
        let compared = real::case(&args.envoy, &world)?;
        for difference in &compared.differences {
            println!("--seed {} --case {case}: {difference}", args.seed);
        }
        whole.add(compared);
    }
    let arrivals: Vec<String> = whole
        .n_by_arrival
        .iter()
        .map(|(arrival, count)| format!("{arrival} {count}"))
        .collect();
    println!(
        "{} connections ({}), {} differences",
        whole.n_connections,
        arrivals.join(", "),
        whole.differences.len(),
    );
    Ok(whole.differences.is_empty())
}

fn print_sums(report: &Report) {
    let Report {
        n_answers,
        n_unknown,
        n_depends,
        ref disagreements,
    } = *report;
    println!(
        "{n_answers} answers: {} disagree, {n_unknown} unknown ({} %), {n_depends} right for some clients",
        disagreements.len(),
        n_unknown * 100 / n_answers.max(1),
    );
}

/// Each object on one line of YAML in its flow style, to be pasted into a file.
fn print(args: &Compare, world: &World, found: &Disagreement) -> Result<()> {
    let client = &world.client;
    println!(
        "=== --seed {} --case {}: {}/client, Istio 1.{}, DNS capture {}: {}",
        args.seed,
        found.case,
        client.namespace,
        client.version.0,
        client.dns_capture,
        found.kind(),
    );
    for object in &world.manifests {
        if object["kind"] == "Namespace" {
            continue;
        }
        println!("---\n{}", serde_json::to_string(object)?);
    }
    let answer = &found.answer;
    println!("* {}", found.destination);
    for (says, outcome) in &found.expected.outcomes {
        println!("    oracle, {says}: {outcome}");
    }
    println!(
        "    product: {} ({}), cluster {:?}, {}: {}",
        answer.verdict, answer.reason, answer.cluster, answer.object, answer.outcome,
    );
    Ok(())
}
