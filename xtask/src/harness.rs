//! The programs of the simulated node: built here, by cargo, and run by the tasks that need one.
//!
//! They are no part of this program: who sets up or builds does not compile them.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Error, Result, bail};

use crate::{command, workspace};

/// The crate of the programs.
pub(crate) const PACKAGE: &str = "egress-observer-tests";

/// Builds programs of the harness, without optimisation: they spend their time in system calls.
pub(crate) fn build(programs: &[&str]) -> Command {
    let mut build = command::cargo();
    build.args(["build", "-p", PACKAGE]);
    for program in programs {
        build.args(["--bin", program]);
    }
    build
}

/// A program that was built.
pub(crate) fn built(program: &str) -> Result<PathBuf> {
    let binary = workspace::target().join("debug").join(program);
    if !binary.is_file() {
        bail!(
            "the build succeeded, but there is no {} (is build.target set in cargo's configuration?)",
            binary.display()
        );
    }
    Ok(binary)
}

/// Ready to take arguments.
pub(crate) fn program(name: &str) -> Result<Command> {
    Ok(command::clean(built(name)?))
}

/// Goes on as that program: Ctrl-C reaches it alone, and its exit code is this task's. Returns only
/// if it cannot be started.
pub(crate) fn go_on_as(program: &mut Command) -> Error {
    let error = program.exec();
    Error::new(error).context(format!("cannot start `{}`", command::line(program)))
}

/// An argument with its value, if there is one.
pub(crate) fn option(program: &mut Command, name: &str, value: Option<impl AsRef<OsStr>>) {
    if let Some(value) = value {
        program.arg(name).arg(value);
    }
}
