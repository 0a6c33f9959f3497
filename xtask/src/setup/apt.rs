//! Debian packages: the package lists are fetched once, and only when something is missing.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

use super::installing;
use crate::command;
use crate::workspace::on_path;

/// Whether the package lists were fetched. Held by whoever installs: apt runs once at a time, and tasks
/// do several things at once.
static LISTS_FETCHED: Mutex<bool> = Mutex::new(false);

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
    let mut fetched = LISTS_FETCHED.lock().unwrap_or_else(PoisonError::into_inner);
    installing(&packages.join(" "));
    update(&mut fetched)?;
    command::run(&mut install)
}

/// `apt-get update`, at most once in the life of this process; needs root.
pub(crate) fn fetch_lists() -> Result<()> {
    update(&mut LISTS_FETCHED.lock().unwrap_or_else(PoisonError::into_inner))
}

fn update(fetched: &mut bool) -> Result<()> {
    if !*fetched {
        command::run(apt().args(["update", "-q"]))?;
        *fetched = true;
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
