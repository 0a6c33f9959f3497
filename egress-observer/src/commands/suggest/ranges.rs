//! `egress-observer suggest ranges`.

use anyhow::{Result, bail};
use clap::Args;

/// Settings of `suggest ranges`.
#[derive(Debug, Args)]
pub struct RangesArgs {}

/// Prints them.
pub fn run(_args: &RangesArgs) -> Result<()> {
    bail!("under construction")
}
