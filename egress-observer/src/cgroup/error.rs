//! Why cgroups cannot be followed.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why cgroups cannot be followed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// inotify does not work.
    #[error("cannot watch for new cgroups; is fs.inotify.max_user_instances used up?")]
    Inotify(#[source] io::Error),
    /// There is no thread.
    #[error("cannot start the thread that looks at new cgroups")]
    Thread(#[source] io::Error),
    /// The root cannot be read.
    #[error("cannot read the cgroup {path}")]
    Read {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
