//! The corpus of changes: a folder a case in `what_if/`; add one without writing Rust.
//!
//! - `manifests.yaml`: the objects as they are.
//! - `flows.jsonl`: the connections; may be absent.
//! - `change.yaml`: `args`, the arguments that say the change, where files are beside it, and
//!   `exit`, the exit code if it is not 0.
//! - `expected.yaml`: a part of the answer. Fields that are not named may be anything; lists are
//!   whole and in order.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

mod cases;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cases::{differences, read};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    args: Vec<String>,
    #[serde(default)]
    exit: i32,
}

fn check(case: &Path) -> Vec<String> {
    let change: Change = read(&case.join("change.yaml"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-observer"));
    command
        .current_dir(case)
        .args(["what-if", "-o", "json", "--manifests", "manifests.yaml"])
        .args(&change.args);
    if case.join("flows.jsonl").exists() {
        command.args(["--flows", "flows.jsonl"]);
    }
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let mut wrong = Vec::new();
    if output.status.code() != Some(change.exit) {
        wrong.push(format!("exit: {}, {said}", output.status));
    }
    let expected: Value = read(&case.join("expected.yaml"));
    match serde_json::from_slice::<Value>(&output.stdout) {
        Ok(found) => differences("", &expected, &found, &mut wrong),
        Err(problem) => wrong.push(format!("no JSON: {problem}: {said}")),
    }
    wrong
}

#[test]
fn every_change_of_the_corpus_has_the_effect_that_is_written() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/what_if");
    let (mut n_cases, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(root).expect("the corpus") {
        let case = entry.expect("an entry").path();
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        n_cases += 1;
        let found = check(&case);
        wrong.extend(found.into_iter().map(|wrong| format!("{name}: {wrong}")));
    }
    assert!(n_cases > 0, "no case at all");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
