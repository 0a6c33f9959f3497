//! cargo-cyclonedx, which lists what a crate is made of.

use std::path::PathBuf;

use anyhow::Result;

use super::{found, installing};
use crate::command;
use crate::workspace::tools;

const VERSION: &str = "0.5.9";

/// It is built without optimisation: it runs for two seconds, and optimising it takes minutes.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    let root = tools().join(format!("cargo-cyclonedx-{VERSION}"));
    let binary = root.join("bin/cargo-cyclonedx");
    if !binary.is_file() {
        installing(&format!("cargo-cyclonedx {VERSION} (some minutes)"));
        let mut install = command::clean(command::cargo().get_program());
        install
            .args(["install", "cargo-cyclonedx", "--version", VERSION])
            .args(["--locked", "--quiet", "--debug", "--root"])
            .arg(&root)
            .stdout(std::io::stderr());
        command::run(&mut install)?;
    }
    found("cargo-cyclonedx", binary.display());
    Ok(binary)
}
