//! Directories of this machine that nothing which is built should tell: it would differ from what
//! is built of the same sources elsewhere.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace;

/// A directory, and what stands for it in messages and debugging information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) path: PathBuf,
    name: &'static str,
}

/// The sources: ours, and those of the crates.
pub(crate) fn hidden() -> Result<Vec<Hidden>> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home?.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let ours = Hidden {
        path: workspace::root(),
        name: "/egress-observer",
    };
    let of_crates = Hidden {
        path: cargo_home,
        name: "/cargo",
    };
    Ok(vec![ours, of_crates])
}

/// The compiler's flags for it. A path with a space cannot be part of them.
pub(crate) fn flags(hidden: &[Hidden]) -> String {
    let paths = hidden
        .iter()
        .map(|Hidden { path, name }| (path.to_string_lossy(), name))
        .filter(|(path, _)| !path.contains(char::is_whitespace));
    let flags = paths.map(|(path, name)| format!("--remap-path-prefix={path}={name}"));
    flags.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_is_renamed() {
        let of = |path: &str, name| Hidden {
            path: PathBuf::from(path),
            name,
        };
        assert_eq!(
            flags(&[of("/a", "/x"), of("/b c", "/y"), of("/d", "/z")]),
            "--remap-path-prefix=/a=/x --remap-path-prefix=/d=/z"
        );
    }
}
