//! A private bpffs for the agent's pins. Unmounting it removes every pin, and with the links the
//! programs are detached.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{process::output, run::Run};

/// A bpffs in the run's directory. Dropping it unmounts it.
#[derive(Debug)]
pub struct Bpffs {
    dir: PathBuf,
}

impl Bpffs {
    pub fn mount(run: &Run) -> Result<Self> {
        let dir = run.dir().join("bpf");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        output(Command::new("mount").args(["-t", "bpf", "bpf"]).arg(&dir))
            .context("cannot mount a bpffs (does this kernel have CONFIG_BPF_SYSCALL?)")?;
        Ok(Self { dir })
    }

    /// What stands for a node's `/sys/fs/bpf`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What to give the agent as `--pin-dir`.
    pub fn pin_dir(&self) -> PathBuf {
        self.dir.join("egress-observer")
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        drop(unmount(&self.dir));
    }
}

/// Every bpffs of this mount namespace.
pub fn mounts() -> Result<Vec<PathBuf>> {
    Ok(mount_points(
        &fs::read_to_string("/proc/self/mountinfo")?,
        "bpf",
    ))
}

pub fn unmount(dir: &Path) -> Result<()> {
    output(Command::new("umount").arg(dir)).map(|_| ())
}

/// The mount points of one kind of file system in the text of `/proc/<pid>/mountinfo`.
pub(crate) fn mount_points(mountinfo: &str, kind: &str) -> Vec<PathBuf> {
    let of_kind = |line: &&str| {
        let after = line.split_once(" - ").map(|(_, after)| after);
        after.and_then(|after| after.split(' ').next()) == Some(kind)
    };
    let points = mountinfo
        .lines()
        .filter(of_kind)
        .filter_map(|line| line.split(' ').nth(4));
    points.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_found_by_kind() {
        let text = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                    41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n\
                    42 31 0:39 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        assert_eq!(
            mount_points(text, "cgroup2"),
            [PathBuf::from("/sys/fs/cgroup/unified")]
        );
        assert_eq!(mount_points(text, "bpf"), [] as [PathBuf; 0]);
    }
}
