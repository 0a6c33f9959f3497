//! Values that the chart must refuse, with words that help.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::helm::{self, Helm, Release, Setting};

const CASES: &str = include_str!("refused.yaml");

/// One value, and what comes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    path: String,
    value: Value,
    says: String,
}

/// Says how many were refused.
pub fn check(helm: &Helm, newest: &str) -> Result<String> {
    let cases: Vec<Refused> = serde_saphyr::from_str(CASES).context("refused.yaml is not YAML")?;
    let n_cases = cases.len() + 1;
    for Refused { path, value, says } in cases {
        let setting: Setting = (path, value);
        refuses(helm, newest, &helm::arguments(&[setting]), &says)?;
    }
    refuses(
        helm,
        "1.24.0",
        &[],
        "which is incompatible with Kubernetes v1.24.0",
    )?;
    Ok(format!("{n_cases} sets of values"))
}

fn refuses(helm: &Helm, version: &str, args: &[String], words: &str) -> Result<()> {
    match helm.template(&Release::on(version), args) {
        Ok(_) => bail!("values {args:?} are not refused"),
        Err(error) if format!("{error:#}").contains(words) => Ok(()),
        Err(error) => bail!("values {args:?} are refused, but not with `{words}`: {error:#}"),
    }
}
