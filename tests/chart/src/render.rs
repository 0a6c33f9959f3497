//! What the chart makes of its values, case by case, and what must hold for all of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cases;
use crate::helm::{self, Helm, Release};
use crate::objects;
use crate::parallel::in_parallel;
use crate::policy;
use crate::schema::Schemas;
use crate::workspace;

/// What one set of values makes of the chart, and for which Kubernetes.
#[derive(Debug)]
pub struct Rendered {
    pub title: String,
    pub version: String,
    pub objects: Vec<Value>,
}

impl Rendered {
    fn read(title: &str, version: &str, text: &str) -> Result<Self> {
        Ok(Self {
            title: title.to_owned(),
            version: version.to_owned(),
            objects: objects::read(text).with_context(|| title.to_owned())?,
        })
    }
}

/// helm accepts the chart as it is, and with the cases that set several things. Says how many these are.
pub fn lint(helm: &Helm) -> Result<String> {
    let cases = cases::all()?;
    let together = cases.iter().filter(|case| case.settings.len() > 1);
    let mut n = 1;
    helm.lint(&[])?;
    for case in together {
        helm.lint(&helm::arguments(&case.all()))
            .with_context(|| case.title())?;
        n += 1;
    }
    Ok(format!("{n} sets of values"))
}

/// Renders every case for every version, and fails if one makes no difference.
pub fn every_case(helm: &Helm, versions: &[String]) -> Result<Vec<Rendered>> {
    let cases = cases::all()?;
    // Most cases have the same context: the defaults.
    let contexts = cases.iter().map(|case| helm::arguments(&case.context));
    let contexts: BTreeSet<Vec<String>> = contexts.chain([Vec::new()]).collect();
    let contexts: Vec<Vec<String>> = contexts.into_iter().collect();
    let mut rendered = Vec::new();
    for version in versions {
        let release = Release::on(version);
        let texts = in_parallel(&contexts, |args| helm.template(&release, args))?;
        let before: BTreeMap<&Vec<String>, String> = contexts.iter().zip(texts).collect();
        for (args, text) in &before {
            let title = if args.is_empty() {
                "defaults".to_owned()
            } else {
                args.join(" ")
            };
            rendered.push(Rendered::read(&title, version, text)?);
        }
        rendered.extend(in_parallel(&cases, |case| {
            let text = helm.template(&release, helm::arguments(&case.all()))?;
            if before.get(&helm::arguments(&case.context)) == Some(&text) {
                bail!("Kubernetes {version}: {} makes no difference", case.title());
            }
            Rendered::read(&case.title(), version, &text)
        })?);
    }
    Ok(rendered)
}

/// Every object fits the schema of its kind. `of` names the check.
pub fn check_schemas(
    of: &str,
    schemas: &Schemas,
    versions: &[String],
    all: &[Rendered],
) -> Result<String> {
    let checked = in_parallel(versions, |version| {
        let objects: Vec<(String, &Value)> = all
            .iter()
            .filter(|rendered| rendered.version == *version)
            .flat_map(|rendered| rendered.objects.iter().map(|o| (rendered.title.clone(), o)))
            .collect();
        Ok((
            objects.len(),
            schemas.check(
                version,
                &objects,
                &workspace::scratch().join(of).join(version),
            )?,
        ))
    })?;
    let n: usize = checked.iter().map(|(n, _)| n).sum();
    let faults: Vec<String> = checked.into_iter().flat_map(|(_, faults)| faults).collect();
    none_of(&faults)?;
    Ok(format!(
        "{n} manifests, Kubernetes {}",
        versions.join(" and ")
    ))
}

/// No release asks the cluster for more than the agent needs.
pub fn check_policy(all: &[Rendered]) -> Result<String> {
    let mut faults = Vec::new();
    let mut n = 0;
    for rendered in all {
        n += rendered.objects.len();
        let found = policy::check(&rendered.objects).into_iter();
        faults.extend(found.map(|fault| format!("{}: {fault}", rendered.title)));
    }
    none_of(&faults)?;
    Ok(format!("{n} manifests"))
}

fn none_of(faults: &[String]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    // The first ones tell; a fault of the chart shows in every case.
    let shown: Vec<&str> = faults.iter().take(20).map(String::as_str).collect();
    bail!("{} faults\n{}", faults.len(), shown.join("\n"))
}
