//! What files have beside objects: what is said of them, and how Istio is installed.

use std::{fmt, path::Path, sync::Arc};

use crate::installation::Installation;

/// What is said of a file of which everything could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The file or directory.
    pub path: Arc<Path>,
    /// What became of it.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.text)
    }
}

/// An installation, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct LocatedInstallation {
    pub(super) installation: Installation,
    pub(super) path: Arc<Path>,
}
