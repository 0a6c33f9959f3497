//! What is mounted, in this mount namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::process::output;

/// Where file systems of one kind are mounted in this mount namespace, in the order of its table.
pub(crate) fn of_kind(kind: &str) -> Result<Vec<PathBuf>> {
    let table =
        fs::read_to_string("/proc/self/mountinfo").context("cannot read the mount table")?;
    Ok(mount_points(&table, kind))
}

pub(crate) fn unmount(dir: &Path) -> Result<()> {
    output(Command::new("umount").arg(dir)).map(|_| ())
}

/// The mount points of one kind of file system in the text of `/proc/<pid>/mountinfo`.
fn mount_points(mountinfo: &str, kind: &str) -> Vec<PathBuf> {
    let points = mountinfo.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let is_it = file_system.split(' ').next() == Some(kind);
        is_it.then(|| mount.split(' ').nth(4))?
    });
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
