//! `cargo xtask test`: everything that must hold before a change goes in, in order of price.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use crate::command::{self, cargo};
use crate::setup::{apt, charts, parts};
use crate::{build, deploy, image};

/// What switches on the tests that need root.
const NODE_FEATURES: &str = "egress-observer-tests/kernel,egress-observer-tests/e2e";

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Only what any machine with Rust can do: formatting, lints, tests without root
    #[arg(long)]
    fast: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    // Said first, not after minutes of other tests.
    if args.fast {
        eprintln!(
            "== left out by --fast: chart checks, the eBPF crate's lints, kernel and end-to-end tests"
        );
    } else if !apt::is_root()? {
        bail!(
            "the kernel and end-to-end tests need root: run as root, or `cargo xtask test --fast`"
        );
    }
    step("formatting", cargo().args(["fmt", "--all", "--check"]))?;
    step("lints", &mut clippy())?;
    step("unit tests", cargo().arg("test"))?;
    if args.fast {
        return Ok(());
    }
    chart_checks()?;
    step("lints of the eBPF crate", &mut build::ebpf_clippy()?)?;
    parts::container_commands()?;
    let (image, agent) = image_to_test()?;
    let parts = Parts::with_agent(agent)?;
    let (promtool, helm) = (promtool()?, charts::helm()?);
    // The last step is not followed by any word of ours: the runner's own summary ends the output.
    begin(
        "kernel, container and end-to-end tests",
        node_tests(&parts, &promtool, &helm).env("EGRESS_OBSERVER_IMAGE", image),
    )
}

/// The image, and the agent that the other tests are about: the same one, unless a path in the
/// environment names another.
fn image_to_test() -> Result<(PathBuf, PathBuf)> {
    if let Some(archive) = env::var_os("EGRESS_OBSERVER_IMAGE") {
        return Ok((PathBuf::from(archive), build::binary_to_test()?));
    }
    let built = image::run(&image::Args::default())?;
    Ok((built.archive, build::given().unwrap_or(built.binary)))
}

/// Chart, kustomize, alerts and dashboards, with the tools that users have.
fn chart_checks() -> Result<()> {
    let start = Instant::now();
    eprintln!("== chart checks: cargo xtask deploy lint");
    deploy::lint()?;
    eprintln!("== chart checks: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// promtool; a path in the environment wins.
pub(crate) fn promtool() -> Result<PathBuf> {
    let given = env::var_os("EGRESS_OBSERVER_PROMTOOL").map(PathBuf::from);
    given.map_or_else(parts::promtool, Ok)
}

/// What a simulated node is made with.
pub(crate) struct Parts {
    pub(crate) agent: PathBuf,
    pub(crate) envoy: PathBuf,
}

impl Parts {
    /// Finds, installs and builds what is to be looked at; a path in the environment wins.
    pub(crate) fn to_show() -> Result<Self> {
        Self::with_agent(build::binary_to_show()?)
    }

    fn with_agent(agent: PathBuf) -> Result<Self> {
        parts::commands()?;
        let given = env::var_os("EGRESS_OBSERVER_ENVOY").map(PathBuf::from);
        let envoy = given.map_or_else(parts::envoy, Ok)?;
        Ok(Self { agent, envoy })
    }
}

/// Everything that is built for this machine, also the tests that only root runs.
fn clippy() -> Command {
    let mut clippy = cargo();
    clippy
        .args(["clippy", "--all-targets", "--features", NODE_FEATURES])
        .args(["--", "-D", "warnings"]);
    clippy
}

/// One test at a time: they measure the same kernel.
fn node_tests(parts: &Parts, promtool: &Path, helm: &Path) -> Command {
    let mut tests = cargo();
    tests
        .args(["test", "--tests", "-p", "egress-observer-tests"])
        .args(["--features", NODE_FEATURES])
        .args(["--", "--test-threads=1"])
        .env("EGRESS_OBSERVER_BIN", &parts.agent)
        .env("EGRESS_OBSERVER_ENVOY", &parts.envoy)
        .env("EGRESS_OBSERVER_PROMTOOL", promtool)
        .env("EGRESS_OBSERVER_HELM", helm);
    tests
}

/// Runs one step in the repository's root and says how long it took.
fn step(what: &str, command: &mut Command) -> Result<()> {
    let start = Instant::now();
    begin(what, command)?;
    eprintln!("== {what}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn begin(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("== {what}: {}", command::line(command));
    command::run(command)
}
