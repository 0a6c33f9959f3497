//! The kustomize base and what belongs to it, made from the chart and checked with kubectl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::command;
use crate::helm::{Helm, Release};
use crate::objects::{self, title};
use crate::workspace;

const DIR: &str = "deploy/kustomize";

/// The first version that has a field for AppArmor's profile. Before, it is an annotation, which the
/// chart can tell and a fixed text cannot.
const KUBE_VERSION: &str = "1.30.0";

/// What is not the chart's any more once it is written down.
const OF_HELM: [&str; 3] = [
    "# Source:",
    "helm.sh/chart:",
    "app.kubernetes.io/managed-by:",
];

/// Generated files, and what helm is told for each.
const GENERATED: [(&str, &[&str]); 3] = [
    ("base/manifests.yaml", &[]),
    ("uninstall/manifests.yaml", &["--set=mode=uninstall"]),
    (
        "overlays/prometheus-operator/monitoring.yaml",
        &[
            "--set=metrics.podMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true",
            "--show-only=templates/monitors.yaml",
            "--show-only=templates/prometheusrule.yaml",
            "--show-only=templates/dashboards.yaml",
        ],
    ),
];

/// What takes the base's place to remove what agents left in the kernel of every node.
const UNINSTALL: &str = "uninstall";

/// Overlay, and the objects that it has besides those of the base.
const OVERLAYS: [(&str, &[&str]); 3] = [
    ("overlays/minimal", &[]),
    (
        "overlays/openshift",
        &["RoleBinding egress-observer/egress-observer-scc"],
    ),
    (
        "overlays/prometheus-operator",
        &[
            "ConfigMap egress-observer/egress-observer-agent",
            "ConfigMap egress-observer/egress-observer-overview",
            "ConfigMap egress-observer/egress-observer-workload",
            "PodMonitor egress-observer/egress-observer",
            "PrometheusRule egress-observer/egress-observer",
        ],
    ),
];

/// A directory, and the objects that kubectl makes of it.
pub type Directory = (String, Vec<Value>);

/// Writes the generated files.
pub fn write(helm: &Helm) -> Result<()> {
    for (file, args) in GENERATED {
        let path = path(file);
        fs::write(&path, generated(helm, args)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The generated files are those of today's chart. Says how many there are.
pub fn check_generated(helm: &Helm) -> Result<String> {
    for (file, args) in GENERATED {
        let text = fs::read_to_string(path(file)).unwrap_or_default();
        // By what it says: another version of helm may break lines elsewhere.
        if objects::read(&text)? != objects::read(&generated(helm, args)?)? {
            bail!(
                "{DIR}/{file} is not what the chart makes; `cargo xtask deploy generate` makes it"
            );
        }
    }
    Ok(format!("{} files", GENERATED.len()))
}

fn path(file: &str) -> PathBuf {
    workspace::root().join(DIR).join(file)
}

fn generated(helm: &Helm, args: &[&str]) -> Result<String> {
    let manifests = helm.template(&Release::on(KUBE_VERSION), args)?;
    let ours = manifests.lines().filter(|line| {
        let line = line.trim_start();
        !OF_HELM.iter().any(|word| line.starts_with(word))
    });
    let mut text =
        "# Made from the chart by `cargo xtask deploy generate`: change the chart instead.\n"
            .to_owned();
    for line in ours {
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}

/// What kubectl makes of base and overlays, each with its name.
pub fn build(kubectl: &Path) -> Result<Vec<Directory>> {
    let overlays = OVERLAYS.iter().map(|(name, _)| *name);
    ["base"]
        .into_iter()
        .chain(overlays)
        .chain([UNINSTALL])
        .map(|name| {
            let mut kustomize = Command::new(kubectl);
            kustomize.arg("kustomize").arg(path(name));
            let built = objects::read(&command::output(&mut kustomize)?)?;
            Ok((format!("{DIR}/{name}"), built))
        })
        .collect()
}

/// The base is what its files say, and each overlay is the base and what it adds, no less and no
/// more.
pub fn check(built: &[Directory]) -> Result<String> {
    let [(_, base), overlays @ .., (_, uninstall)] = built else {
        bail!("nothing was built");
    };
    let mut written = Vec::new();
    for file in ["base/namespace.yaml", "base/manifests.yaml"] {
        let text = fs::read_to_string(path(file)).with_context(|| format!("cannot read {file}"))?;
        written.extend(objects::read(&text)?);
    }
    if sorted(&written) != sorted(base) {
        bail!("{DIR}/base: kubectl makes other objects of it than are written there");
    }
    for ((name, objects), (_, added)) in overlays.iter().zip(OVERLAYS) {
        let mut expected: Vec<String> = base.iter().map(title).collect();
        expected.extend(added.iter().map(|title| (*title).to_owned()));
        let mut found: Vec<String> = objects.iter().map(title).collect();
        expected.sort_unstable();
        found.sort_unstable();
        if found != expected {
            bail!("{name}: has {found:?}, expected {expected:?}");
        }
        if added.is_empty() && sorted(objects) == sorted(base) {
            bail!("{name}: changes nothing");
        }
    }
    let of_base: Vec<String> = base.iter().map(title).collect();
    let mut titles = uninstall.iter().map(title);
    if let Some(other) = titles.find(|title| !of_base.contains(title)) {
        bail!("{DIR}/{UNINSTALL}: {other} takes the place of nothing in the base");
    }
    let n: usize = built.iter().map(|(_, objects)| objects.len()).sum();
    Ok(format!("{n} objects in {} directories", built.len()))
}

/// Objects as text, in an order of their own: kubectl sorts them its way.
fn sorted(objects: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    texts.sort_unstable();
    texts
}
