//! `cargo xtask deploy lint`: one line for each check, with how much it looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::cases;
use super::helm::{self, Helm, Release};
use super::parallel::in_parallel;
use super::schema::Schemas;
use super::{dashboards, kustomize, objects, policy, promtool, refused, values};
use crate::setup::charts;
use crate::test;

/// The oldest Kubernetes that the chart's `kubeVersion` names.
const SUPPORTED: (u32, u32) = (1, 25);

/// What one set of values makes of the chart, and for which Kubernetes.
#[derive(Debug)]
struct Rendered {
    title: String,
    version: String,
    objects: Vec<Value>,
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

pub(crate) fn run() -> Result<()> {
    let helm = Helm::find()?;
    let kubectl: PathBuf = charts::kubectl()?;
    let schemas = Schemas::find()?;
    let promtool = test::promtool()?;
    let versions = schemas.oldest_and_newest(SUPPORTED)?;

    check("helm lint", lint_chart(&helm))?;
    let rendered = render_all(&helm, &versions)?;
    say(
        "every value changes the manifests",
        &format!("{} sets of values and versions", rendered.len()),
    );
    check("API schemas", check_schemas(&schemas, &versions, &rendered))?;
    check("rights", check_policy(&rendered))?;
    check(
        "wrong values are refused",
        refused::check(&helm, &versions[1]),
    )?;
    check("values are documented", values::check())?;
    check("kustomize is up to date", kustomize::check_generated(&helm))?;
    let built = kustomize::build(&kubectl)?;
    check("kubectl kustomize", kustomize::check(&built))?;
    let built: Vec<Rendered> = built
        .into_iter()
        .map(|(title, objects)| Rendered {
            title,
            version: versions[1].clone(),
            objects,
        })
        .collect();
    check(
        "API schemas, kustomize",
        check_schemas(&schemas, &versions[1..], &built),
    )?;
    check("rights, kustomize", check_policy(&built))?;
    check("alerts", promtool::check_rules(&promtool))?;
    check("tests of alerts", promtool::check_tests(&promtool))?;
    check("dashboards", dashboards::check_dashboards())?;
    check("queries", dashboards::check_queries(&promtool))
}

fn check(what: &str, outcome: Result<String>) -> Result<()> {
    let looked_at = outcome.with_context(|| format!("{what}: FAILED"))?;
    say(what, &looked_at);
    Ok(())
}

fn say(what: &str, looked_at: &str) {
    eprintln!("ok {what}: {looked_at}");
}

fn lint_chart(helm: &Helm) -> Result<String> {
    let cases = cases::all()?;
    // The chart as it is, and the cases that set several things.
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
fn render_all(helm: &Helm, versions: &[String]) -> Result<Vec<Rendered>> {
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
            rendered.push(Rendered::read(&args.join(" "), version, text)?);
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

fn check_schemas(schemas: &Schemas, versions: &[String], all: &[Rendered]) -> Result<String> {
    let checked = in_parallel(versions, |version| {
        let objects: Vec<(String, &Value)> = all
            .iter()
            .filter(|rendered| rendered.version == *version)
            .flat_map(|rendered| rendered.objects.iter().map(|o| (rendered.title.clone(), o)))
            .collect();
        Ok((objects.len(), schemas.check(version, &objects)?))
    })?;
    let n: usize = checked.iter().map(|(n, _)| n).sum();
    let faults: Vec<String> = checked.into_iter().flat_map(|(_, faults)| faults).collect();
    none_of(&faults)?;
    Ok(format!(
        "{n} manifests, Kubernetes {}",
        versions.join(" and ")
    ))
}

fn check_policy(all: &[Rendered]) -> Result<String> {
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
