//! `cargo xtask differential`: the decision against a real kernel, with as many cases as wanted; and with
//! `--registry` what the mesh makes of a connection, against the oracle of `tests/pilot` and a real Envoy.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::command::{self, cargo};
use crate::setup::{apt, parts};
use crate::{build, harness};

/// The crate of the oracle.
const ORACLE: &str = "egress-observer-pilot";

#[derive(Args, Debug)]
pub(crate) struct DifferentialArgs {
    /// What the cases are made from
    #[arg(long)]
    seed: Option<u64>,
    /// How many connections to make; with --registry, how many random clusters to ask about
    #[arg(long)]
    cases: Option<usize>,
    /// Which cluster a sidecar sends a connection to, instead of whether it is captured (needs no root)
    #[arg(long, conflicts_with_all = ["backend", "version"])]
    registry: bool,
    /// Only rules of this kind: iptables, nftables or ambient
    #[arg(long)]
    backend: Option<String>,
    /// Only rules of this version of Istio: 24 is 1.24
    #[arg(long)]
    version: Option<u16>,
}

pub(crate) fn run(args: &DifferentialArgs) -> Result<()> {
    if args.registry {
        return registry(args);
    }
    if !apt::is_root()? {
        bail!("the comparison makes network namespaces: run it as root");
    }
    parts::commands()?;
    let mut test = cargo();
    test.args(["test", "--quiet", "-p", "egress-observer-tests"])
        .args(["--features", "egress-observer-tests/kernel"])
        .args(["--test", "differential", "--"]);
    let options = [
        ("--seed", args.seed.map(|seed| seed.to_string())),
        ("--cases", args.cases.map(|cases| cases.to_string())),
        ("--backend", args.backend.clone()),
        ("--version", args.version.map(|version| version.to_string())),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            test.args([name, &value]);
        }
    }
    command::run(&mut test)
}

/// The oracle's matcher against Envoy, then the product against the oracle.
fn registry(args: &DifferentialArgs) -> Result<()> {
    command::run(cargo().args(["build", "-p", ORACLE, "--bin", "pilot"]))?;
    let mut envoy = oracle("envoy", args.seed)?;
    envoy.arg("--envoy").arg(parts::envoy()?);
    command::run(&mut envoy)?;

    let mut compare = oracle("compare", args.seed)?;
    compare.arg("--bin").arg(offline_commands()?);
    harness::option(
        &mut compare,
        "--cases",
        args.cases.map(|cases| cases.to_string()),
    );
    command::run(&mut compare)
}

fn oracle(what: &str, seed: Option<u64>) -> Result<Command> {
    let mut oracle = harness::program("pilot")?;
    oracle.arg(what);
    harness::option(&mut oracle, "--seed", seed.map(|seed| seed.to_string()));
    Ok(oracle)
}

/// What answers from manifests, unless it is given.
fn offline_commands() -> Result<PathBuf> {
    if let Some(given) = build::given() {
        return Ok(given);
    }
    let product = ["-p", "egress-observer", "--no-default-features"];
    command::run(cargo().arg("build").args(product))?;
    harness::built("egress-observer")
}
