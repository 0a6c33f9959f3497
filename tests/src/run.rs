//! One run of the simulated node: its name, its directory, and the removal of what is left.
//!
//! Everything a run makes carries its name, so that runs beside each other do not meet and what a
//! killed run left behind can be told from what is in use.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, bail};

use crate::{hierarchies, mounts, process::output, wait};

/// Runs of this process so far: tests make several.
static RUNS: AtomicU32 = AtomicU32::new(0);

const NETNS_PREFIX: &str = "eo";
const DIR_PREFIX: &str = "egress-observer-";

/// Name and directory of one run. Keep it until the last: dropping it removes the directory.
#[derive(Debug)]
pub struct Run {
    id: String,
    dir: PathBuf,
}

impl Run {
    /// Starts a run: checks for root, removes what ended runs left, makes the directory.
    pub fn start() -> Result<Self> {
        if output(Command::new("id").arg("-u"))?.trim() != "0" {
            bail!("the simulated node needs root: it makes network namespaces and cgroups");
        }
        wait::catch_interrupts()?;
        remove_leftovers_of_ended_runs().context("cannot remove what an earlier run left")?;
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(format!("{DIR_PREFIX}{id}"));
        fs::create_dir_all(dir.join("logs"))
            .with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self { id, dir })
    }

    /// `<pid>-<number>`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Files of this run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where background programs write.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The name of a network namespace of this run.
    pub fn netns_name(&self, name: &str) -> String {
        format!("{NETNS_PREFIX}{}-{name}", self.id)
    }

    /// The name of this run's cgroup, below the cgroup v2 root.
    pub fn cgroup_name(&self) -> String {
        format!("{DIR_PREFIX}{}", self.id)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// Everything on the machine that carries a run's name, one line each.
pub fn leftovers(id: &str) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for name in netns_names()? {
        if name.starts_with(&format!("{NETNS_PREFIX}{id}-")) {
            left.push(format!("network namespace {name}"));
        }
    }
    let dir_name = format!("{DIR_PREFIX}{id}");
    let mut places = hierarchies::all()?;
    places.push(std::env::temp_dir());
    for place in places {
        let dir = place.join(&dir_name);
        if dir.exists() {
            left.push(format!("directory {}", dir.display()));
        }
    }
    for mount in mounts::of_kind("bpf")? {
        if mount.to_string_lossy().contains(&format!("/{dir_name}/")) {
            left.push(format!("mount {}", mount.display()));
        }
    }
    Ok(left)
}

/// Removes the leftovers of runs whose process is gone.
fn remove_leftovers_of_ended_runs() -> Result<()> {
    for mount in mounts::of_kind("bpf")? {
        let parent = mount.parent().and_then(Path::file_name);
        if has_ended(&parent.unwrap_or_default().to_string_lossy(), DIR_PREFIX) {
            unless_gone(mounts::unmount(&mount), || {
                Ok(mounts::of_kind("bpf")?.contains(&mount))
            })?;
        }
    }
    // Processes are in the cgroups, and hold the namespaces.
    for hierarchy in hierarchies::all()? {
        for dir in ended_dirs(&hierarchy)? {
            hierarchies::remove_tree(&dir)?;
        }
    }
    for name in netns_names()? {
        if has_ended(&name, NETNS_PREFIX) {
            let deleted = output(Command::new("ip").args(["netns", "delete", &name])).map(|_| ());
            unless_gone(deleted, || Ok(netns_names()?.contains(&name)))?;
        }
    }
    for dir in ended_dirs(&std::env::temp_dir())? {
        let removed = fs::remove_dir_all(&dir);
        let removed = removed.with_context(|| format!("cannot remove {}", dir.display()));
        unless_gone(removed, || Ok(dir.exists()))?;
    }
    Ok(())
}

/// A run that starts at the same time removes the same things: what is gone is no error.
fn unless_gone(outcome: Result<()>, is_there: impl FnOnce() -> Result<bool>) -> Result<()> {
    match outcome {
        Err(error) if is_there()? => Err(error),
        _ => Ok(()),
    }
}

fn netns_names() -> Result<Vec<String>> {
    let text = output(Command::new("ip").args(["netns", "list"]))?;
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

fn ended_dirs(place: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(place).with_context(|| format!("cannot read {}", place.display()))?;
    let dirs = entries.filter_map(Result::ok).filter(|entry| {
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_dir && has_ended(&entry.file_name().to_string_lossy(), DIR_PREFIX)
    });
    Ok(dirs.map(|entry| entry.path()).collect())
}

/// Whether `name` is `<prefix><pid>-...` of a process that is gone. This process is not.
fn has_ended(name: &str, prefix: &str) -> bool {
    let Some((pid, _)) = name
        .strip_prefix(prefix)
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    pid.parse::<u32>()
        .is_ok_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ended_processes_are_leftovers() {
        let own = std::process::id();
        assert!(!has_ended(&format!("eo{own}-0-node"), "eo"));
        assert!(!has_ended("eolian-0", "eo"));
        assert!(!has_ended("eo123", "eo"));
        // Above the largest process id that Linux gives out.
        assert!(has_ended("eo4194305-0-node", "eo"));
    }
}
