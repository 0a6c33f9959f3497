//! What the machine must offer, asked for before anything is loaded, so that what is missing is
//! one clear sentence instead of an error number.

use std::{
    cmp::Reverse,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// What is missing, and what to do.
#[derive(Debug, Error)]
pub enum MissingOnNode {
    /// No cgroup v2 hierarchy is mounted.
    #[error(
        "no cgroup v2 hierarchy is mounted: boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), \
         or mount the host's /sys/fs/cgroup into the container"
    )]
    CgroupV2,
    /// `--cgroup-root` is not in a cgroup v2 hierarchy.
    #[error(
        "--cgroup-root {path}: not a directory of a cgroup v2 hierarchy (no cgroup.procs in it)"
    )]
    NotACgroup {
        /// The directory given.
        path: PathBuf,
    },
    /// The process may not load programs.
    #[error(
        "missing capabilities {names}: run as root, or add them to the container's \
         securityContext.capabilities"
    )]
    Capabilities {
        /// Comma-separated.
        names: String,
    },
    /// The kernel is too old.
    #[error("kernel {release} is older than 5.15, the oldest that has what the programs need")]
    Kernel {
        /// As `uname -r` prints it.
        release: String,
    },
    /// Built without the programs.
    #[error("this binary was built without the eBPF programs: build it with `cargo xtask build`")]
    Object,
}

const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Oldest kernel that tells a `sock_ops` program its socket's network namespace.
const OLDEST_KERNEL: (u32, u32) = (5, 15);

/// Checks capabilities and kernel; every problem found, none if it can run here.
pub fn check() -> Vec<MissingOnNode> {
    let mut missing = Vec::new();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(names) = missing_capabilities(&status) {
        missing.push(MissingOnNode::Capabilities { names });
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if let Some(version) = version(&release)
        && version < OLDEST_KERNEL
    {
        missing.push(MissingOnNode::Kernel {
            release: release.trim().to_owned(),
        });
    }
    missing
}

/// Names of the capabilities that are needed and not effective, per `/proc/self/status`.
fn missing_capabilities(status: &str) -> Option<String> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())?;
    if has(effective, CAP_SYS_ADMIN) && has(effective, CAP_NET_ADMIN) {
        return None;
    }
    let names: Vec<_> = [
        (CAP_BPF, "CAP_BPF"),
        (CAP_PERFMON, "CAP_PERFMON"),
        (CAP_NET_ADMIN, "CAP_NET_ADMIN"),
    ]
    .into_iter()
    .filter(|(capability, _)| !has(effective, *capability))
    .map(|(_, name)| name)
    .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn has(effective: u64, capability: u32) -> bool {
    effective & 1 << capability != 0
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Where cgroup v2 is mounted, from the mount table (`/proc/self/mountinfo`, proc(5)); in a hybrid
/// layout that is beside the v1 controllers, such as `/sys/fs/cgroup/unified`.
///
/// A container has its own part of the hierarchy mounted besides the host's: of several mounts, the
/// one that reaches furthest up.
pub fn cgroup_root(mount_table: &str) -> Result<PathBuf, MissingOnNode> {
    let found = mounts(mount_table, "cgroup2 ").min_by_key(|mount| Reverse(reach(mount.root)));
    found.map(|mount| mount.path).ok_or(MissingOnNode::CgroupV2)
}

/// How far up the hierarchy a mount reaches, to be compared. Its root is told from the process's own
/// cgroup namespace: `/../..` is two levels above that (cgroup_namespaces(7)), `/a` one below.
fn reach(root: &str) -> (usize, Reverse<usize>) {
    let steps = root.split('/').filter(|step| !step.is_empty());
    let (up, down): (Vec<&str>, Vec<&str>) = steps.partition(|step| *step == "..");
    (up.len(), Reverse(down.len()))
}

/// The v1 hierarchy that holds the pods, where the v2 one does not: their connections cannot be
/// told from the node's own.
pub fn pods_in_v1(mount_table: &str, root: &Path) -> Option<PathBuf> {
    if holds_pods(root) {
        return None;
    }
    mounts(mount_table, "cgroup ")
        .map(|mount| mount.path)
        .find(|dir| holds_pods(dir))
}

/// Whether a root is only a part of the hierarchy, as a container has it, and without pods in it (kind's
/// nodes are containers, too, and have pods). The root of all has the inode number 1 (`kernfs`).
pub fn is_without_pods(root: &Path) -> bool {
    let part = fs::metadata(root).is_ok_and(|root| root.ino() != 1);
    part && !holds_pods(root)
}

fn holds_pods(dir: &Path) -> bool {
    KUBELET.iter().any(|name| dir.join(name).is_dir())
}

/// A mount: where it is, and which directory of its file system it shows.
struct Mount<'a> {
    path: PathBuf,
    root: &'a str,
}

