//! cgroups named as the kubelet and the container runtime name them.

use std::{
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{bpffs::mount_points, process::output, run::Run};

/// How long ended processes may take to leave their cgroups.
const REMOVAL: Duration = Duration::from_secs(5);

/// Who names the cgroups of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The kubelet's systemd driver, with containerd.
    Systemd,
    /// The same with CRI-O.
    SystemdCrio,
    /// The same with Docker.
    SystemdDocker,
    /// The kubelet's cgroupfs driver.
    Cgroupfs,
}

impl Driver {
    /// A container's cgroup below the node's, for a pod of class Burstable.
    pub fn path(self, pod_uid: &str, container_id: &str) -> PathBuf {
        let systemd = |runtime: &str| {
            PathBuf::from(format!(
                "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/\
                 {runtime}-{container_id}.scope",
                pod_uid.replace('-', "_")
            ))
        };
        match self {
            Self::Systemd => systemd("cri-containerd"),
            Self::SystemdCrio => systemd("crio"),
            Self::SystemdDocker => systemd("docker"),
            Self::Cgroupfs => {
                PathBuf::from(format!("kubepods/burstable/pod{pod_uid}/{container_id}"))
            }
        }
    }
}

/// The cgroup of the whole simulated node. Dropping it ends what runs in it and removes it.
#[derive(Debug)]
pub struct NodeCgroup {
    dir: PathBuf,
}

impl NodeCgroup {
    pub fn create(run: &Run) -> Result<Self> {
        let dir = mount()?.join(run.cgroup_name());
        make(&dir)?;
        Ok(Self { dir })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes a container's cgroup.
    pub fn container(&self, driver: Driver, pod_uid: &str, container_id: &str) -> Result<PathBuf> {
        self.child(&driver.path(pod_uid, container_id))
    }

    /// Where a cgroup of this node is in every hierarchy, from its root.
    pub fn path(&self, dir: &Path) -> Result<PathBuf> {
        let below = dir.strip_prefix(mount()?);
        let below = below.with_context(|| format!("{} is no cgroup v2", dir.display()))?;
        Ok(Path::new("/").join(below))
    }

    /// Makes a cgroup for what is no pod, such as the servers outside.
    pub fn child(&self, path: &Path) -> Result<PathBuf> {
        let dir = self.dir.join(path);
        make(&dir)?;
        Ok(dir)
    }
}

impl Drop for NodeCgroup {
    fn drop(&mut self) {
        let name = self.dir.file_name().unwrap_or_default();
        for hierarchy in hierarchies().unwrap_or_default() {
            drop(remove_tree(&hierarchy.join(name)));
        }
    }
}

/// A program that joins a cgroup before it starts. A later run finds there what a killed run left
/// running.
pub fn command_in(cgroup: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        r#"echo $$ > "$1/cgroup.procs" && shift && exec "$@""#,
        "sh",
    ]);
    command.arg(cgroup).arg(program);
    command
}

/// Where cgroup v2 is mounted: alone at `/sys/fs/cgroup`, or beside v1 at `.../unified`.
pub fn mount() -> Result<PathBuf> {
    mount_points(&mount_table()?, "cgroup2").into_iter().next().context(
        "cgroup v2 is not mounted; mount it with `mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`",
    )
}

/// The v2 hierarchy, then those of v1 beside it: a container runtime makes a container's cgroup in
/// all of them.
pub fn hierarchies() -> Result<Vec<PathBuf>> {
    let mut found = vec![mount()?];
    found.extend(mount_points(&mount_table()?, "cgroup"));
    Ok(found)
}

fn mount_table() -> Result<String> {
    fs::read_to_string("/proc/self/mountinfo").context("cannot read the mount table")
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

fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the cgroup {}", dir.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "50c446d0-8c3c-418c-bc4b-1c8661c4e257";

    #[test]
    fn the_systemd_driver_writes_the_uid_with_underscores() {
        assert_eq!(
            Driver::Systemd.path(UID, "2c6a").to_str(),
            Some(
                "kubepods.slice/kubepods-burstable.slice/\
                 kubepods-burstable-pod50c446d0_8c3c_418c_bc4b_1c8661c4e257.slice/\
                 cri-containerd-2c6a.scope"
            )
        );
    }

    #[test]
    fn the_cgroupfs_driver_writes_the_uid_as_it_is() {
        assert_eq!(
            Driver::Cgroupfs.path(UID, "2c6a").to_str(),
            Some("kubepods/burstable/pod50c446d0-8c3c-418c-bc4b-1c8661c4e257/2c6a")
        );
    }
}
