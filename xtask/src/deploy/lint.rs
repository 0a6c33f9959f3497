//! `cargo xtask deploy lint`: one line for each check, with how much it looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::cases;
use super::helm::{self, Helm, Release};
use super::parallel::in_parallel;
use super::schema::Schemas;
use super::{dashboards, kustomize, objects, policy, promtool, refused, settings, values};
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

/// The outcomes so far: one that failed does not keep the others from being known.
#[derive(Debug, Default)]
struct Checks {
    n: usize,
    failed: Vec<&'static str>,
}

impl Checks {
    fn note(&mut self, what: &'static str, outcome: Result<String>) {
        self.n += 1;
        match outcome {
            Ok(looked_at) => eprintln!("ok {what}: {looked_at}"),
            Err(error) => {
                eprintln!("FAILED {what}: {error:#}");
                self.failed.push(what);
            }
        }
    }
}

/// Everything that is checked. What the tools lack ends it at once.
pub(crate) fn run() -> Result<()> {
    let helm = Helm::find()?;
    let kubectl: PathBuf = charts::kubectl()?;
    let schemas = Schemas::find()?;
    let promtool = test::promtool()?;
    let versions = schemas.oldest_and_newest(SUPPORTED)?;

    let mut checks = Checks::default();
    checks.note("helm lint", lint_chart(&helm));
    check_renders(&mut checks, &helm, &schemas, &versions);
    checks.note(
        "wrong values are refused",
        refused::check(&helm, &versions[1]),
    );
    checks.note("values are documented", values::check());
    checks.note("kustomize is up to date", kustomize::check_generated(&helm));
    check_kustomize(&mut checks, &kubectl, &schemas, &versions[1]);
    checks.note("alerts", promtool::check_rules(&promtool));
    checks.note("tests of alerts", promtool::check_tests(&promtool));
    checks.note("dashboards", dashboards::check_dashboards());
    checks.note("queries", dashboards::check_queries(&promtool));
    if !checks.failed.is_empty() {
        bail!(
            "{} of {} checks failed: {}",
            checks.failed.len(),
            checks.n,
            checks.failed.join(", ")
        );
    }
    Ok(())
}

fn check_renders(checks: &mut Checks, helm: &Helm, schemas: &Schemas, versions: &[String]) {
    const WHAT: &str = "every value changes the manifests";
    let rendered = match render_all(helm, versions) {
        Ok(rendered) => rendered,
        Err(error) => return checks.note(WHAT, Err(error)),
    };
    let n = rendered.len();
    checks.note(WHAT, Ok(format!("{n} sets of values and versions")));
    checks.note("API schemas", check_schemas(schemas, versions, &rendered));
    checks.note("rights", check_policy(&rendered));
    let objects = rendered.iter().flat_map(|rendered| &rendered.objects);
    checks.note("settings are the agent's", settings::check(objects));
}

fn check_kustomize(checks: &mut Checks, kubectl: &Path, schemas: &Schemas, version: &str) {
    let built = match kustomize::build(kubectl) {
        Ok(built) => built,
        Err(error) => return checks.note("kubectl kustomize", Err(error)),
    };
    checks.note("kubectl kustomize", kustomize::check(&built));
    let versions = [version.to_owned()];
    let built: Vec<Rendered> = built
        .into_iter()
        .map(|(title, objects)| Rendered {
            title,
            version: version.to_owned(),
            objects,
        })
        .collect();
    checks.note(
        "API schemas, kustomize",
        check_schemas(schemas, &versions, &built),
    );
    checks.note("rights, kustomize", check_policy(&built));
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