/// Mounts of a kind of file system, in the order of the table.
fn mounts<'a>(mount_table: &'a str, kind: &'a str) -> impl Iterator<Item = Mount<'a>> {
    mount_table.lines().filter_map(move |line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, path) = (fields.next()?, fields.next()?);
        source.starts_with(kind).then(|| Mount {
            path: PathBuf::from(path.replace("\\040", " ")),
            root,
        })
    })
}

/// Where the kubelet keeps all pods, by driver, and as kind nests it.
const KUBELET: [&str; 4] = [
    "kubepods.slice",
    "kubepods",
    "kubelet.slice/kubelet-kubepods.slice",
    "kubelet/kubepods",
];

/// Where to attach: the directory that holds all pods, or the root if there is none (yet), or more
/// than one. Nearer to the pods, the programs run before those of tools at the root, and leave the
/// host's own daemons alone.
pub fn pod_root(root: &Path) -> PathBuf {
    let mut found = KUBELET
        .iter()
        .map(|name| root.join(name))
        .filter(|path| path.is_dir());
    match (found.next(), found.next()) {
        (Some(only), None) => only,
        _ => root.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_v2_mount_is_found_beside_v1_controllers() {
        let table = "25 30 0:22 / /sys/fs/cgroup rw shared:4 - tmpfs tmpfs ro,mode=755\n\
                     26 25 0:23 / /sys/fs/cgroup/cpu rw shared:5 - cgroup cgroup rw,cpu\n\
                     27 25 0:24 / /sys/fs/cgroup/unified rw,nosuid shared:6 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            cgroup_root(table).unwrap(),
            Path::new("/sys/fs/cgroup/unified")
        );
    }

    #[test]
    fn in_a_container_the_hosts_mount_is_taken_and_not_its_own() {
        let own = "31 30 0:38 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";
        let host = "40 30 0:38 /../../../.. /host/sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";
        for table in [format!("{own}{host}"), format!("{host}{own}")] {
            assert_eq!(
                cgroup_root(&table).unwrap(),
                Path::new("/host/sys/fs/cgroup")
            );
        }
        assert_eq!(cgroup_root(own).unwrap(), Path::new("/sys/fs/cgroup"));
    }

    #[test]
    fn a_part_of_the_hierarchy_reaches_less_far_than_all_of_it() {
        let roots = ["/../..", "/../../a", "/..", "/../a", "/", "/a", "/a/b"];
        assert!(roots.is_sorted_by(|a, b| reach(a) > reach(b)));
        // Mounted twice: the first one.
        let table = "26 25 0:24 / /a rw - cgroup2 cgroup2 rw\n\
                     27 25 0:24 / /b rw - cgroup2 cgroup2 rw\n";
        assert_eq!(cgroup_root(table).unwrap(), Path::new("/a"));
    }

    #[test]
    fn a_part_of_the_hierarchy_without_pods_is_suspicious() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_without_pods(dir.path()));
        fs::create_dir(dir.path().join("kubepods.slice")).unwrap();
        assert!(!is_without_pods(dir.path()));
    }

    #[test]
    fn v1_alone_is_refused() {
        let table = "26 25 0:23 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        assert!(matches!(cgroup_root(table), Err(MissingOnNode::CgroupV2)));
    }

    #[test]
    fn the_missing_capabilities_are_named() {
        assert_eq!(missing_capabilities("CapEff:\t000001fffeffffff\n"), None);
        // BPF and PERFMON, no NET_ADMIN.
        let names = missing_capabilities("CapEff:\t000000c000000000\n");
        assert_eq!(names.as_deref(), Some("CAP_NET_ADMIN"));
        let names = missing_capabilities("CapEff:\t0000000000000000\n");
        assert_eq!(
            names.as_deref(),
            Some("CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN")
        );
    }

    #[test]
    fn releases_compare_as_numbers() {
        assert_eq!(version("5.15.0-105-generic\n"), Some((5, 15)));
        assert!(version("6.1.0").unwrap() > OLDEST_KERNEL);
        assert!(version("5.9.16").unwrap() < OLDEST_KERNEL);
    }
}
