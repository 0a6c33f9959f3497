//! A container's `config.json` (OCI runtime specification 1.0), with everything in it that
//! containerd gives to a container that is not privileged.
//!
//! Left out: seccomp, since the kubelet asks for none, and limits of open files and processes,
//! which a test machine may not be allowed to set.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What containerd leaves to a container whose manifest says nothing.
pub const DEFAULT_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// What differs between containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub rootfs: PathBuf,
    pub read_only_root: bool,
    pub hostname: String,
    pub args: Vec<String>,
    /// `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Uid and gid.
    pub user: (u32, u32),
    pub capabilities: Vec<String>,
    pub no_new_privileges: bool,
    /// After those that every container has.
    pub mounts: Vec<Bind>,
    /// The file of the pod's network namespace.
    pub netns: PathBuf,
    /// From the root of each hierarchy.
    pub cgroup: PathBuf,
    /// In bytes.
    pub memory_limit: Option<u64>,
}

/// A directory or file of the machine in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    pub source: PathBuf,
    pub destination: PathBuf,
    pub access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

impl Bind {
    /// At the same place, to be looked at only.
    pub fn same(path: &Path) -> Self {
        Self {
            source: path.to_owned(),
            destination: path.to_owned(),
            access: Access::ReadOnly,
        }
    }

    fn to_json(&self) -> Value {
        let access = match self.access {
            Access::ReadOnly => "ro",
            Access::ReadWrite => "rw",
        };
        json!({
            "type": "bind", "source": self.source, "destination": self.destination,
            "options": ["rbind", "rprivate", access],
        })
    }
}

impl Spec {
    pub fn to_json(&self) -> Value {
        let mut mounts = own_mounts();
        mounts.extend(self.mounts.iter().map(Bind::to_json));
        json!({
            "ociVersion": "1.0.2",
            "root": {"path": self.rootfs, "readonly": self.read_only_root},
            "hostname": self.hostname,
            "mounts": mounts,
            "process": self.process(),
            "linux": {
                "cgroupsPath": self.cgroup,
                "namespaces": [
                    {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                    {"type": "cgroup"}, {"type": "network", "path": self.netns},
                ],
                "maskedPaths": MASKED,
                "readonlyPaths": READ_ONLY,
                "resources": {"memory": {"limit": self.memory_limit}},
            },
        })
    }

    fn process(&self) -> Value {
        let (uid, gid) = self.user;
        json!({
            "args": self.args,
            "env": self.environment,
            "cwd": "/",
            "user": {"uid": uid, "gid": gid},
            "capabilities": {
                "bounding": self.capabilities,
                "effective": self.capabilities,
                "permitted": self.capabilities,
            },
            "noNewPrivileges": self.no_new_privileges,
            "rlimits": [],
        })
    }
}

/// File systems of the container's own. A machine that has cgroup v1 beside v2 gets what one with
/// v2 alone has: the container's part of the v2 hierarchy at `/sys/fs/cgroup`.
fn own_mounts() -> Vec<Value> {
    let dev = ["nosuid", "strictatime", "mode=755", "size=65536k"];
    let pts = [
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
    ];
    let shm = ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"];
    vec![
        mount("proc", "/proc", &["nosuid", "noexec", "nodev"]),
        mount("tmpfs", "/dev", &dev),
        mount("devpts", "/dev/pts", &pts),
        mount("mqueue", "/dev/mqueue", &["nosuid", "noexec", "nodev"]),
        mount("tmpfs", "/dev/shm", &shm),
        mount("sysfs", "/sys", &["nosuid", "noexec", "nodev", "ro"]),
        mount(
            "cgroup2",
            "/sys/fs/cgroup",
            &["nosuid", "noexec", "nodev", "relatime", "ro"],
        ),
    ]
}

fn mount(kind: &str, destination: &str, options: &[&str]) -> Value {
    json!({
        "type": kind, "source": kind, "destination": destination, "options": options,
    })
}
