//! `cargo xtask build`: the eBPF object, then the agent that carries it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use crate::setup::toolchain;
use crate::{build_paths, command, static_agent, workspace};

/// BTF needs debug info and its own linker flag; v3 has the 32-bit jumps that verifiers since
/// Linux 5.1 know, and no libcalls.
const EBPF_FLAGS: &str = "-Cdebuginfo=2 -Clink-arg=--btf -Ctarget-cpu=v3 -Cpanic=abort";
/// Where the agent's build script finds the eBPF object.
pub(crate) const OBJECT: &str = "EGRESS_OBSERVER_EBPF_OBJECT";
const EBPF_TARGET: &str = "bpfel-unknown-none";

#[derive(ClapArgs, Debug, Default)]
pub(crate) struct Args {
    /// Build the agent without optimisation (the eBPF object always has it: verifiers insist)
    #[arg(long)]
    debug: bool,
    /// Build the agent that goes into the image: one file that needs nothing of where it runs
    #[arg(long = "static", conflicts_with = "debug")]
    is_static: bool,
}

/// Builds both and returns the path of the agent's binary.
pub(crate) fn run(args: &Args) -> Result<PathBuf> {
    let object = object()?;
    if args.is_static {
        return static_agent::build_around(&object);
    }
    agent(args, &object)
}

/// The agent of the image.
pub(crate) fn for_image() -> Result<PathBuf> {
    run(&Args {
        is_static: true,
        ..Args::default()
    })
}

/// The eBPF object.
pub(crate) fn object() -> Result<PathBuf> {
    let toolchain = toolchain::find_or_install()?;
    let mut build = toolchain::command(&toolchain, &toolchain.cargo);
    build.arg("build");
    command::run(for_ebpf(&mut build)?)?;

    let object = ebpf_target_dir()
        .join(EBPF_TARGET)
        .join("release/egress-observer-ebpf");
    if !object.is_file() {
        bail!("the build succeeded, but there is no {}", object.display());
    }
    Ok(object)
}

/// clippy for the eBPF crate, on its own target and with the flags of its build.
pub(crate) fn ebpf_clippy() -> Result<Command> {
    let toolchain = toolchain::find_or_install()?;
    // Not `cargo clippy`: cargo would look into its own home first, and find another toolchain's.
    let mut clippy = toolchain::command(&toolchain, &toolchain::clippy(&toolchain)?);
    for_ebpf(clippy.arg("clippy"))?.args(["--", "-D", "warnings"]);
    Ok(clippy)
}

/// Adds what makes a cargo command one about the eBPF object.
fn for_ebpf(command: &mut Command) -> Result<&mut Command> {
    let renamed = build_paths::flags(&build_paths::hidden()?);
    Ok(command
        .current_dir(workspace::root().join("egress-observer-ebpf"))
        .args(["--release", "-Z", "build-std=core", "--target", EBPF_TARGET])
        .arg("--target-dir")
        .arg(ebpf_target_dir())
        .env(
            "CARGO_TARGET_BPFEL_UNKNOWN_NONE_RUSTFLAGS",
            format!("{EBPF_FLAGS} {renamed}"),
        ))
}

/// A directory of its own: another compiler and other flags than the host's build.
fn ebpf_target_dir() -> PathBuf {
    workspace::target().join("ebpf")
}

/// The agent for this machine; its build script embeds the object.
fn agent(args: &Args, object: &Path) -> Result<PathBuf> {
    let mut build = command::cargo();
    build
        .args(["build", "-p", "egress-observer"])
        .env(OBJECT, object);
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
