//! What is compiled into which variant, as cargo resolves it.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::{collections::BTreeSet, env, process::Command};

/// Crates that only the agent needs: the kernel side, watches on files, the cluster's API, a runtime.
const OF_THE_AGENT: [&str; 10] = [
    "aya",
    "axum",
    "hyper",
    "inotify",
    "k8s-openapi",
    "kube",
    "kube-client",
    "prometheus",
    "rustls",
    "tokio",
];

/// Names of the crates that a package is made of, with these flags.
fn crates(package: &str, flags: &[&str]) -> BTreeSet<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--package", package])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(flags)
        .output()
        .expect("cargo runs");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problem}");
    let text = String::from_utf8(output.stdout).expect("names are text");
    let crates: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(crates.contains(package), "{crates:?}");
    crates
}

#[test]
fn the_offline_commands_have_nothing_of_the_agent_in_them() {
    let offline = crates("egress-observer", &["--no-default-features"]);
    assert!(offline.contains("egress-observer-istio"), "{offline:?}");
    for name in OF_THE_AGENT {
        assert!(!offline.contains(name), "{name} is in {offline:?}");
    }
}

#[test]
fn the_agent_is_there_by_default() {
    let whole = crates("egress-observer", &[]);
    for name in OF_THE_AGENT {
        assert!(whole.contains(name), "{name} is not in {whole:?}");
    }
}

/// The model decides; it asks nobody, and waits for nothing.
#[test]
fn the_model_knows_neither_kernel_nor_tasks_nor_the_clusters_api() {
    let model = crates("egress-observer-istio", &[]);
    for name in OF_THE_AGENT.into_iter().chain(["clap", "libc"]) {
        assert!(!model.contains(name), "{name} is in {model:?}");
    }
}
