//! What outlives the process: links and tables pinned in a BPF file system, in a directory named
//! by the layout of the tables.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use aya::maps::{MapInfo, MapType};
use egress_observer_common::{FlowKey, LAYOUT_VERSION, N_SHARED, Proof, Slot, names};
use tracing::{info, warn};

use super::{KernelError, Sizes, sys};

/// The magic number of a BPF file system (`linux/magic.h`).
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// The pin directory of one agent.
#[derive(Debug)]
pub(super) struct Pins {
    dir: PathBuf,
    /// As long as it is open, no other agent uses the directory.
    _lock: File,
}

impl Pins {
    /// The directory for this layout under `root`, made if need be; pins of other layouts are
    /// removed. `None`, with a warning, if `root` is not in a BPF file system.
    pub(super) fn open(root: &Path) -> Result<Option<Self>, KernelError> {
        if !on_bpf_fs(root) {
            warn!(
                pin_dir = %root.display(),
                "not in a BPF file system: counting stops when the agent does; \
                 mount one (mount -t bpf bpf /sys/fs/bpf) to let a new agent take over"
            );
            return Ok(None);
        }
        let dir = root.join(format!("v{LAYOUT_VERSION}"));
        let failed = |source| KernelError::Pins {
            path: dir.clone(),
            source,
        };
        fs::create_dir_all(root).map_err(failed)?;
        let lock = lock(root)?;
        fs::create_dir_all(&dir).map_err(failed)?;
        drop_other_layouts(root, &dir).map_err(failed)?;
        Ok(Some(Self { dir, _lock: lock }))
    }

    /// Where something is pinned.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Checks every pinned table before it is used as if it were ours, and takes its size over.
    /// A table of the right layout number and the wrong shape is not ours: all are dropped.
    pub(super) fn adopt_tables(&self, sizes: &mut Sizes) -> Result<(), KernelError> {
        let pinned = names::TABLES
            .into_iter()
            .filter(|name| self.path(name).exists());
        let mut n_adopted = 0;
        for name in pinned {
            let info = MapInfo::from_pin(self.path(name));
            let fits = info.is_ok_and(|info| {
                let fits =
                    shape(name) == (info.map_type().ok(), info.key_size(), info.value_size());
                if fits {
                    sizes.adopt(name, info.max_entries());
                }
                fits
            });
            if !fits {
                warn!(
                    table = name,
                    "a pinned table has another shape: all pins are dropped"
                );
                return self.clear();
            }
            n_adopted += 1;
        }
        if n_adopted == names::TABLES.len() {
            info!(pin_dir = %self.dir.display(), "tables of an earlier agent taken over");
            return Ok(());
        }
        if n_adopted > 0 {
            warn!("some pinned tables are missing: all pins are dropped");
        }
        self.clear()
    }

    fn clear(&self) -> Result<(), KernelError> {
        remove(&self.dir)
            .and_then(|()| fs::create_dir_all(&self.dir))
            .map_err(|source| KernelError::Pins {
                path: self.dir.clone(),
                source,
            })
    }

    /// Puts `program` behind the pinned link `name`. `None` if there is none, or its cgroup is
    /// gone; it is then removed.
    pub(super) fn replace(&self, name: &str, program: BorrowedFd<'_>) -> Option<OwnedFd> {
        let path = self.path(name);
        let updated = sys::open_pin(&path)
            .and_then(|link| sys::update_link(link.as_fd(), program).map(|()| link));
        match updated {
            Ok(link) => Some(link),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!(link = name, %error, "a pinned link cannot be used: attaching anew");
                drop(fs::remove_file(&path));
                None
            }
        }
    }

    /// Lets a link outlive the process.
    pub(super) fn keep(&self, name: &'static str, link: BorrowedFd<'_>) -> Result<(), KernelError> {
        sys::pin(link, &self.path(name)).map_err(|source| KernelError::Pin { name, source })
    }

    /// Where the pinned links are attached, as the agent that made them noted.
    pub(super) fn attached_to(&self) -> Option<u64> {
        sys::open_pin(&self.path(names::CONNECT4))
            .ok()
            .and_then(|link| sys::link_cgroup(link.as_fd()))
    }

    /// Removes one pinned link, if it is there.
    pub(super) fn remove_link(&self, name: &str) {
        drop(fs::remove_file(self.path(name)));
    }

    /// Removes the pinned links, which detaches the programs behind them.
    pub(super) fn remove_links(&self) {
        for name in names::CGROUP_PROGRAMS {
            self.remove_link(name);
        }
    }
}

