//! The real helm, on the chart of this repository.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use crate::command;
use crate::tools;
use crate::workspace;

/// Where the chart is, from the repository's root.
pub const CHART: &str = "deploy/charts/egress-observer";

/// A place in the values and what is put there.
pub type Setting = (String, Value);

/// What helm is told about where the chart would be installed.
#[derive(Debug)]
pub struct Release<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub kube_version: Option<&'a str>,
}

impl<'a> Release<'a> {
    /// The release of all checks.
    pub fn on(kube_version: &'a str) -> Self {
        Self {
            name: "egress-observer",
            namespace: "egress-observer",
            kube_version: Some(kube_version),
        }
    }
}

#[derive(Debug)]
pub struct Helm {
    binary: PathBuf,
}

impl Helm {
    pub fn find() -> Result<Self> {
        Ok(Self {
            binary: tools::helm()?,
        })
    }

    /// The manifests of a release; an error is helm's own.
    pub fn template(
        &self,
        release: &Release<'_>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<String> {
        let mut template = Command::new(&self.binary);
        template
            .current_dir(workspace::root())
            .args(["template", release.name, CHART])
            .args(["--namespace", release.namespace]);
        if let Some(version) = release.kube_version {
            template.args(["--kube-version", version]);
        }
        command::output(template.args(args))
    }

    pub fn lint(&self, args: &[String]) -> Result<String> {
        let mut lint = Command::new(&self.binary);
        lint.current_dir(workspace::root())
            .args(["lint", "--strict", CHART])
            .args(args);
        command::output(&mut lint)
    }
}

/// Settings as arguments of helm, with their types.
pub fn arguments(settings: &[Setting]) -> Vec<String> {
    settings
        .iter()
        .flat_map(|(path, value)| ["--set-json".to_owned(), format!("{path}={value}")])
        .collect()
}
