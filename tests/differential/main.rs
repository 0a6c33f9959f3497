//! The decision against a real kernel: random configurations of Istio's rules, written as Istio
//! writes them ([`egress_observer_tests::rules`]), given to the kernel in a network namespace;
//! real connections of several owners; and for each of them, where it arrived next to where the
//! agent's decision says it does.
//!
//! Part of `cargo xtask test`, with a fixed seed. `cargo xtask differential --seed 7 --cases
//! 1000000` runs it alone, with other and more cases; `--backend` and `--version` narrow it down.
//! A difference is printed with everything that made it; the same seed makes it again.
//!
//! - [`place`]: the pod's surroundings, as facts; [`bed`]: the same in the kernel;
//! - [`random`], [`generate`]: configurations and connections;
//! - [`decision`]: what the agent says; [`mutant`]: what it would say if it were wrong.
#![deny(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "the number of cases is this test's product"
)]

mod bed;
mod decision;
mod generate;
mod mutant;
mod place;
mod random;
mod report;
mod thread;

use std::{process::ExitCode, time::Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use egress_observer_tests::{run::Run, wait};

use self::{
    bed::{Bed, Network},
    generate::{Kind, Wanted},
    mutant::MUTANTS,
    random::Random,
    report::{Case, Report},
};

/// Connections for each configuration.
const PROBES: usize = 50;

#[derive(Parser)]
#[command(about = "Compares the agent's decision with what a real kernel does (needs root)")]
struct Args {
    /// What the cases are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many connections to make
    #[arg(long, default_value_t = 24_000)]
    cases: usize,
    /// Only rules of this kind
    #[arg(long, value_enum)]
    backend: Option<Kind>,
    /// Only rules of this version of Istio: 24 is 1.24
    #[arg(long)]
    version: Option<u16>,
    /// `cargo test` gives this to every test
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    /// Likewise: names of the tests to run
    #[arg(hide = true)]
    names: Vec<String>,
}

impl Args {
    /// Whether every kind of rules can come up.
    const fn is_whole(&self) -> bool {
        self.backend.is_none() && self.version.is_none() && self.cases >= 10_000
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let is_named = |name: &String| "differential".contains(name.as_str());
    if !args.names.is_empty() && !args.names.iter().any(is_named) {
        return ExitCode::SUCCESS;
    }
    match check(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("differential: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(args: &Args) -> Result<()> {
    let run = Run::start()?;
    let network = Network::create(&run)?;
    // A thread of its own: it moves into the pod.
    let report = std::thread::scope(|scope| {
        let compare = scope.spawn(|| compare(args, &network));
        compare
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    report.print();
    if args.is_whole() {
        report.check_coverage()?;
    }
    if report.n_mismatches > 0 {
        bail!("{} mismatches", report.n_mismatches);
    }
    Ok(())
}

fn compare(args: &Args, network: &Network) -> Result<Report> {
    let begin = Instant::now();
    let mut bed = Bed::enter(network)?;
    let mut random = Random::new(args.seed);
    let wanted = Wanted {
        kind: args.backend,
        minor: args.version,
    };
    let mut report = Report::new(args.seed);
    while report.n_cases < args.cases {
        wait::check_interrupt()?;
        let plan = generate::plan(&mut random, wanted);
        let known = decision::known(&plan)?;
        let mutants = MUTANTS.each_ref().map(|mutant| mutant.known(&known));
        bed.apply(&plan.rules)
            .with_context(|| plan.rules.command_line())?;
        report.n_plans += 1;
        for _ in 0..PROBES.min(args.cases - report.n_cases) {
            let probe = generate::probe(&mut random, &plan);
            let decision = decision::decide(&known, &plan.told, &probe);
            let arrival = bed.connect(&probe)?;
            report.add(&Case {
                plan: &plan,
                known: &known,
                mutants: &mutants,
                probe: &probe,
                decision,
                arrival,
            });
        }
    }
    report.took = begin.elapsed();
    Ok(report)
}
