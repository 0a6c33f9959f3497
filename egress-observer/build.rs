//! Makes the eBPF object part of the binary.
//!
//! `cargo xtask build` names it in `EGRESS_OBSERVER_EBPF_OBJECT`. Without it (`cargo build`,
//! `cargo clippy`, unit tests) an empty one takes its place, and the agent says what to do. Without the
//! feature `agent` there is none.

use std::{env, fs, path::PathBuf};

const OBJECT: &str = "EGRESS_OBSERVER_EBPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-env-changed={OBJECT}");
    if env::var_os("CARGO_FEATURE_AGENT").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let object = out.join("egress-observer-ebpf");
    match env::var_os(OBJECT) {
        Some(source) => {
            println!("cargo::rerun-if-changed={}", source.display());
            fs::copy(&source, &object)
                .map(drop)
                .unwrap_or_else(|error| panic_with(&format!("{}: {error}", source.display())));
        }
        None => fs::write(&object, []).unwrap_or_else(|error| panic_with(&error.to_string())),
    }
}

#[expect(clippy::panic, reason = "how a build script fails")]
fn panic_with(message: &str) {
    panic!("cannot place the eBPF object: {message}")
}
