//! The image's bill of materials: every crate that the agent is linked with, as CycloneDX JSON.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{command, setup, static_agent, workspace};

/// cargo-cyclonedx puts a file of this name into the directory of each member of the workspace.
const FILE_NAME: &str = "image.cdx";

/// Writes the agent's; `seconds` since 1970 are its time.
pub(super) fn write(file: &Path, seconds: u64) -> Result<()> {
    let tool = setup::cyclonedx::find_or_install()?;
    let mut list = command::clean(tool);
    list.current_dir(workspace::root())
        .args([
            "cyclonedx",
            "--quiet",
            "--format=json",
            "--spec-version=1.5",
        ])
        .args(["--manifest-path", "egress-observer/Cargo.toml"])
        .args(["--target", &static_agent::target()])
        .args(["--override-filename", FILE_NAME])
        .env("SOURCE_DATE_EPOCH", seconds.to_string())
        .env("CARGO", command::cargo().get_program());
    let listed = command::run(&mut list);
    let text = fs::read_to_string(of_member(&workspace::root().join("egress-observer")));
    remove_all()?;
    listed?;
    let text = text.context("cargo-cyclonedx wrote nothing about the agent")?;
    let root = workspace::root();
    fs::write(file, without_root(&text, &root))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// The same wherever the sources are.
fn without_root(text: &str, root: &Path) -> String {
    text.replace(
        &format!("file://{}", root.display()),
        "file:///egress-observer",
    )
}

fn of_member(dir: &Path) -> PathBuf {
    dir.join(format!("{FILE_NAME}.json"))
}

/// Members are directories of the root, and of `tests`.
fn remove_all() -> Result<()> {
    let root = workspace::root();
    for above in [root.join("tests"), root] {
        let entries =
            fs::read_dir(&above).with_context(|| format!("cannot read {}", above.display()))?;
        for entry in entries.filter_map(Result::ok) {
            let file = of_member(&entry.path());
            if file.exists() {
                fs::remove_file(&file)
                    .with_context(|| format!("cannot remove {}", file.display()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_sources_is_not_told() {
        let text = r#"{"bom-ref": "path+file:///home/me/x/egress-observer#0.1.0"}"#;
        assert_eq!(
            without_root(text, Path::new("/home/me/x")),
            r#"{"bom-ref": "path+file:///egress-observer/egress-observer#0.1.0"}"#
        );
    }
}
