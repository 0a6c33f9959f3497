//! cgroups named as the kubelet and the container runtime name them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{hierarchies, run::Run};

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
        let runtime = match self {
            Self::Systemd => "cri-containerd",
            Self::SystemdCrio => "crio",
            Self::SystemdDocker => "docker",
            Self::Cgroupfs => {
                return PathBuf::from(format!("kubepods/burstable/pod{pod_uid}/{container_id}"));
            }
        };
        PathBuf::from(format!(
            "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/\
             {runtime}-{container_id}.scope",
            pod_uid.replace('-', "_")
        ))
    }
}

/// The cgroup of the whole simulated node. Dropping it ends what runs in it and removes it.
#[derive(Debug)]
pub struct NodeCgroup {
    dir: PathBuf,
}

impl NodeCgroup {
    pub fn create(run: &Run) -> Result<Self> {
        let dir = hierarchies::v2()?.join(run.cgroup_name());
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
        let below = dir.strip_prefix(hierarchies::v2()?);
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
        for hierarchy in hierarchies::all().unwrap_or_default() {
            drop(hierarchies::remove_tree(&hierarchy.join(name)));
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

fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the cgroup {}", dir.display()))
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
