//! Which pod and container a cgroup belongs to, from its path.
//!
//! A cgroup's id is the inode number of its directory. Ids of all directories are learnt at the
//! start, and of later ones when they are made (inotify), so that a container that lives for a
//! moment is known before its first connection is read. Names of removed directories are kept for
//! a while: their connections may not have been read yet.

pub(crate) mod path;

use std::{
    collections::HashMap,
    fs, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use thiserror::Error;
use tracing::warn;

pub use self::path::{Place, place};

/// How long the name of a removed cgroup is kept: longer than it takes to give up its flows.
const KEEP: Duration = Duration::from_secs(20 * 60);

/// Why cgroups cannot be followed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// inotify does not work.
    #[error("cannot watch for new cgroups; is fs.inotify.max_user_instances used up?")]
    Inotify(#[source] io::Error),
    /// The root cannot be read.
    #[error("cannot read the cgroup {path}")]
    Read {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Debug)]
struct Known {
    place: Place,
    removed: Option<Instant>,
}

/// All cgroups below a root.
#[derive(Debug)]
pub struct Cgroups {
    root: PathBuf,
    inotify: Inotify,
    by_id: HashMap<u64, Known>,
    id_by_path: HashMap<PathBuf, u64>,
    path_by_watch: HashMap<WatchDescriptor, PathBuf>,
    warned: bool,
}

impl Cgroups {
    /// Reads everything below `root` and starts to follow changes.
    pub fn new(root: &Path) -> Result<Self, CgroupError> {
        fs::read_dir(root).map_err(|source| CgroupError::Read {
            path: root.to_owned(),
            source,
        })?;
        let mut cgroups = Self {
            root: root.to_owned(),
            inotify: Inotify::init().map_err(CgroupError::Inotify)?,
            by_id: HashMap::new(),
            id_by_path: HashMap::new(),
            path_by_watch: HashMap::new(),
            warned: false,
        };
        cgroups.learn(root);
        Ok(cgroups)
    }

    /// Readable when something changed that [`refresh`](Self::refresh) would take in.
    pub fn events(&self) -> io::Result<OwnedFd> {
        self.inotify.as_fd().try_clone_to_owned()
    }

    /// Where a cgroup belongs; `None` if it was never seen.
    pub fn place(&self, id: u64) -> Option<&Place> {
        self.by_id.get(&id).map(|known| &known.place)
    }

    /// Takes in what changed since the last call. Never waits.
    pub fn refresh(&mut self, now: Instant) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let events: Vec<_> = match self.inotify.read_events(&mut buffer) {
                Ok(events) => events.map(|event| event.to_owned()).collect(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    warn!(%error, "cannot read changes of cgroups");
                    return;
                }
            };
            for event in events {
                if event.mask.contains(EventMask::Q_OVERFLOW) {
                    let root = self.root.clone();
                    self.learn(&root);
                    continue;
                }
                let Some(parent) = self.path_by_watch.get(&event.wd) else {
                    continue;
                };
                if event.mask.contains(EventMask::IGNORED) {
                    self.path_by_watch.remove(&event.wd);
                    continue;
                }
                let Some(name) = event.name else { continue };
                let path = parent.join(name);
                if event.mask.contains(EventMask::CREATE) {
                    self.learn(&path);
                } else if let Some(id) = self.id_by_path.remove(&path)
                    && let Some(known) = self.by_id.get_mut(&id)
                {
                    known.removed = Some(now);
                }
            }
        }
    }

    /// Forgets cgroups that were removed long ago.
    pub fn prune(&mut self, now: Instant) {
        self.by_id
            .retain(|_, known| known.removed.is_none_or(|removed| now - removed < KEEP));
    }

    /// Learns a directory and those below it. What is made below it before the watch is there, the
    /// reading that follows finds; what is made later, the watch tells.
    fn learn(&mut self, dir: &Path) {
        let watch = WatchMask::CREATE | WatchMask::DELETE | WatchMask::ONLYDIR;
        match self.inotify.watches().add(dir, watch) {
            Ok(descriptor) => {
                self.path_by_watch.insert(descriptor, dir.to_owned());
            }
            // Removed already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                if !self.warned {
                    warn!(
                        path = %dir.display(), %error,
                        "cannot watch a cgroup: containers started below it will not be attributed; \
                         is fs.inotify.max_user_watches used up?"
                    );
                    self.warned = true;
                }
            }
        }
        let Ok(metadata) = fs::metadata(dir) else {
            return;
        };
        let relative = dir.strip_prefix(&self.root).unwrap_or(dir);
        let known = Known {
            place: place(relative),
            removed: None,
        };
        self.by_id.insert(metadata.ino(), known);
        self.id_by_path.insert(dir.to_owned(), metadata.ino());
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.learn(&entry.path());
            }
        }
    }
}
