//! The agent as one file: linked statically, and the same wherever and whenever it is built.
//!
//! The target is named although it is the host's own: then the flags are for the agent alone, and
//! build scripts and macros are built as always.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::build_paths::{self, Hidden};
use crate::{command, ebpf_object, setup, workspace};

/// Of Rust's standard library for the host's own C library, which is what rustup installs.
pub(crate) fn target() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

/// Builds it around the eBPF object, and checks that it is what it should be.
pub(crate) fn build_around(object: &Path) -> Result<PathBuf> {
    let target = target();
    let hidden = build_paths::hidden()?;
    let flags_of_target = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.to_uppercase().replace('-', "_")
    );
    let mut build = command::cargo();
    build
        .args(["build", "--release", "--locked", "-p", "egress-observer"])
        .args(["--target", &target])
        .env(ebpf_object::VARIABLE, object)
        .env(flags_of_target, flags(&hidden))
        // Every node of a cluster fetches them, and the place of a panic is told without.
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        // Either would take the place of the target's own.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command::run(&mut build)?;

    let built = workspace::target()
        .join(&target)
        .join("release/egress-observer");
    check(&built, &hidden)?;
    let binary = place();
    fs::create_dir_all(workspace::target().join("static"))
        .and_then(|()| fs::copy(&built, &binary))
        .with_context(|| format!("cannot copy {} to {}", built.display(), binary.display()))?;
    setup::found("static agent", binary.display());
    Ok(binary)
}

/// Where it is in the end.
pub(crate) fn place() -> PathBuf {
    workspace::target().join("static/egress-observer")
}

fn flags(hidden: &[Hidden]) -> String {
    format!(
        "-Ctarget-feature=+crt-static {}",
        build_paths::flags(hidden)
    )
}

/// An agent that asks for a dynamic loader would not start in the image.
fn check(binary: &Path, hidden: &[Hidden]) -> Result<()> {
    let mut readelf = Command::new("readelf");
    readelf.args(["--program-headers", "--wide"]).arg(binary);
    if command::output(&mut readelf)?.contains("INTERP") {
        bail!(
            "{} is linked dynamically, in spite of `{}`",
            binary.display(),
            flags(hidden)
        );
    }
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    // A directory at the root, such as `/src`, is also the middle of other paths.
    let telling = hidden
        .iter()
        .filter(|hidden| hidden.path.components().count() > 2);
    for Hidden { path, .. } in telling {
        let path = path.to_string_lossy();
        if contains(&bytes, path.as_bytes()) {
            bail!("{} names {path}, where it was built", binary.display());
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_within_other_bytes() {
        assert!(contains(b"\0/home/me/x.rs\0", b"/home/me"));
        assert!(!contains(b"/home/you", b"/home/me"));
    }
}
