//! The tools, where `cargo xtask` found or installed them: each has a variable of its own.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

pub fn helm() -> Result<PathBuf> {
    given("EGRESS_OBSERVER_HELM")
}

pub fn kubectl() -> Result<PathBuf> {
    given("EGRESS_OBSERVER_KUBECTL")
}

pub fn promtool() -> Result<PathBuf> {
    given("EGRESS_OBSERVER_PROMTOOL")
}

fn given(variable: &str) -> Result<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from);
    path.with_context(|| format!("{variable} is not set: run `cargo xtask deploy lint`"))
}

/// kubernetes-validate: a Python, and the directory that it finds the validator in.
#[derive(Debug)]
pub(crate) struct Validator {
    python: PathBuf,
    dir: PathBuf,
}

impl Validator {
    pub(crate) fn find() -> Result<Self> {
        Ok(Self {
            python: given("EGRESS_OBSERVER_PYTHON")?,
            dir: given("EGRESS_OBSERVER_KUBERNETES_VALIDATE")?,
        })
    }

    /// Ready to take arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command
            .env("PYTHONPATH", &self.dir)
            .args(["-m", "kubernetes_validate"]);
        command
    }

    /// Where its schemas are: a directory for each version of Kubernetes.
    pub(crate) fn schemas(&self) -> PathBuf {
        self.dir.join("kubernetes_validate/kubernetes-json-schema")
    }
}
