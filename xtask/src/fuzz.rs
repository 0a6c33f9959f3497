//! `cargo xtask fuzz`: the readers of text from outside against inputs that somebody else thinks up.
//!
//! libFuzzer's instrumentation is a matter of two stable flags of the compiler, so this needs neither
//! a nightly toolchain nor cargo-fuzz; it needs a C++ compiler, for libFuzzer itself.

use std::{ffi::OsString, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{command, workspace};

#[derive(Args, Debug)]
pub(crate) struct FuzzArgs {
    /// The target: a file of fuzz/fuzz_targets without its ending; all, one after the other, if none
    /// is named
    target: Option<String>,
    /// How long to look, each
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
}

/// What `cargo fuzz` compiles with, without a sanitizer: there is no unsafe code in the targets.
const INSTRUMENTATION: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

pub(crate) fn run(args: &FuzzArgs) -> Result<()> {
    let all = targets()?;
    let chosen = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => bail!("no target `{name}`; there are: {}", all.join(", ")),
    };
    let host = host()?;
    let target_dir = workspace::target().join("fuzz");
    for target in &chosen {
        let mut build = command::cargo();
        build
            .current_dir(workspace::root().join("fuzz"))
            .args(["build", "--release", "--bin", target])
            // With a target of its own the flags are not for build scripts.
            .args(["--target", &host])
            .arg("--target-dir")
            .arg(&target_dir)
            .env("RUSTFLAGS", INSTRUMENTATION.join(" "));
        command::run(&mut build)?;
        let binary = target_dir.join(&host).join("release").join(target);
        let corpus = target_dir.join("corpus").join(target);
        let artifacts = target_dir.join("artifacts").join(target);
        for dir in [&corpus, &artifacts] {
            fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        }
        let mut prefix = OsString::from("-artifact_prefix=");
        prefix.push(artifacts.join(""));
        let mut fuzz = command::clean(&binary);
        fuzz.arg(format!("-max_total_time={}", args.seconds))
            .args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"])
            .arg(prefix)
            .arg(&corpus)
            .args(seeds(target));
        command::run(&mut fuzz)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let dir = workspace::root().join("fuzz/fuzz_targets");
    let mut targets = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        targets.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    targets.sort();
    Ok(targets)
}

/// What there is to start from.
fn seeds(target: &str) -> Vec<PathBuf> {
    let dirs: &[&str] = match target {
        "manifests" => &[
            "examples/shop",
            "tests/golden/inputs",
            "tests/golden/ways-out",
        ],
        _ => &[],
    };
    dirs.iter().map(|dir| workspace::root().join(dir)).collect()
}

fn host() -> Result<String> {
    let version = command::output(command::clean("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
