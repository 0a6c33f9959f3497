//! Reads the command line, runs the command, and turns its error into a message and an exit code.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
#[cfg(feature = "agent")]
use egress_observer::{agent, kernel};
use egress_observer::{
    cli::{Cli, Command, LogFormat},
    commands::{self, BadInput, Findings, flows::Unreachable},
};
use egress_observer_istio::manifests::ManifestError;
use tracing_subscriber::EnvFilter;

/// No agent answers.
const UNREACHABLE: u8 = 3;
/// `EX_DATAERR`: the input is wrong, not the program or the machine.
const BAD_INPUT: u8 = 65;
/// The answer is complete, and has what the caller asked to fail on.
const FINDINGS: u8 = 79;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = set_up_log(&cli).and_then(|()| run(cli.command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            if error.is::<ManifestError>() || error.is::<BadInput>() {
                BAD_INPUT.into()
            } else if error.is::<Findings>() {
                FINDINGS.into()
            } else if error.is::<Unreachable>() {
                UNREACHABLE.into()
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        #[cfg(feature = "agent")]
        Command::Agent(args) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?
            .block_on(agent::run(args)),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Lint(args) => commands::lint::run(&args),
        Command::WhatIf(args) => commands::what_if::run(&args),
        Command::Suggest(args) => commands::suggest::run(&args),
        #[cfg(feature = "agent")]
        Command::Uninstall(args) => {
            let dir = args.pin_dir;
            if kernel::uninstall(&dir)? {
                tracing::info!(pin_dir = %dir.display(), "removed");
            } else {
                tracing::info!(pin_dir = %dir.display(), "nothing to remove");
            }
            Ok(())
        }
    }
}

fn set_up_log(cli: &Cli) -> anyhow::Result<()> {
    // The client's own log of every failed request; the watches say what is the matter, once.
    let filter = format!("kube_client=off,{}", cli.log);
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("--log {}: not a log filter", cli.log))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match cli.log_format {
        LogFormat::Text => log
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the one place that reports a failure")]
fn report(error: &anyhow::Error) {
    eprintln!("egress-observer: {error:#}");
}
