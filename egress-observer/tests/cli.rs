//! The real binary: bad input is one clear message and the right exit code, before anything else
//! happens. Needs no root.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .args(args)
        .output()
        .expect("it runs")
}

/// A file of this name and content, in a directory of its own.
fn file(name: &str, content: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name.replace('.', "-"));
    fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join(name);
    fs::write(&path, content).expect("a file");
    path
}

/// Exit code and standard error of the agent on one manifest.
fn agent(manifest: &str) -> (Option<i32>, String) {
    let output = run(&["agent", "--log", "error", "--manifests", manifest]);
    assert!(output.stdout.is_empty(), "stdout is for data: {output:?}");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn help_and_version_are_data() {
    for (flag, wanted) in [
        ("--help", "Usage: egress-observer"),
        ("--version", "egress-observer "),
    ] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(wanted),
            "{output:?}"
        );
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    for args in [
        &["nonsense"][..],
        &["agent"],
        &["agent", "--manifests", "x", "--max-flows", "many"],
        &["agent", "--manifests", "x", "--metrics-address", "here"],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let (code, said) = agent("/nonexistent/pods.yaml");
    assert_eq!(code, Some(65), "{said}");
    assert!(
        said.contains("cannot read /nonexistent/pods.yaml: No such file"),
        "{said}"
    );
}

/// Bad input is what is reported, whatever else is wrong.
#[test]
fn a_missing_file_is_named_though_the_address_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let line = [
        "agent",
        "--manifests",
        "/nonexistent/pods.yaml",
        "--metrics-address",
        &address,
    ];
    let output = run(&line);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
}

#[test]
fn broken_yaml_is_named_with_its_line() {
    let path = file("broken.yaml", "kind: Pod\nmetadata:\n  name: [a\n");
    let (code, said) = agent(&path.to_string_lossy());
    assert_eq!(code, Some(65), "{said}");
    assert!(
        said.contains("broken.yaml is not valid YAML") && said.contains("line"),
        "{said}"
    );
}

#[test]
fn a_wrong_field_is_named_with_its_object() {
    let pod = "kind: Pod\nmetadata: {name: cart, namespace: shop}\nspec: {hostNetwork: maybe}\n";
    let path = file("field.yaml", pod);
    let (code, said) = agent(&path.to_string_lossy());
    assert_eq!(code, Some(65), "{said}");
    assert!(
        said.contains("Pod shop/cart: field `spec.hostNetwork`"),
        "{said}"
    );
}

#[test]
fn a_log_filter_that_makes_no_sense_is_named() {
    let output = run(&["agent", "--manifests", "x", "--log", "egress_observer=loud"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("--log egress_observer=loud: not a log filter"),
        "{said}"
    );
}
