//! Reads the command line, runs the command, and says how it ended.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
#[cfg(feature = "agent")]
use egress_observer::{agent, kernel};
use egress_observer::{
    cli::{Cli, LogFormat, SubCommand},
    commands::{
        self,
        outcome::{Outcome, exit_code_of},
    },
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match set_up_log(&cli).and_then(|()| run(cli.command)) {
        Ok(outcome) => {
            if let Some(message) = outcome.message() {
                report(message);
            }
            outcome.exit_code().into()
        }
        Err(failure) => {
            report(&format!("{failure:#}"));
            exit_code_of(&failure).into()
        }
    }
}

fn run(command: SubCommand) -> anyhow::Result<Outcome> {
    match command {
        #[cfg(feature = "agent")]
        SubCommand::Agent(args) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?
            .block_on(agent::run(args))
            .map(|()| Outcome::Done),
        SubCommand::Explain(args) => commands::explain::run(&args),
        SubCommand::Lint(args) => commands::lint::run(&args),
        SubCommand::WhatIf(args) => commands::what_if::run(&args),
        SubCommand::Suggest(args) => commands::suggest::run(&args),
        #[cfg(feature = "agent")]
        SubCommand::Uninstall(args) => {
            let dir = args.pin_dir;
            if kernel::uninstall(&dir)? {
                tracing::info!(pin_dir = %dir.display(), "removed");
            } else {
                tracing::info!(pin_dir = %dir.display(), "nothing to remove");
            }
            Ok(Outcome::Done)
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

#[expect(
    clippy::print_stderr,
    reason = "the one place that reports how a command ends"
)]
fn report(message: &str) {
    eprintln!("egress-observer: {message}");
}
