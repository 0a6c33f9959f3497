//! `cargo xtask differential`: the decision against a real kernel, with as many cases as wanted.

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use crate::command::{self, cargo};
use crate::setup::{apt, parts};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// What the cases are made from
    #[arg(long)]
    seed: Option<u64>,
    /// How many connections to make
    #[arg(long)]
    cases: Option<usize>,
    /// Only rules of this kind: iptables, nftables or ambient
    #[arg(long)]
    backend: Option<String>,
    /// Only rules of this version of Istio: 24 is 1.24
    #[arg(long)]
    version: Option<u16>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
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
