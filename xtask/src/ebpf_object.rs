//! The eBPF object, and its lints: for a target and by a compiler of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::setup::toolchain;
use crate::{build_paths, command, workspace};

/// BTF needs debug info and its own linker flag; v3 has the 32-bit jumps that verifiers since
/// Linux 5.1 know, and no libcalls.
const EBPF_FLAGS: &str = "-Cdebuginfo=2 -Clink-arg=--btf -Ctarget-cpu=v3 -Cpanic=abort";
/// Where the agent's build script finds the eBPF object.
pub(crate) const VARIABLE: &str = "EGRESS_OBSERVER_EBPF_OBJECT";
const EBPF_TARGET: &str = "bpfel-unknown-none";

/// The eBPF object.
pub(crate) fn build() -> Result<PathBuf> {
    let toolchain = toolchain::find_or_install()?;
    let mut build = toolchain::command(&toolchain, &toolchain.cargo);
    build.arg("build");
    command::run(for_ebpf(&mut build)?)?;

    let object = target_dir()
        .join(EBPF_TARGET)
        .join("release/egress-observer-ebpf");
    if !object.is_file() {
        bail!("the build succeeded, but there is no {}", object.display());
    }
    Ok(object)
}

/// clippy for the eBPF crate, on its own target and with the flags of its build.
pub(crate) fn clippy() -> Result<Command> {
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
        .arg(target_dir())
        .env(
            "CARGO_TARGET_BPFEL_UNKNOWN_NONE_RUSTFLAGS",
            format!("{EBPF_FLAGS} {renamed}"),
        ))
}

/// A directory of its own: another compiler and other flags than the host's build.
fn target_dir() -> PathBuf {
    workspace::target().join("ebpf")
}
