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

/// Names of the crates that a variant of the binary is made of.
fn crates(flags: &[&str]) -> BTreeSet<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--package", "egress-observer"])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(flags)
        .output()
        .expect("cargo runs");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problem}");
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_offline_commands_have_nothing_of_the_agent_in_them() {
    let offline = crates(&["--no-default-features"]);
    assert!(offline.contains("egress-observer-istio"), "{offline:?}");
    let surplus: Vec<_> = OF_THE_AGENT
        .into_iter()
        .filter(|name| offline.contains(*name))
        .collect();
    assert!(surplus.is_empty(), "{surplus:?}");
}

#[test]
fn the_agent_is_there_by_default() {
    let whole = crates(&[]);
    let missing: Vec<_> = OF_THE_AGENT
        .into_iter()
        .filter(|name| !whole.contains(*name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The model decides; it asks nobody, and waits for nothing.
#[test]
fn the_model_knows_neither_kernel_nor_tasks_nor_the_clusters_api() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../egress-observer-istio"
        ))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("egress-observer-istio "), "{text}");
    for name in OF_THE_AGENT.iter().chain(&["clap", "libc"]) {
        let found = text
            .lines()
            .any(|line| line.split(' ').next() == Some(name));
        assert!(!found, "{name} is in the model:\n{text}");
    }
}
