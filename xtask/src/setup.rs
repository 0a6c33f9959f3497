//! What the other tasks need on the machine: found, or installed and said so.
//!
//! Nothing here uses the network when the part is there already, so every task calls it.

pub(crate) mod apt;
pub(crate) mod charts;
pub(crate) mod cyclonedx;
pub(crate) mod parts;
pub(crate) mod toolchain;

use anyhow::Result;

/// `cargo xtask setup`: what the build needs. The parts of the tests come with the tests.
pub(crate) fn run() -> Result<()> {
    toolchain::find_or_install().map(|_| ())
}

/// One line per item, on standard error, in the same form everywhere.
pub(crate) fn found(what: &str, place: impl std::fmt::Display) {
    eprintln!("found {what}: {place}");
}

/// Said before something is fetched or changed on the machine.
pub(crate) fn installing(what: &str) {
    eprintln!("installing {what}");
}
