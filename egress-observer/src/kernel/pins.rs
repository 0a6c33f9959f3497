//! What outlives the process: links and tables pinned in a BPF file system, in a directory named
//! by the layout of the tables.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use aya::maps::MapInfo;
use egress_observer_common::{
    LAYOUT_VERSION,
    maps::{BpfMap, MAPS},
    programs::{CGROUP_PROGRAMS, EO_CONNECT4},
};
use tracing::{info, warn};

use super::{error::KernelError, options::Sizes, sys};

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
        fs::create_dir_all(root).map_err(unusable(&dir))?;
        let lock = lock(root)?;
        fs::create_dir_all(&dir).map_err(unusable(&dir))?;
        drop_other_layouts(root, &dir).map_err(unusable(&dir))?;
        Ok(Some(Self { dir, _lock: lock }))
    }

    /// Where something is pinned.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Checks every pinned table before it is used as if it were ours, and takes its size over.
    /// A table of the right layout number and the wrong shape is not ours: all are dropped.
    pub(super) fn adopt_tables(&self, sizes: &mut Sizes) -> Result<(), KernelError> {
        let tables = MAPS.iter().filter(|map| map.is_pinned());
        let (pinned, missing): (Vec<&BpfMap>, Vec<_>) =
            tables.partition(|map| self.path(map.name).exists());
        for map in &pinned {
            match MapInfo::from_pin(self.path(map.name)) {
                Ok(info) if fits(&info, map) => sizes.adopt(map, info.max_entries()),
                Ok(_) | Err(_) => {
                    warn!(
                        table = map.name,
                        "a pinned table has another shape: all pins are dropped"
                    );
                    return self.clear();
                }
            }
        }
        if missing.is_empty() {
            info!(pin_dir = %self.dir.display(), "tables of an earlier agent taken over");
            return Ok(());
        }
        if !pinned.is_empty() {
            warn!("some pinned tables are missing: all pins are dropped");
        }
        self.clear()
    }

    fn clear(&self) -> Result<(), KernelError> {
        remove(&self.dir)
            .and_then(|()| fs::create_dir_all(&self.dir))
            .map_err(unusable(&self.dir))
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
        sys::open_pin(&self.path(EO_CONNECT4.name))
            .ok()
            .and_then(|link| sys::link_cgroup(link.as_fd()))
    }

    /// Removes one pinned link, if it is there.
    pub(super) fn remove_link(&self, name: &str) {
        drop(fs::remove_file(self.path(name)));
    }

    /// Removes the pinned links, which detaches the programs behind them.
    pub(super) fn remove_links(&self) {
        for program in CGROUP_PROGRAMS {
            self.remove_link(program.name);
        }
    }
}

/// Whether what is pinned has the type, key size and value size of the table.
fn fits(info: &MapInfo, map: &BpfMap) -> bool {
    let kind = info.map_type().ok().map(|kind| kind as u32);
    kind == Some(map.kind as u32)
        && info.key_size() == map.key_size
        && info.value_size() == map.value_size
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> KernelError {
    move |source| KernelError::Pins {
        path: path.to_owned(),
        source,
    }
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
    if !root.is_dir() {
        return Ok(false);
    }
    if !on_bpf_fs(root) {
        return Err(KernelError::NotBpfFs {
            path: root.to_owned(),
        });
    }
    let _lock = lock(root)?;
    let layouts = layouts(root).map_err(unusable(root))?;
    for layout in &layouts {
        remove(layout).map_err(unusable(root))?;
    }
    if fs::read_dir(root).map_err(unusable(root))?.next().is_none() {
        fs::remove_dir(root).map_err(unusable(root))?;
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
    let dir = File::open(root).map_err(unusable(root))?;
    match dir.try_lock() {
        Ok(()) => Ok(dir),
        Err(TryLockError::WouldBlock) => Err(KernelError::InUse {
            path: root.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(unusable(root)(source)),
    }
}
