//! Debian packages: the package lists are fetched once, and only when something is missing.

use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Result, bail};

use super::installing;
use crate::command;
use crate::workspace::on_path;

static LISTS_FETCHED: OnceLock<()> = OnceLock::new();

/// Whether this machine has apt at all.
pub(crate) fn available() -> bool {
    on_path("apt-get").is_some()
}

/// Installs packages without what they merely recommend; needs root.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let mut install = apt();
    install
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages);
    if !available() {
        bail!(
            "missing: {}; install them with this machine's package manager",
            packages.join(", ")
        );
    }
    if !is_root()? {
        bail!(
            "installing needs root; run as root: {}",
            command::line(&install)
        );
    }
    installing(&packages.join(" "));
    fetch_lists()?;
    command::run(&mut install)
}

/// `apt-get update`, at most once in the life of this process; needs root.
pub(crate) fn fetch_lists() -> Result<()> {
    if LISTS_FETCHED.get().is_none() {
        command::run(apt().args(["update", "-q"]))?;
        LISTS_FETCHED.get_or_init(|| ());
    }
    Ok(())
}

/// apt-get that asks no questions and talks on standard error: standard output is for data.
pub(crate) fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(std::io::stderr());
    command
}

/// Whether this process may do what only root may.
pub(crate) fn is_root() -> Result<bool> {
    Ok(command::output(Command::new("id").arg("-u"))?.trim() == "0")
}
