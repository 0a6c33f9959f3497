//! `cargo xtask`: the project's own commands.
//!
//! Every task is a module of its own. What a task needs on the machine is found or installed by
//! [`setup`], and only the tasks that need a part ask for it.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    reason = "a task runner talks to the person who started it"
)]

mod bench;
mod build;
mod build_paths;
mod command;
mod demo;
mod deploy;
mod differential;
mod ebpf_object;
mod fuzz;
mod harness;
mod image;
mod output;
mod setup;
mod shape;
mod static_agent;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's own commands"
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or install what the eBPF build needs
    Setup,
    /// Build the eBPF object and the agent that carries it
    Build(build::BuildArgs),
    /// Build the agent's container image and its bill of materials, without a registry (needs root)
    Image(image::ImageArgs),
    /// Play the story of a pod that cannot reach the outside on a simulated node (needs root)
    Demo(demo::DemoArgs),
    /// Formatting, lints and all tests; without --fast also those that need root
    Test(test::TestArgs),
    /// What a cluster is given: print it, make what follows from the chart, check it
    Deploy(deploy::DeployArgs),
    /// Look for inputs that the readers of outside text cannot stand
    Fuzz(fuzz::FuzzArgs),
    /// Compare the decision with a real kernel, in random cases (needs root)
    Differential(differential::DifferentialArgs),
    /// Measure how the code is shaped: sizes, named closures, import cycles, type names
    Shape(shape::ShapeArgs),
    /// Measure what the agent costs on this machine (needs root)
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Setup => setup::run().map(|()| ExitCode::SUCCESS),
        Task::Build(args) => build::run(&args).map(|_binary| ExitCode::SUCCESS),
        Task::Image(args) => image::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Demo(args) => demo::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Test(args) => test::run(&args),
        Task::Deploy(args) => deploy::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Fuzz(args) => fuzz::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Differential(args) => differential::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Shape(args) => shape::run(&args),
        Task::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
