//! Which packages the workspace has, and where their Rust files are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its directory, from the workspace's root.
    pub dir: PathBuf,
    /// The name in its manifest.
    pub name: String,
}

impl Member {
    /// Whether users run it, or it is a part of what they run. Its packages speak one language: a name means
    /// one thing in all of them. Others are read by themselves: an oracle says a rule a second time, in
    /// Istio's words as the model does.
    pub fn is_product(&self) -> bool {
        !self.dir.starts_with("tests") && !self.dir.starts_with("xtask")
    }

    /// The files that a compiler starts from: library, binaries and build script.
    pub(crate) fn roots(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        files
            .iter()
            .filter(|file| self.is_root(file))
            .cloned()
            .collect()
    }

    fn is_root(&self, file: &Path) -> bool {
        let Ok(inside) = file.strip_prefix(&self.dir) else {
            return false;
        };
        let names: Vec<_> = inside.iter().filter_map(|name| name.to_str()).collect();
        matches!(
            names.as_slice(),
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["src", "bin", _, "main.rs"]
        )
    }
}

/// The members that the root's manifest lists, in its order.
pub fn members(root: &Path) -> Result<Vec<Member>> {
    let manifest = read(&root.join("Cargo.toml"))?;
    let dirs = listed_members(&manifest);
    if dirs.is_empty() {
        bail!("{}/Cargo.toml lists no members", root.display());
    }
    dirs.into_iter()
        .map(|dir| {
            let name = package_name(&read(&root.join(&dir).join("Cargo.toml"))?)
                .with_context(|| format!("{}/Cargo.toml has no name", dir.display()))?;
            Ok(Member { dir, name })
        })
        .collect()
}

/// The Rust files of a member, from the workspace's root and in order; those of packages below it
/// are not its own.
pub fn rust_files(root: &Path, member: &Member) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(root, &member.dir, &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let full = root.join(dir);
    let entries = fs::read_dir(&full).with_context(|| format!("reading {}", full.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = dir.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            let other_package = root.join(&path).join("Cargo.toml").exists();
            if !other_package && entry.file_name() != "target" {
                collect(root, &path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Reads a file, and names it if that fails.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// The quoted texts of `members = [..]`, which is all that is needed of TOML here.
fn listed_members(manifest: &str) -> Vec<PathBuf> {
    let Some((_, after)) = manifest.split_once("\nmembers = [") else {
        return Vec::new();
    };
    let list = after.split(']').next().unwrap_or_default();
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(PathBuf::from)
        .collect()
}

fn package_name(manifest: &str) -> Option<String> {
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim().trim_matches('"').to_owned())
}
