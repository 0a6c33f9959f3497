//! Waiting for a file descriptor to become readable.

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// A file descriptor of our own, such as a duplicate of an inotify instance's.
#[derive(Debug)]
pub(crate) struct Readable(AsyncFd<OwnedFd>);

impl Readable {
    /// Must be called within the runtime.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` stays open, and the same, until it is dropped.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(fd?))
    }

    /// Waits until there is something to read, all of which the caller then reads. May be dropped
    /// and called anew without missing anything.
    pub(crate) async fn wait(&mut self) -> io::Result<()> {
        self.0.readable_mut().await?.clear_ready();
        Ok(())
    }
}