/// Type, key size and value size that a table must have.
fn shape(name: &str) -> (Option<MapType>, u32, u32) {
    let size = |bytes: usize| bytes as u32;
    let (map_type, key, value) = match name {
        names::FLOWS => (MapType::Hash, size_of::<FlowKey>(), 4),
        names::SLOTS => (MapType::Array, 4, size_of::<Slot>()),
        names::FREE_SLOTS => (MapType::Queue, 0, 4),
        names::ATTEMPTS => (MapType::Array, 4, 8),
        names::PROOFS => (MapType::Array, 4, size_of::<Proof>()),
        names::SHARED => (MapType::Array, 4, 8 * N_SHARED),
        names::ANSWERS | names::CGROUPS => (MapType::RingBuf, 0, 0),
        _ => (MapType::SkStorage, 4, 40),
    };
    (Some(map_type), size(key), size(value))
}

fn on_bpf_fs(path: &Path) -> bool {
    path.ancestors()
        .find(|path| path.exists())
        .is_some_and(|path| sys::file_system(path).is_ok_and(|magic| magic == BPF_FS_MAGIC))
}

fn drop_other_layouts(root: &Path, keep: &Path) -> io::Result<()> {
    for path in layouts(root)?.into_iter().filter(|path| path != keep) {
        warn!(
            path = %path.display(),
            "tables of another layout are dropped, with what they counted since the last scrape"
        );
        remove(&path)?;
    }
    Ok(())
}

/// The directories `v<number>` in a pin directory; no links to directories.
fn layouts(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut layouts = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix('v'));
        let numbered = number.is_some_and(|number| number.parse::<u32>().is_ok());
        if numbered && entry.file_type()?.is_dir() {
            layouts.push(entry.path());
        }
    }
    Ok(layouts)
}

/// Removes all layouts under an agent's pin directory, and what is pinned there from the kernel.
/// Touches nothing that no agent made. False if there was no layout.
pub(super) fn uninstall(root: &Path) -> Result<bool, KernelError> {
    let failed = |source| KernelError::Pins {
        path: root.to_owned(),
        source,
    };
    if !root.is_dir() {
        return Ok(false);
    }
    if !on_bpf_fs(root) {
        return Err(KernelError::NotBpfFs {
            path: root.to_owned(),
        });
    }
    let _lock = lock(root)?;
    let layouts = layouts(root).map_err(failed)?;
    for layout in &layouts {
        remove(layout).map_err(failed)?;
    }
    if fs::read_dir(root).map_err(failed)?.next().is_none() {
        fs::remove_dir(root).map_err(failed)?;
    }
    Ok(!layouts.is_empty())
}

/// Removes one layout. There are no directories in it.
fn remove(layout: &Path) -> io::Result<()> {
    for entry in fs::read_dir(layout)? {
        fs::remove_file(entry?.path())?;
    }
    fs::remove_dir(layout)
}

/// Keeps a second agent away: two would give each other's slots back.
fn lock(root: &Path) -> Result<File, KernelError> {
    let failed = |source| KernelError::Pins {
        path: root.to_owned(),
        source,
    };
    let dir = File::open(root).map_err(failed)?;
    match dir.try_lock() {
        Ok(()) => Ok(dir),
        Err(TryLockError::WouldBlock) => Err(KernelError::InUse {
            path: root.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
