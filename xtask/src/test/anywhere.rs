//! Tiers that need no privileges, in two lanes: what cargo builds for this machine is in the one,
//! since builds wait for each other; what needs no build, or has it, is in the other.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result};

use super::FEATURES;
use super::built::Built;
use super::tier::{Outcome, Tier};
use crate::setup::{parts, toolchain};
use crate::{build, command, deploy, ebpf_object, image, static_agent};

/// What the tiers on a simulated node are about; nothing where it could not be made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) built: Built,
    pub(super) agent: Option<PathBuf>,
    pub(super) image: Option<PathBuf>,
}

/// Formatting, lints, tests that need nothing but Rust.
pub(super) fn fast() -> Vec<Outcome> {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let beside = scope.spawn(move || {
            let mut outcomes = vec![formatting()];
            let built: Built = told.recv().unwrap_or_default();
            outcomes.extend(tests(&built, None));
            outcomes
        });
        let (build, built) = build_tests(None);
        // Nobody listens if the other lane has panicked, which its end tells.
        tell.send(built).unwrap_or_default();
        let mut outcomes = vec![build, lints()];
        outcomes.extend(joined(beside));
        outcomes
    })
}

/// The same, and what else needs no root but to install tools.
pub(super) fn full() -> (Vec<Outcome>, Made) {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let beside = scope.spawn(move || {
            let mut outcomes = vec![formatting(), ebpf_lints()];
            let built: Built = told.recv().unwrap_or_default();
            outcomes.extend(tests(&built, Some(FEATURES)));
            outcomes.push(chart_checks(&built));
            outcomes
        });
        let (build, built) = build_tests(Some(FEATURES));
        tell.send(built.clone()).unwrap_or_default();
        let mut outcomes = vec![build, lints()];
        let (of_agent, agent) = agent();
        let (of_image, image) = image();
        outcomes.extend(of_agent);
        outcomes.extend(of_image);
        outcomes.extend(joined(beside));
        let made = Made {
            built,
            agent,
            image,
        };
        (outcomes, made)
    })
}

fn joined(lane: ScopedJoinHandle<'_, Vec<Outcome>>) -> Vec<Outcome> {
    lane.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn formatting() -> Outcome {
    let mut tier = Tier::begin("formatting");
    tier.run(command::cargo().args(["fmt", "--all", "--check"]));
    tier.end_and_print()
}

/// Of everything that is built for this machine, also the tests that only root runs; and of the offline
/// commands without the agent.
fn lints() -> Outcome {
    let mut tier = Tier::begin("lints");
    let whole = ["--all-targets", "--features", FEATURES];
    let offline = ["-p", "egress-observer", "--no-default-features"];
    for variant in [&whole[..], &offline[..]] {
        let mut clippy = command::cargo();
        clippy
            .arg("clippy")
            .args(variant)
            .args(["--", "-D", "warnings"]);
        tier.run(&mut clippy);
    }
    tier.end_and_print()
}

fn ebpf_lints() -> Outcome {
    let mut tier = Tier::begin("lints of the eBPF crate");
    match ebpf_object::clippy() {
        Ok(mut clippy) => tier.run(&mut clippy),
        Err(error) => tier.miss(format_args!("{error:#}")),
    }
    tier.end_and_print()
}

fn build_tests(features: Option<&str>) -> (Outcome, Built) {
    let mut tier = Tier::begin("build of the tests");
    let built = Built::build(&mut tier, features);
    (tier.end_and_print(), built)
}

/// The tests beside the code, with those in the documentation of it, and those of whole programs.
fn tests(built: &Built, features: Option<&str>) -> [Outcome; 2] {
    let mut unit = Tier::begin("unit tests");
    run_all(&mut unit, built, built.unit_tests());
    let mut documentation = command::cargo();
    documentation.args(["test", "--doc", "--no-fail-fast"]);
    if let Some(features) = features {
        documentation.args(["--features", features]);
    }
    unit.run(&mut documentation);
    let unit = unit.end_and_print();

    let mut integration = Tier::begin("integration tests");
    run_all(&mut integration, built, built.integration_tests());
    [unit, integration.end_and_print()]
}

fn run_all(tier: &mut Tier, built: &Built, tests: Vec<Command>) {
    if !built.is_whole {
        tier.miss("not all of its tests were built");
    }
    for mut test in tests {
        tier.run(&mut test);
    }
}

/// Chart, kustomize, alerts and dashboards, with the tools that users have.
fn chart_checks(built: &Built) -> Outcome {
    let mut tier = Tier::begin("chart checks");
    match chart_command(built) {
        Ok(mut checks) => tier.run(&mut checks),
        Err(error) => tier.miss(format_args!("{error:#}")),
    }
    tier.end_and_print()
}

fn chart_command(built: &Built) -> Result<Command> {
    let mut checks = built.test("checks").context("it was not built")?;
    deploy::with_tools(&mut checks)?;
    Ok(checks)
}

/// The agent that the tests on a node are about, unless one is given.
fn agent() -> (Option<Outcome>, Option<PathBuf>) {
    if let Some(given) = build::given() {
        return (None, Some(given));
    }
    let mut tier = Tier::begin("agent");
    run_task(&mut tier, &["build", "--static"]);
    let binary = tier.is_good().then(static_agent::place);
    (Some(tier.end_and_print()), binary)
}

/// The image, likewise.
fn image() -> (Option<Outcome>, Option<PathBuf>) {
    if let Some(given) = env::var_os("EGRESS_OBSERVER_IMAGE") {
        return (None, Some(PathBuf::from(given)));
    }
    let mut tier = Tier::begin("image");
    if let Err(error) = parts::image_commands() {
        tier.miss(format_args!("{error:#}"));
    }
    run_task(&mut tier, &["image"]);
    let archive = tier.is_good().then(image::default_archive);
    (Some(tier.end_and_print()), archive)
}

/// Another task of this program, as a program: its output is the tier's.
fn run_task(tier: &mut Tier, arguments: &[&str]) {
    // Here, where whoever installs the same at the same time is waited for.
    let outcome = toolchain::find_or_install()
        .and_then(|_| env::current_exe().context("cannot tell where this program is"));
    match outcome {
        Ok(this) => tier.run(Command::new(this).args(arguments)),
        Err(error) => tier.miss(format_args!("{error:#}")),
    }
}
