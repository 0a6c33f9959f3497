//! `cargo xtask shape`: how the code is shaped, measured by a crate of its own.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::command::cargo;

#[derive(Args, Debug)]
pub(crate) struct ShapeArgs {
    /// `--list` for every place, `--paths` for what is named without an import, `--root DIR`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// The measures print what is wrong themselves, so their exit code is ours.
pub(crate) fn run(args: &ShapeArgs) -> Result<ExitCode> {
    let status = cargo()
        .args(["run", "--quiet", "-p", "egress-observer-shape", "--"])
        .args(&args.options)
        .status()
        .context("starting cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
