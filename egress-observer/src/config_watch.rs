//! Tells when the files that the configuration was read from change.

use std::{
    fs, io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use inotify::{EventMask, Inotify, WatchMask};
use tokio::time::{Instant, sleep_until};

use tracing::warn;

use crate::readable::Readable;
use egress_observer_istio::manifests::ManifestError;

/// Files are often written one after the other: they are read once it is quiet for so long.
const QUIET: Duration = Duration::from_millis(100);

/// Watches directories, and the directories of single files, since editors and Kubernetes replace
/// files instead of writing to them.
pub(crate) struct ConfigWatch {
    inotify: Inotify,
    readable: Readable,
    due: Option<Instant>,
}

impl ConfigWatch {
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self> {
        let inotify = Inotify::init().context("watching the configuration")?;
        for path in paths {
            let mask = WatchMask::CLOSE_WRITE
                | WatchMask::CREATE
                | WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO;
            match inotify.watches().add(directory(path), mask) {
                Ok(_) => {}
                Err(source) if source.kind() == io::ErrorKind::NotFound => {
                    let path = path.clone();
                    return Err(ManifestError::Read { path, source }.into());
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("watching {}", path.display()));
                }
            }
        }
        let readable = inotify
            .as_fd()
            .try_clone_to_owned()
            .and_then(Readable::new)
            .context("watching the configuration")?;
        Ok(Self {
            inotify,
            readable,
            due: None,
        })
    }

    /// Waits until something changed and it is quiet again. May be dropped and called anew at any
    /// time without missing anything.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        loop {
            let due = self.due;
            tokio::select! {
                ready = self.readable.wait() => {
                    ready?;
                    while drain(&mut self.inotify)? {}
                    self.due = Some(Instant::now() + QUIET);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.due = None;
                    return Ok(());
                }
            }
        }
    }
}

fn directory(path: &Path) -> &Path {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return path;
    }
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Reads some events. False if there were none.
fn drain(inotify: &mut Inotify) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    match inotify.read_events(&mut buffer) {
        Ok(events) => {
            let mut any = false;
            for event in events {
                any = true;
                if event.mask.contains(EventMask::IGNORED) {
                    warn!("a directory of --manifests was removed: later changes go unnoticed");
                }
            }
            Ok(any)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
