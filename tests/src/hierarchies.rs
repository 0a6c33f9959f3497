//! The hierarchies of cgroups that the machine has, and how a cgroup is taken out of one.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{mounts, process::output};

/// How long ended processes may take to leave their cgroups.
const REMOVAL: Duration = Duration::from_secs(5);

/// Where cgroup v2 is mounted: alone at `/sys/fs/cgroup`, or beside v1 at `.../unified`.
pub fn v2() -> Result<PathBuf> {
    mounts::of_kind("cgroup2")?.into_iter().next().context(
        "cgroup v2 is not mounted; mount it with `mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`",
    )
}

/// The v2 hierarchy, then those of v1 beside it: a container runtime makes a container's cgroup in
/// all of them.
pub fn all() -> Result<Vec<PathBuf>> {
    let mut found = vec![v2()?];
    found.extend(mounts::of_kind("cgroup")?);
    Ok(found)
}

/// Ends every process in a cgroup and below, then removes the directories.
pub fn remove_tree(dir: &Path) -> Result<()> {
    let begin = Instant::now();
    loop {
        if !dir.exists() {
            return Ok(());
        }
        kill_all(dir)?;
        let Err(error) = remove_dirs(dir) else {
            return Ok(());
        };
        if begin.elapsed() > REMOVAL {
            bail!("cannot remove {}: {error}", dir.display());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Only processes that this run started are ever put into its cgroups.
fn kill_all(dir: &Path) -> Result<()> {
    for child in children(dir) {
        kill_all(&child)?;
    }
    let pids = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    for pid in pids.lines() {
        // An error means that it ended in between.
        drop(output(Command::new("kill").args(["-KILL", pid])));
    }
    Ok(())
}

/// A cgroup's files go with its directory; only the directories are removed, innermost first.
fn remove_dirs(dir: &Path) -> std::io::Result<()> {
    for child in children(dir) {
        remove_dirs(&child)?;
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.map(|entry| entry.path()).collect()
}
