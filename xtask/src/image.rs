//! `cargo xtask image`: the agent's container image as an OCI archive, with its bill of materials.
//!
//! From `deploy/Dockerfile`, and without a registry: buildah gets the binary that was built here in
//! place of the Dockerfile's builder stage. It keeps its storage below the target directory, and
//! the machine's own images are left alone.

mod sbom;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::setup::{apt, parts};
use crate::{build, command, setup, workspace};

/// What the image may take, packed or unpacked: every node of a cluster fetches it.
const LIMIT: u64 = 20_000_000;

/// The name of the image's file.
const ARCHIVE: &str = "egress-observer.tar";

/// The stage of `deploy/Dockerfile` whose place the host's build takes.
const BUILDER: &str = "builder";

#[derive(Args, Debug, Default)]
pub(crate) struct ImageArgs {
    /// Name and tag of the image [default: localhost/egress-observer:<version>]
    #[arg(long)]
    tag: Option<String>,
    /// Directory of the archive and the bill of materials [default: target/image]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// What was built.
#[derive(Debug)]
struct Image {
    /// An OCI archive, as `podman load` and `ctr images import` take it.
    archive: PathBuf,
    /// The binary in it.
    binary: PathBuf,
}

/// Where the archive is if the task is told nothing else.
pub(crate) fn default_archive() -> PathBuf {
    default_dir().join(ARCHIVE)
}

pub(crate) fn run(args: &ImageArgs) -> Result<()> {
    if !apt::is_root()? {
        bail!("building an image needs root: buildah sets owners of files");
    }
    parts::image_commands()?;
    let binary = build::for_image()?;
    let dir = args.output.clone().unwrap_or_else(default_dir);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let revision = Revision::of_workspace()?;

    let begin = Instant::now();
    let image = Image {
        archive: dir.join(ARCHIVE),
        binary,
    };
    let tag = args.tag.clone().unwrap_or_else(default_tag);
    Buildah::with_empty_storage()?.build(&image, &tag, &revision)?;
    let size = check_size(&image)?;
    setup::found(
        "image",
        format_args!("{} ({size})", image.archive.display()),
    );
    let sbom = dir.join("egress-observer.cdx.json");
    sbom::write(&sbom, revision.seconds)?;
    setup::found("bill of materials", sbom.display());
    eprintln!(
        "== {tag}: {:.1} s besides the build of the agent",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

fn default_dir() -> PathBuf {
    workspace::target().join("image")
}

fn default_tag() -> String {
    format!("localhost/egress-observer:{}", env!("CARGO_PKG_VERSION"))
}

/// What the sources are: the image's label, and its time.
#[derive(Debug, PartialEq, Eq)]
struct Revision {
    commit: String,
    /// Since 1970; of `SOURCE_DATE_EPOCH`, else of the commit: the same sources make the same
    /// image.
    seconds: u64,
}

impl Revision {
    fn of_workspace() -> Result<Self> {
        let given = env::var("SOURCE_DATE_EPOCH").ok();
        let mut git = Command::new("git");
        git.args(["log", "-1", "--format=%H %ct"]);
        // Sources without a repository, such as a release's archive, have no commit to tell.
        let commit = command::output(git.current_dir(workspace::root())).unwrap_or_default();
        Self::parse(&commit, given.as_deref())
    }

    fn parse(commit: &str, given: Option<&str>) -> Result<Self> {
        let (commit, committed) = commit.trim().split_once(' ').unwrap_or(("unknown", "0"));
        let seconds = given.unwrap_or(committed);
        let seconds = seconds
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: {seconds}"))?;
        Ok(Self {
            commit: commit.to_owned(),
            seconds,
        })
    }
}

/// buildah with a storage of its own, removed again when this is dropped.
#[derive(Debug)]
struct Buildah {
    storage: PathBuf,
}

impl Buildah {
    fn with_empty_storage() -> Result<Self> {
        let storage = default_dir().join("storage");
        remove(&storage)?;
        Ok(Self { storage })
    }

    /// `vfs`: an image of one file gains nothing from layers that would have to be mounted.
    fn command(&self) -> Command {
        let mut command = Command::new("buildah");
        command
            .args(["--storage-driver", "vfs", "--root"])
            .arg(self.storage.join("root"))
            .arg("--runroot")
            .arg(self.storage.join("run"))
            // Standard output is for data.
            .stdout(std::io::stderr());
        command
    }

    fn build(&self, image: &Image, tag: &str, revision: &Revision) -> Result<()> {
        let root = workspace::root();
        let binary_dir = image.binary.parent().unwrap_or(&root);
        let mut build = self.command();
        build
            .args(["build", "--quiet", "--isolation=chroot", "--pull=never"])
            .args(["--identity-label=false", "--timestamp"])
            .arg(revision.seconds.to_string())
            .arg("--build-context")
            .arg(format!("{BUILDER}={}", binary_dir.display()))
            .args([
                "--build-arg",
                concat!("VERSION=", env!("CARGO_PKG_VERSION")),
            ])
            .args(["--build-arg", &format!("REVISION={}", revision.commit)])
            .args(["--tag", tag, "--file"])
            .arg(root.join("deploy/Dockerfile"))
            .arg(&root);
        command::run(&mut build)?;
        // An archive is not added to: there must be none.
        remove(&image.archive)?;
        let mut push = self.command();
        push.args(["push", "--quiet", tag])
            .arg(format!("oci-archive:{}:{tag}", image.archive.display()));
        command::run(&mut push)
    }
}

impl Drop for Buildah {
    fn drop(&mut self) {
        // The next build removes it otherwise.
        drop(remove(&self.storage));
    }
}

/// Removes a file or a directory, if it is there.
fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Err(_not_there) => Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_file) => fs::remove_file(path),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// The image's size for people; an error when it is more than an image of this kind may have.
fn check_size(image: &Image) -> Result<String> {
    let archive = size(&image.archive)?;
    let unpacked = size(&image.binary)?;
    let said = format!(
        "{} MB, unpacked {} MB",
        megabytes(archive),
        megabytes(unpacked)
    );
    if archive.max(unpacked) > LIMIT {
        bail!(
            "the image has become too big: {said}; at most {} MB",
            megabytes(LIMIT)
        );
    }
    Ok(said)
}

fn size(file: &Path) -> Result<u64> {
    let found = fs::metadata(file).with_context(|| format!("there is no {}", file.display()))?;
    Ok(found.len())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_the_commits_unless_another_is_given() {
        let of = |commit, given| {
            Revision::parse(commit, given)
                .map(|found| found.seconds)
                .ok()
        };
        assert_eq!(of("0a1b 1700000000\n", None), Some(1_700_000_000));
        assert_eq!(of("0a1b 1700000000\n", Some("12")), Some(12));
        assert_eq!(of("", None), Some(0));
        assert_eq!(of("", Some("yesterday")), None);
    }

    #[test]
    fn sizes_are_in_millions_of_bytes() {
        assert_eq!(megabytes(19_960_000), "19.9");
        assert_eq!(megabytes(50_000), "0.0");
    }
}
