//! An image from an OCI archive: its files unpacked, and what it says of itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::output;

/// What marks a file of a lower layer as removed.
const WHITEOUT: &str = ".wh.";

/// An unpacked image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub rootfs: PathBuf,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub environment: Vec<String>,
    /// Uid and gid.
    pub user: (u32, u32),
    /// `org.opencontainers.image.*`.
    pub labels: Value,
}

/// The archive to test: `EGRESS_OBSERVER_IMAGE`, else what `cargo xtask image` made.
pub fn archive() -> PathBuf {
    let given = std::env::var_os("EGRESS_OBSERVER_IMAGE").map(PathBuf::from);
    given.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/image/egress-observer.tar")
    })
}

impl Image {
    /// Unpacks an archive of one image into an empty directory.
    pub fn unpack(archive: &Path, dir: &Path) -> Result<Self> {
        if !archive.is_file() {
            bail!(
                "there is no image at {}: `cargo xtask image`",
                archive.display()
            );
        }
        let (layout, rootfs) = (dir.join("layout"), dir.join("rootfs"));
        extract(archive, &layout)?;
        let index = json(&layout.join("index.json"))?;
        let manifest = json(&blob(&layout, only(&index["manifests"], "images")?)?)?;
        let config = json(&blob(&layout, &manifest["config"])?)?;
        let layers = manifest["layers"].as_array().context("no layers")?;
        for layer in layers {
            let file = blob(&layout, layer)?;
            if output(Command::new("tar").arg("-tf").arg(&file))?.contains(WHITEOUT) {
                bail!("a layer of {} removes files", archive.display());
            }
            extract(&file, &rootfs)?;
        }
        Self::described(rootfs, &config["config"])
            .with_context(|| format!("the image's configuration: {config}"))
    }

    fn described(rootfs: PathBuf, config: &Value) -> Result<Self> {
        Ok(Self {
            rootfs,
            entrypoint: words(&config["Entrypoint"])?,
            command: words(&config["Cmd"])?,
            environment: words(&config["Env"])?,
            user: user(config["User"].as_str().unwrap_or_default())?,
            labels: config["Labels"].clone(),
        })
    }
}

/// tar finds out by itself how an archive is compressed.
fn extract(archive: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(archive).arg("-C").arg(to);
    output(&mut tar).map(|_| ())
}

fn json(file: &Path) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", file.display()))
}

/// The file of a descriptor.
fn blob(layout: &Path, descriptor: &Value) -> Result<PathBuf> {
    let digest = descriptor["digest"].as_str().context("no digest")?;
    let hash = digest
        .strip_prefix("sha256:")
        .with_context(|| format!("an unknown kind of digest: {digest}"))?;
    Ok(layout.join("blobs/sha256").join(hash))
}

fn only<'a>(list: &'a Value, what: &str) -> Result<&'a Value> {
    match list.as_array().map(Vec::as_slice) {
        Some([only]) => Ok(only),
        Some(list) => bail!("the archive has {} {what}", list.len()),
        None => bail!("the archive has no list of {what}"),
    }
}

fn words(list: &Value) -> Result<Vec<String>> {
    if list.is_null() {
        return Ok(Vec::new());
    }
    serde_json::from_value(list.clone()).with_context(|| format!("no list of words: {list}"))
}

/// By number alone: such an image has no `/etc/passwd`.
fn user(text: &str) -> Result<(u32, u32)> {
    let (uid, gid) = text.split_once(':').unwrap_or((text, "0"));
    let [uid, gid] = [uid, gid].map(|word| match word {
        "" => Ok(0),
        word => word
            .parse()
            .with_context(|| format!("a user by name: {text}")),
    });
    Ok((uid?, gid?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers() {
        assert_eq!(user("").unwrap(), (0, 0));
        assert_eq!(user("65532").unwrap(), (65532, 0));
        assert_eq!(user("1000:1001").unwrap(), (1000, 1001));
        assert!(user("nobody").is_err());
    }

    #[test]
    fn what_an_image_leaves_out_is_empty() {
        let config = serde_json::json!({"Entrypoint": ["/x"]});
        let image = Image::described(PathBuf::from("/r"), &config).unwrap();
        assert_eq!(image.entrypoint, ["/x"]);
        assert_eq!(image.command, [] as [String; 0]);
    }
}
