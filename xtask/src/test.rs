//! `cargo xtask test`: everything that must hold before a change goes in, in order of price.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use crate::command::{self, cargo};
use crate::setup::{apt, parts};
use crate::{build, workspace};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Only what any machine with Rust can do: formatting, lints, tests without root
    #[arg(long)]
    fast: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    // Said first, not after minutes of other tests.
    if !args.fast && !apt::is_root()? {
        bail!("the kernel and end-to-end tests need root: run as root, or `cargo xtask test --fast`");
    }
    step("formatting", cargo().args(["fmt", "--all", "--check"]))?;
    step("lints", cargo().args(["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    step("lints of the eBPF crate", &mut ebpf_clippy())?;
    step("unit tests", cargo().arg("test"))?;
    if args.fast {
        return Ok(());
    }
    let mut tests = node_tests(&Parts::find()?);
    step("kernel and end-to-end tests", &mut tests)
}

/// What the tests with a simulated node are told through the environment.
pub(crate) struct Parts {
    pub(crate) agent: PathBuf,
    pub(crate) envoy: PathBuf,
    pub(crate) promtool: PathBuf,
}

impl Parts {
    /// Finds, installs and builds them; a path in the environment wins.
    fn find() -> Result<Self> {
        parts::commands()?;
        let given = |name: &str| env::var_os(name).map(PathBuf::from);
        Ok(Self {
            envoy: given("EGRESS_OBSERVER_ENVOY").map_or_else(parts::envoy, Ok)?,
            promtool: given("EGRESS_OBSERVER_PROMTOOL").map_or_else(parts::promtool, Ok)?,
            agent: build::binary_to_test()?,
        })
    }
}

/// clippy knows no bpfel target. The crate is `no_std`, so it is checked for the host, where
/// unwinding has to be off, in a target directory of its own because of these flags.
fn ebpf_clippy() -> Command {
    let mut clippy = cargo();
    clippy
        .args(["clippy", "-p", "egress-observer-ebpf", "--target-dir"])
        .arg(workspace::target().join("ebpf-clippy"))
        .args(["--", "-D", "warnings"])
        .env("RUSTFLAGS", "-Cpanic=abort");
    clippy
}

/// One test at a time: they measure the same kernel.
fn node_tests(parts: &Parts) -> Command {
    let mut tests = cargo();
    tests
        .args(["test", "-p", "egress-observer-tests", "--features", "kernel,e2e"])
        .args(["--", "--test-threads=1"])
        .env("EGRESS_OBSERVER_BIN", &parts.agent)
        .env("EGRESS_OBSERVER_ENVOY", &parts.envoy)
        .env("EGRESS_OBSERVER_PROMTOOL", &parts.promtool);
    tests
}

/// Runs one step in the repository's root and says how long it took. The last step's own output
/// is the last thing printed on success.
fn step(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("== {what}: {}", command::line(command));
    let begin = Instant::now();
    command.current_dir(workspace::root());
    let outcome = command::run(command);
    eprintln!("== {what}: {:.1} s", begin.elapsed().as_secs_f64());
    outcome
}
