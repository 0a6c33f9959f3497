//! Where things are: the repository, the target directory, the tools in it.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root: the directory above this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target directory, absolute: `CARGO_TARGET_DIR` when set, else `target`.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// What `setup` installs lives here, so that `cargo clean` removes all of it.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// The first `name` on PATH, in the order a shell would look.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // The administrator's directories are often missing from a user's PATH.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(more)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}
