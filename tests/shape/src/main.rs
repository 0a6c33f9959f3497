//! `cargo xtask shape`: prints how the code is shaped, and fails if it is not as it should be.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints what it measured"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use egress_observer_shape::{Dependencies, LIMITS, measure, report};

/// Sizes, named closures, import cycles and type names of the workspace's code
#[derive(Parser)]
#[command(name = "cargo xtask shape", bin_name = "cargo xtask shape")]
struct Args {
    /// Also every place: named closures, type names, all modules of a cycle
    #[arg(long)]
    list: bool,
    /// Take paths in code for dependencies too, not only what is imported
    #[arg(long)]
    paths: bool,
    /// The workspace to measure
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    root: PathBuf,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let dependencies = if args.paths {
        Dependencies::Paths
    } else {
        Dependencies::Imports
    };
    let shape = measure(&args.root, dependencies)?;
    print!("{}", report::table(&shape)?);
    if args.list {
        print!("\n{}", report::places(&shape)?);
    }
    print!("\n{}", report::cycles(&shape, args.list)?);
    let broken = shape.broken(&LIMITS);
    for line in &broken {
        eprintln!("limit: {line}");
    }
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
