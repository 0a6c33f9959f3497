//! The toolchain that builds the eBPF object: a rustc with the library's source, and the
//! bpf-linker that was built with the same LLVM.
//!
//! In this order:
//! 1. rustup's nightly, when it has the rust-src component and a bpf-linker for it is on PATH or
//!    can be built;
//! 2. Debian's rustc-web, which ships its library's source as a package; it is a stable compiler,
//!    so `RUSTC_BOOTSTRAP` unlocks `-Z build-std`.

use std::ffi::OsString;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

use super::{apt, found, installing};
use crate::command;
use crate::workspace::{on_path, tools};

const BPF_LINKER: &str = "0.13.0";
/// The LLVMs that it can be linked against: its features `llvm-N`.
const LLVM: RangeInclusive<u32> = 21..=23;
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

const ADVICE: &str = "the eBPF build needs one of: rustup's nightly with its library source \
    (`rustup toolchain install nightly --component rust-src`) and a bpf-linker 0.13.0 for it on \
    PATH; or Debian's packages rustc-web, cargo-web, rust-web-src and llvm-N-dev";

/// Which cargo builds the eBPF crate, and with what around it.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// The cargo to call: not a rustup proxy, so that it needs no `+toolchain`.
    pub(crate) cargo: PathBuf,
    /// The compiler, whose sysroot has the library's source.
    pub(crate) rustc: PathBuf,
    /// What has to be set besides.
    pub(crate) env: Vec<(&'static str, OsString)>,
    /// The directory of `bpf-linker`, which goes first in PATH.
    pub(crate) bpf_linker: PathBuf,
}

/// What `rustc -vV` says that matters here.
#[derive(Debug, PartialEq, Eq)]
struct Compiler {
    release: String,
    llvm_major: u32,
}

/// Held by whoever looks: a second one finds what the first has installed.
static LOOKING: Mutex<()> = Mutex::new(());

pub(crate) fn find_or_install() -> Result<Toolchain> {
    let _looking = LOOKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(toolchain) = rustup_nightly()? {
        return Ok(toolchain);
    }
    if !apt::available() {
        bail!("{ADVICE}");
    }
    debian()
}

/// Nightly with rust-src, or nothing when any piece of it cannot be had.
fn rustup_nightly() -> Result<Option<Toolchain>> {
    if on_path("rustup").is_none() {
        return Ok(None);
    }
    // `rustup run` never installs a toolchain by itself; a failure only means it is not there.
    let mut ask = command::clean("rustup");
    ask.args(["run", "nightly", "rustc", "--print", "sysroot"]);
    let Ok(sysroot) = command::output(&mut ask) else {
        return Ok(None);
    };
    let sysroot = PathBuf::from(sysroot.trim());
    if !has_library_source(&sysroot) {
        return Ok(None);
    }
    let rustc = sysroot.join("bin/rustc");
    let compiler = ask_compiler(&rustc)?;
    let prefix = llvm_prefix(compiler.llvm_major);
    let bpf_linker = match on_path("bpf-linker") {
        Some(file) => file.parent().map(Path::to_path_buf).unwrap_or_default(),
        None if check_llvm(&compiler).is_ok() && prefix.join("bin/llvm-config").exists() => {
            bpf_linker(compiler.llvm_major)?
        }
        None => return Ok(None),
    };
    found(
        "rustc",
        format_args!("{} (nightly {})", rustc.display(), compiler.release),
    );
    found("bpf-linker", bpf_linker.join("bpf-linker").display());
    Ok(Some(Toolchain {
        cargo: sysroot.join("bin/cargo"),
        rustc,
        env: Vec::new(),
        bpf_linker,
    }))
}

/// Debian's second compiler. The LLVM packages follow from the rustc that is installed.
fn debian() -> Result<Toolchain> {
    let rustc = Path::new(DEBIAN_RUSTC);
    if !rustc.exists() || !Path::new(DEBIAN_CARGO).exists() || !has_library_source_of(rustc)? {
        apt::install(&["rustc-web", "cargo-web", "rust-web-src"]).context(ADVICE)?;
    }
    if !has_library_source_of(rustc)? {
        bail!(
            "{DEBIAN_RUSTC} has no library source beside it: another rustc is in the way; {ADVICE}"
        );
    }
    let compiler = ask_compiler(rustc)?;
    let major = compiler.llvm_major;
    found(
        "rustc",
        format_args!("{DEBIAN_RUSTC} ({}, LLVM {major})", compiler.release),
    );
    found("cargo", DEBIAN_CARGO);
    check_llvm(&compiler)?;

    if !llvm_prefix(major).join("bin/llvm-config").exists() {
        apt::install(&[
            &format!("llvm-{major}-dev"),
            &format!("libpolly-{major}-dev"),
        ])?;
    }
    found("LLVM", llvm_prefix(major).display());
    let bpf_linker = bpf_linker(major)?;
    found("bpf-linker", bpf_linker.join("bpf-linker").display());
    Ok(Toolchain {
        cargo: PathBuf::from(DEBIAN_CARGO),
        rustc: rustc.to_path_buf(),
        env: vec![("RUSTC_BOOTSTRAP", OsString::from("1"))],
        bpf_linker,
    })
}

