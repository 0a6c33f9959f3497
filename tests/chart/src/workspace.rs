//! Where things are: the repository, and the checks' own files.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root: two directories above this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Files that other programs are given. Each check has a directory of its own in it.
pub(crate) fn scratch() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(target).join("chart-checks")
}
