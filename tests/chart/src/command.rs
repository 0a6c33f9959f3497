//! Running other programs.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Runs to the end and returns what it printed; anything but success is an error with its words.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {}\n{}", output.status, said.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed no text"))
}
