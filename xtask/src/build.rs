//! `cargo xtask build`: the eBPF object, then the agent that carries it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::{command, ebpf_object, static_agent, workspace};

#[derive(Args, Debug, Default)]
pub(crate) struct BuildArgs {
    /// Build the agent without optimisation (the eBPF object always has it: verifiers insist)
    #[arg(long)]
    debug: bool,
    /// Build the agent that goes into the image: one file that needs nothing of where it runs
    #[arg(long = "static", conflicts_with = "debug")]
    is_static: bool,
}

/// Builds both and returns the path of the agent's binary.
pub(crate) fn run(args: &BuildArgs) -> Result<PathBuf> {
    let object = ebpf_object::build()?;
    if args.is_static {
        return static_agent::build_around(&object);
    }
    agent(args, &object)
}

/// The agent of the image.
pub(crate) fn for_image() -> Result<PathBuf> {
    run(&BuildArgs {
        is_static: true,
        ..BuildArgs::default()
    })
}

/// The agent for this machine; its build script embeds the object.
fn agent(args: &BuildArgs, object: &Path) -> Result<PathBuf> {
    let mut build = command::cargo();
    build
        .args(["build", "-p", "egress-observer"])
        .env(ebpf_object::VARIABLE, object);
    if !args.debug {
        build.arg("--release");
    }
    command::run(&mut build)?;

    found_agent(if args.debug { "debug" } else { "release" })
}

/// The agent that was built for this machine.
pub(crate) fn found_agent(profile: &str) -> Result<PathBuf> {
    let binary = workspace::target().join(profile).join("egress-observer");
    if !binary.is_file() {
        bail!(
            "the build succeeded, but there is no {} (is build.target set in cargo's configuration?)",
            binary.display()
        );
    }
    crate::setup::found("agent", binary.display());
    Ok(binary)
}

/// The agent to test and to measure: `EGRESS_OBSERVER_BIN` when set, else a fresh build of what is
/// shipped.
pub(crate) fn binary_to_test() -> Result<PathBuf> {
    given().map_or_else(for_image, Ok)
}

/// `EGRESS_OBSERVER_BIN`.
pub(crate) fn given() -> Option<PathBuf> {
    env::var_os("EGRESS_OBSERVER_BIN").map(PathBuf::from)
}
