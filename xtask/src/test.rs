//! `cargo xtask test`: everything that must hold before a change goes in.
//!
//! It is made of tiers. Each of them runs whatever became of the others, and a table of all ends the
//! output.
//!
//! - [`built`]: the tests as programs, from one build;
//! - [`anywhere`]: tiers that any machine can run, two at a time; [`node`]: those that need root, alone;
//! - [`tier`]: what runs a tier, and its outcome; [`table`]: what is said in the end.

mod anywhere;
mod built;
mod node;
mod table;
mod tier;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::setup::apt;

/// What switches on the tests that need root, and those that need tools.
const FEATURES: &str = "egress-observer-tests/kernel,egress-observer-tests/e2e,\
    egress-observer-chart/tools,egress-observer-pilot/envoy";

#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Only what any machine with Rust can do: formatting, lints, tests without root
    #[arg(long)]
    fast: bool,
}

pub(crate) fn run(args: &TestArgs) -> Result<ExitCode> {
    // Said first, not after minutes of other tests.
    let outcomes = if args.fast {
        eprintln!(
            "== left out by --fast: chart checks, the eBPF crate's lints, kernel and end-to-end tests"
        );
        anywhere::fast()
    } else if apt::is_root()? {
        let (mut outcomes, made) = anywhere::full();
        outcomes.extend(node::run(&made));
        outcomes
    } else {
        bail!(
            "the kernel and end-to-end tests need root: run as root, or `cargo xtask test --fast`"
        );
    };
    Ok(table::print(&outcomes))
}