/// Objects of an older LLVM would need an older bpf-linker, and those of a newer one a newer.
fn check_llvm(
    Compiler {
        release,
        llvm_major,
    }: &Compiler,
) -> Result<()> {
    if !LLVM.contains(llvm_major) {
        bail!(
            "rustc {release} has LLVM {llvm_major}, and bpf-linker {BPF_LINKER} needs one from {} to {}: is \
             Debian's security archive missing in the apt sources (`deb \
             http://deb.debian.org/debian-security bookworm-security main`)? {ADVICE}",
            LLVM.start(),
            LLVM.end()
        );
    }
    Ok(())
}

/// The directory of a bpf-linker linked against that LLVM, built when it is not there.
fn bpf_linker(llvm_major: u32) -> Result<PathBuf> {
    // Version and LLVM are in the name, so a new one of either is another directory.
    let root = tools().join(format!("bpf-linker-{BPF_LINKER}-llvm-{llvm_major}"));
    let dir = root.join("bin");
    if !dir.join("bpf-linker").is_file() {
        installing(&format!(
            "bpf-linker {BPF_LINKER} for LLVM {llvm_major} (about half a minute)"
        ));
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        let mut install = command::clean(command::cargo().get_program());
        install
            .args([
                "install",
                "bpf-linker",
                "--version",
                BPF_LINKER,
                "--locked",
                "--quiet",
            ])
            // What it does for one small object is LLVM's work: to optimise the rest takes twice as long
            // and gains nothing.
            .arg("--debug")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args([
                "--no-default-features",
                "--features",
                &format!("llvm-{llvm_major}"),
            ])
            .arg("--root")
            .arg(&root)
            .env("LLVM_PREFIX", llvm_prefix(llvm_major))
            .stdout(std::io::stderr());
        command::run(&mut install)?;
    }
    Ok(dir)
}

fn llvm_prefix(major: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/llvm-{major}"))
}

fn has_library_source_of(rustc: &Path) -> Result<bool> {
    if !rustc.exists() {
        return Ok(false);
    }
    let sysroot = command::output(command::clean(rustc).args(["--print", "sysroot"]))?;
    Ok(has_library_source(Path::new(sysroot.trim())))
}

fn has_library_source(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/core/src/lib.rs")
        .is_file()
}

fn ask_compiler(rustc: &Path) -> Result<Compiler> {
    let text = command::output(command::clean(rustc).arg("-vV"))?;
    parse_compiler(&text).with_context(|| format!("cannot read `{} -vV`:\n{text}", rustc.display()))
}

fn parse_compiler(text: &str) -> Option<Compiler> {
    let llvm = field(text, "LLVM version:")?;
    Some(Compiler {
        release: field(text, "release:")?.to_owned(),
        llvm_major: llvm.split('.').next()?.parse().ok()?,
    })
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim())
}

/// clippy of the same toolchain: only the compiler that builds the eBPF crate knows its target.
pub(crate) fn clippy(toolchain: &Toolchain) -> Result<PathBuf> {
    let clippy = toolchain.cargo.with_file_name("cargo-clippy");
    if !clippy.is_file() && toolchain.cargo == Path::new(DEBIAN_CARGO) {
        apt::install(&["rust-web-clippy"])?;
    }
    if !clippy.is_file() {
        bail!("the eBPF crate's lints need `rustup component add clippy --toolchain nightly`");
    }
    found("clippy", clippy.display());
    Ok(clippy)
}

/// PATH for the eBPF build: the right linker first, no rustup proxies.
fn path_for(toolchain: &Toolchain) -> OsString {
    let mut dirs = vec![toolchain.bpf_linker.clone()];
    dirs.extend(toolchain.rustc.parent().map(Path::to_path_buf));
    dirs.extend(["/usr/bin", "/bin"].map(PathBuf::from));
    dirs.dedup();
    std::env::join_paths(dirs).unwrap_or_else(|_has_a_colon| OsString::from("/usr/bin:/bin"))
}

/// One of the toolchain's programs with its environment, up to the arguments.
pub(crate) fn command(toolchain: &Toolchain, program: &Path) -> Command {
    let mut command = command::clean(program);
    // Called by its path, cargo-clippy has to be told which cargo it belongs to.
    command.env("CARGO", &toolchain.cargo);
    command
        .env("RUSTC", &toolchain.rustc)
        .env("PATH", path_for(toolchain));
    command.envs(toolchain.env.iter().map(|(name, value)| (name, value)));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_major_is_read_from_rustc() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nhost: x\nrelease: 1.96.0\n\
                    LLVM version: 22.1.8\n";
        let compiler = Compiler {
            release: "1.96.0".to_owned(),
            llvm_major: 22,
        };
        assert_eq!(parse_compiler(text), Some(compiler));
        assert_eq!(parse_compiler("rustc 1.96.0\n"), None);
    }

    #[test]
    fn a_compiler_that_no_linker_fits_is_named() {
        let of = |llvm_major| Compiler {
            release: "1.85.0".to_owned(),
            llvm_major,
        };
        let said = check_llvm(&of(19)).unwrap_err().to_string();
        assert!(said.starts_with("rustc 1.85.0 has LLVM 19"), "{said}");
        assert!(check_llvm(&of(22)).is_ok());
    }
}
