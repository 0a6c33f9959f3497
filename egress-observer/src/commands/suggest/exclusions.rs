//! `egress-observer suggest exclusions`.

use anyhow::{Result, bail};
use clap::Args;

/// Settings of `suggest exclusions`.
#[derive(Debug, Args)]
pub struct ExclusionsArgs {}

/// Prints them.
pub fn run(_args: &ExclusionsArgs) -> Result<()> {
    bail!("under construction")
}
