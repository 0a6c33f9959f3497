//! `egress-observer suggest service-entries`.

use anyhow::{Result, bail};
use clap::Args;

/// Settings of `suggest service-entries`.
#[derive(Debug, Args)]
pub struct ServiceEntriesArgs {}

/// Prints them.
pub fn run(_args: &ServiceEntriesArgs) -> Result<()> {
    bail!("under construction")
}
