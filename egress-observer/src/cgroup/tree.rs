//! The directories as they come and go, by inotify.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use egress_observer_common::CgroupRecord;
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use tracing::warn;

use super::{
    error::CgroupError,
    path::{CgroupPlace, place},
};

/// What became of a cgroup.
#[derive(Debug)]
pub(super) enum CgroupNews {
    /// It is there.
    Made(u64, CgroupPlace),
    /// Its directory is gone.
    Removed(u64),
}

impl CgroupNews {
    /// A directory below `root` is there.
    pub(super) fn found(root: &Path, dir: &Path, id: u64) -> Self {
        Self::Made(id, place(dir.strip_prefix(root).unwrap_or(dir)))
    }
}

impl From<CgroupRecord<'_>> for CgroupNews {
    fn from(record: CgroupRecord<'_>) -> Self {
        match record {
            CgroupRecord::Made { id, path } => {
                Self::Made(id, place(Path::new(OsStr::from_bytes(path))))
            }
            CgroupRecord::Removed { id } => Self::Removed(id),
        }
    }
}

/// Shows a directory and those below it with their ids. Each is shown before it is read.
pub(super) fn visit(dir: &Path, see: &mut dyn FnMut(&Path, u64)) {
    // First of all: it may be gone in a moment.
    let Ok(metadata) = fs::metadata(dir) else {
        return;
    };
    see(dir, metadata.ino());
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&entry.path(), see);
        }
    }
}

/// Every directory below a root.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    inotify: Inotify,
    id_by_path: HashMap<PathBuf, u64>,
    path_by_watch: HashMap<WatchDescriptor, PathBuf>,
    /// What [`take`](Self::take) has not handed out yet.
    news: Vec<CgroupNews>,
    warned: bool,
}

impl Tree {
    /// Reads everything below `root`.
    pub(super) fn new(root: &Path) -> Result<Self, CgroupError> {
        let mut tree = Self {
            root: root.to_owned(),
            inotify: Inotify::init().map_err(CgroupError::Inotify)?,
            id_by_path: HashMap::new(),
            path_by_watch: HashMap::new(),
            news: Vec::new(),
            warned: false,
        };
        tree.learn(root);
        Ok(tree)
    }

    /// Readable when something changed.
    pub(super) fn events(&self) -> io::Result<OwnedFd> {
        self.inotify.as_fd().try_clone_to_owned()
    }

    /// What became known since the last call, in order.
    pub(super) fn take(&mut self) -> Vec<CgroupNews> {
        std::mem::take(&mut self.news)
    }

    /// Looks at what changed. Never waits.
    pub(super) fn follow(&mut self) {
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
                    self.learn_anew();
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
                } else if let Some(id) = self.id_by_path.remove(&path) {
                    self.news.push(CgroupNews::Removed(id));
                }
            }
        }
    }

    /// After changes were lost.
    fn learn_anew(&mut self) {
        let before = std::mem::take(&mut self.id_by_path);
        let root = self.root.clone();
        self.learn(&root);
        let gone = before.into_iter().filter_map(|(path, id)| {
            (self.id_by_path.get(&path) != Some(&id)).then_some(CgroupNews::Removed(id))
        });
        self.news.extend(gone);
    }

    /// Learns a directory and those below it. What is made below it before the watch is there, the
    /// reading that follows finds; what is made later, the watch tells.
    fn learn(&mut self, dir: &Path) {
        let root = self.root.clone();
        visit(dir, &mut |dir, id| {
            self.news.push(CgroupNews::found(&root, dir, id));
            self.id_by_path.insert(dir.to_owned(), id);
            self.watch(dir);
        });
    }

    fn watch(&mut self, dir: &Path) {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids that are there, by what was told of them.
    fn ids(tree: &mut Tree, known: &mut HashMap<u64, bool>) -> usize {
        tree.follow();
        for news in tree.take() {
            match news {
                CgroupNews::Made(id, _) => known.insert(id, true),
                CgroupNews::Removed(id) => known.insert(id, false),
            };
        }
        known.values().filter(|there| **there).count()
    }

    #[test]
    fn directories_are_told_when_they_come_and_when_they_go() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let mut known = HashMap::new();
        let mut tree = Tree::new(root).unwrap();
        assert_eq!(ids(&mut tree, &mut known), 1);
        fs::create_dir_all(root.join("pod/container")).unwrap();
        assert_eq!(ids(&mut tree, &mut known), 3);
        fs::create_dir(root.join("pod/another")).unwrap();
        fs::remove_dir(root.join("pod/container")).unwrap();
        assert_eq!(ids(&mut tree, &mut known), 3);
        fs::remove_dir_all(root.join("pod")).unwrap();
        assert_eq!(ids(&mut tree, &mut known), 1);
    }

    #[test]
    fn what_changed_while_nobody_looked_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let mut known = HashMap::new();
        let mut tree = Tree::new(root).unwrap();
        fs::create_dir(root.join("a")).unwrap();
        ids(&mut tree, &mut known);
        fs::remove_dir(root.join("a")).unwrap();
        fs::create_dir(root.join("b")).unwrap();
        fs::create_dir(root.join("c")).unwrap();
        tree.learn_anew();
        let told = tree.take();
        let removed = told
            .iter()
            .filter(|one| matches!(one, CgroupNews::Removed(_)));
        assert_eq!((removed.count(), told.len()), (1, 4), "{told:?}");
    }
}
