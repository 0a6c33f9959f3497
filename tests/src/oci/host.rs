//! A container for what runs in a pod: an empty root file system in which the machine's own
//! programs stand, so that any of them can play the application.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    runc::{RuncContainer, bundle},
    spec::{Bind, DEFAULT_CAPABILITIES, Spec},
};
use crate::run::Run;

/// Programs and what they read. `/lib` and its like are links on merged systems, and directories
/// on others.
const PROGRAMS: [&str; 8] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc/ssl",
    "/etc/ld.so.cache",
    "/etc/passwd",
];

/// A container that does nothing until it is told to.
#[derive(Clone, Copy, Debug)]
pub struct Idle<'a> {
    pub id: &'a str,
    pub hostname: &'a str,
    pub netns: &'a Path,
    /// From the root of each hierarchy.
    pub cgroup: &'a Path,
    pub resolv_conf: &'a Path,
    /// Directories besides the programs, at the same place as outside.
    pub shared: &'a [PathBuf],
}

impl Idle<'_> {
    /// Starts it; commands come by [`RuncContainer::exec`].
    pub fn start(self, run: &Run) -> Result<RuncContainer> {
        let rootfs = bundle(run, self.id).join("rootfs");
        let mut mounts = programs(&rootfs)?;
        mounts.extend(self.shared.iter().map(|dir| Bind::same(dir)));
        mounts.push(Bind {
            destination: PathBuf::from("/etc/resolv.conf"),
            ..Bind::same(self.resolv_conf)
        });
        let spec = Spec {
            rootfs,
            read_only_root: false,
            hostname: self.hostname.to_owned(),
            args: ["sleep", "infinity"].map(str::to_owned).to_vec(),
            environment: vec!["PATH=/usr/bin:/bin".to_owned()],
            user: (0, 0),
            capabilities: DEFAULT_CAPABILITIES.map(str::to_owned).to_vec(),
            no_new_privileges: false,
            mounts,
            netns: self.netns.to_owned(),
            cgroup: self.cgroup.to_owned(),
            memory_limit: None,
        };
        let container = RuncContainer::create(run, self.id, &spec)?;
        container
            .start(&run.logs())
            .with_context(|| format!("cannot start a container of {}", self.hostname))?;
        Ok(container)
    }
}

/// Makes the links; what they lead to is mounted.
fn programs(rootfs: &Path) -> Result<Vec<Bind>> {
    fs::create_dir_all(rootfs).with_context(|| format!("cannot make {}", rootfs.display()))?;
    let mut mounts = Vec::new();
    for path in PROGRAMS
        .map(Path::new)
        .into_iter()
        .filter(|path| path.exists())
    {
        match fs::read_link(path) {
            Ok(target) => {
                let link = rootfs.join(path.strip_prefix("/").unwrap_or(path));
                symlink(&target, &link)
                    .with_context(|| format!("cannot link {}", link.display()))?;
            }
            Err(_no_link) => mounts.push(Bind::same(path)),
        }
    }
    Ok(mounts)
}
