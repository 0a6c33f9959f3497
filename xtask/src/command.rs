//! Running other programs: what failed is always said as a command line to repeat.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Cargo's settings that stay: where its home is and how it reaches registries. Everything else
/// (`CARGO_TARGET_DIR`, `CARGO_PKG_*`, `RUSTUP_TOOLCHAIN`, ...) was set for the cargo that runs
/// this program, or for the host's build, and would change the other build.
const KEPT_CARGO: [&str; 5] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
];

/// Variables besides cargo's own that the outer cargo and rustup leave behind.
const REMOVED: [&str; 4] = ["RUSTC", "RUSTDOC", "RUSTFLAGS", "LD_LIBRARY_PATH"];

/// The cargo that runs this program, in the repository's root: for all that is built for the host.
pub(crate) fn cargo() -> Command {
    let mut command = own(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(workspace::root());
    command
}

/// A command without the variables that are about this package.
pub(crate) fn own(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        // Set by the `cargo run` that started us, for this package: build scripts that watch
        // them would build anew in turn, once with them and once without.
        if name.to_str().is_some_and(is_of_this_package) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_this_package(name: &str) -> bool {
    [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// A command without the variables that an outer `cargo run` sets.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_removed) {
            command.env_remove(name);
        }
    }
    command
}

fn is_removed(name: &str) -> bool {
    let cargo = name.starts_with("CARGO") && !KEPT_CARGO.iter().any(|kept| name.starts_with(kept));
    let rustup = name == "RUSTUP_TOOLCHAIN" || name.starts_with("RUST_RECURSION");
    let rustc = name.starts_with("RUSTC_") || REMOVED.contains(&name);
    cargo || rustup || rustc
}

/// Runs to the end with this program's own standard streams; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Runs to the end and returns what it printed; anything but success is an error with its words.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        bail!("`{}` failed: {status}\n{}", line(command), said.trim_end());
    }
    String::from_utf8(stdout).with_context(|| format!("`{}` printed no text", line(command)))
}

/// The command as a person would type it, with the variables it sets.
pub(crate) fn line(command: &Command) -> String {
    let mut text = String::new();
    if let Some(dir) = command
        .get_current_dir()
        .filter(|dir| **dir != workspace::root())
    {
        text.push_str(&format!("cd {} && ", quoted(dir.as_os_str())));
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            write!(text, "{}={} ", name.to_string_lossy(), quoted(value))
                .expect("writing to a String cannot fail");
        }
    }
    text.push_str(&quoted(command.get_program()));
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&quoted(arg));
    }
    text
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c));
    if is_plain && !word.is_empty() {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let mut command = Command::new("/bin/echo");
        command
            .arg("it's")
            .arg("-Cpanic=abort")
            .arg("")
            .env("A", "b c");
        assert_eq!(
            line(&command),
            r"A='b c' /bin/echo 'it'\''s' -Cpanic=abort ''"
        );
    }

    #[test]
    fn the_inner_cargo_keeps_the_registry_settings_only() {
        for gone in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_TARGET_DIR",
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
        ] {
            assert!(is_removed(gone), "{gone}");
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_HTTP_CAINFO",
            "CARGO_REGISTRIES_X_INDEX",
            "HOME",
            "PATH",
        ] {
            assert!(!is_removed(kept), "{kept}");
        }
    }
}
