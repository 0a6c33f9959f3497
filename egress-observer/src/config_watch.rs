//! Tells when the files that the configuration was read from change.

use std::{
    collections::HashSet,
    fs, io, mem,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use tokio::time::{Instant, sleep_until};

use tracing::warn;

use crate::readable::Readable;
use egress_observer_istio::manifests::{self, ManifestError};

/// Files are often written one after the other: they are read once it is quiet for so long.
const QUIET: Duration = Duration::from_millis(100);

/// Watches directories with those below them, and the directories of single files, since editors and
/// Kubernetes replace files instead of writing to them.
pub(crate) struct ConfigWatch {
    inotify: Inotify,
    readable: Readable,
    paths: Vec<PathBuf>,
    /// The directories of `paths` themselves.
    roots: HashSet<WatchDescriptor>,
    /// Whether there may be directories that are not watched.
    grown: bool,
    due: Option<Instant>,
}

impl ConfigWatch {
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self> {
        let inotify = Inotify::init().context("watching the configuration")?;
        let mut roots = HashSet::new();
        for path in paths {
            roots.insert(watch_root(&inotify, path)?);
        }
        let readable = inotify
            .as_fd()
            .try_clone_to_owned()
            .and_then(Readable::new)
            .context("watching the configuration")?;
        let watch = Self {
            inotify,
            readable,
            paths: paths.to_vec(),
            roots,
            grown: false,
            due: None,
        };
        watch.watch_below();
        Ok(watch)
    }

    /// Watches the directories that there are below those that were given. One that is watched already
    /// stays so; one that cannot be watched is named, and so is one that cannot be read, when it is.
    fn watch_below(&self) {
        for path in &self.paths {
            // Until all are watched, others may be made in those that are not: so it is looked again,
            // and what is made in one that is watched is told of.
            let mut n_before = 0;
            while let Ok(directories) = manifests::directories(path)
                && directories.len() > n_before
            {
                n_before = directories.len();
                for directory in directories.iter().skip(1) {
                    if let Err(error) = self.inotify.watches().add(directory, mask()) {
                        let directory = directory.display();
                        warn!(%directory, %error, "cannot be watched: changes go unnoticed");
                    }
                }
            }
        }
    }

    /// Waits until something changed and it is quiet again. May be dropped and called anew at any
    /// time without missing anything.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        loop {
            let due = self.due;
            tokio::select! {
                ready = self.readable.wait() => {
                    ready?;
                    while self.drain()? {}
                    if mem::take(&mut self.grown) {
                        self.watch_below();
                    }
                    self.due = Some(Instant::now() + QUIET);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.due = None;
                    return Ok(());
                }
            }
        }
    }

    /// Reads some events. False if there were none.
    fn drain(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let events = match self.inotify.read_events(&mut buffer) {
            Ok(events) => events,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut any = false;
        for event in events {
            any = true;
            self.grown |= event.mask.contains(EventMask::ISDIR);
            if event.mask.contains(EventMask::IGNORED) && self.roots.contains(&event.wd) {
                warn!("a directory of --manifests was removed: later changes go unnoticed");
            }
        }
        Ok(any)
    }
}

fn mask() -> WatchMask {
    WatchMask::CLOSE_WRITE
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVED_FROM
        | WatchMask::MOVED_TO
}

/// Watches what was given, or the directory that it is in.
fn watch_root(inotify: &Inotify, path: &Path) -> Result<WatchDescriptor> {
    inotify
        .watches()
        .add(directory(path), mask())
        .map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                let path = path.to_owned();
                ManifestError::Read { path, source }.into()
            } else {
                anyhow::Error::from(source).context(format!("watching {}", path.display()))
            }
        })
}

fn directory(path: &Path) -> &Path {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return path;
    }
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// Longer than it takes to tell, shorter than anybody waits.
    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn directories_below_are_watched_also_those_that_are_made_later() {
        let name = format!("egress-observer-watch-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(root.join("a")).unwrap();
        let mut watch = ConfigWatch::new(&[root.clone()]).unwrap();
        fs::write(root.join("a/one.yaml"), "").unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        fs::create_dir_all(root.join("b/c")).unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        fs::write(root.join("b/c/two.yaml"), "").unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        fs::remove_dir_all(root.join("b")).unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        fs::remove_dir_all(&root).unwrap();
    }
}
