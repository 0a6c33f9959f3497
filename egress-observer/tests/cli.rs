//! The real binary: bad input is one clear message and the right exit code, before anything else
//! happens. Needs no root.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

mod support;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use support::feed;

use serde_json::{Value, json};

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
fn manifests_are_read_from_standard_input_too() {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop");
    let text: Vec<_> = ["mesh.yaml", "pods.yaml", "services.yaml"]
        .map(|name| fs::read_to_string(shop.join(name)).expect("a file of the example"))
        .into();
    let line = ["explain", "--manifests", "-", "--pod", "shop/sleep", "--to"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-observer"));
    let output = feed(
        command.args(line).arg("httpbin.org:443"),
        &text.join("\n---\n"),
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("mediated"), "{output:?}");
    let output = feed(
        Command::new(env!("CARGO_BIN_EXE_egress-observer"))
            .args(line)
            .arg("a.test:1"),
        "[",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("-: document 1, line 1: not valid YAML"),
        "{output:?}"
    );
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

/// What the agent says of a manifest, and what ends it: an address that is taken, which comes after.
fn agent_that_goes_on(manifest: &Path) -> String {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let manifest = manifest.to_string_lossy();
    let line = [
        "agent",
        "--manifests",
        &manifest,
        "--metrics-address",
        &address,
    ];
    let output = run(&line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot serve on --metrics-address"), "{said}");
    said
}

#[test]
fn broken_yaml_is_named_with_its_line_and_does_not_keep_the_agent_from_starting() {
    let text = "kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata:\n  name: [a\n";
    let said = agent_that_goes_on(&file("broken.yaml", text));
    assert!(
        said.contains("broken.yaml: document 2, line 6: not valid YAML: "),
        "{said}"
    );
    assert!(
        said.contains("read 1 object: 1 Pod; 1 that cannot be read"),
        "{said}"
    );
}

#[test]
fn a_wrong_field_is_named_with_its_object_and_does_not_keep_the_agent_from_starting() {
    let pod = "kind: Pod\nmetadata: {name: cart, namespace: shop}\nspec: {hostNetwork: maybe}\n";
    let said = agent_that_goes_on(&file("field.yaml", pod));
    let expected = "field.yaml: document 1, from line 1: Pod shop/cart: field `spec.hostNetwork`";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("write true or false"), "{said}");
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

/// `what-if` on the example, with something on standard input.
fn what_if(args: &[&str], input: &str) -> Output {
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");
    feed(
        Command::new(env!("CARGO_BIN_EXE_egress-observer"))
            .args(["what-if", "--manifests", manifests])
            .args(args),
        input,
    )
}

const OPEN: [&str; 2] = ["--set", "outboundTrafficPolicy.mode=ALLOW_ANY"];
const NARROW: [&str; 2] = ["--set", "includeIPRanges=10.96.0.0/12"];
const FLOW: &str = r#"{"pod":"shop/sleep","destination":{"ip":"198.18.0.20","port":5432}}"#;

#[test]
fn a_change_that_is_none_is_a_wrong_command_line() {
    for args in [
        &[][..],
        &["--set", "includeIpRanges=*"],
        &["--set", "pilot.cni.enabled=maybe"],
        &["--delete", "Pod/shop/sleep"],
        &[OPEN[0], OPEN[1], "--to", "a.test:443"],
        &[OPEN[0], OPEN[1], "--pod", "shop/sleep"],
        &[
            OPEN[0],
            OPEN[1],
            "--all-pods",
            "--pod",
            "shop/sleep",
            "--to",
            "a.test:443",
        ],
        &[OPEN[0], OPEN[1], "--fail-on", "bad"],
        &["--delete", "Sidecar/shop/a", "--revision", "x"],
    ] {
        let output = what_if(args, "");
        assert_eq!(output.status.code(), Some(2), "{args:?} {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn a_change_that_cannot_be_made_says_what_to_add() {
    let cases = [
        (
            &["--set", "includeIPRanges=*", "--revision", "canary"][..],
            "there is no ConfigMap istio-sidecar-injector-canary",
        ),
        (
            &["--delete", "ServiceEntry/shop/httpbin"],
            "there is ServiceEntry/shop/httpbin-ext, ServiceEntry/shop/httpbin-https-ext",
        ),
        (
            &["--apply", "/nonexistent.yaml"],
            "cannot read /nonexistent.yaml",
        ),
        (
            &[OPEN[0], OPEN[1], "--pod", "shop/gone", "--to", "a.test:443"],
            "--pod: there is no pod shop/gone",
        ),
        (
            &[OPEN[0], OPEN[1], "--flows", "/nonexistent.jsonl"],
            "cannot read /nonexistent.jsonl",
        ),
    ];
    for (args, expected) in cases {
        let output = what_if(args, "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn lines_that_are_no_flows_are_named_and_the_rest_is_answered() {
    let input = format!(
        "{{}}\n\n{FLOW}\nnonsense\n{}\n",
        FLOW.replace("sleep", "gone")
    );
    let args = ["--flows", "-", "-o", "json", "--fail-on", "passthrough"];
    let output = what_if(&[&OPEN[..], &args[..]].concat(), &input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{said}");
    for expected in [
        "standard input line 1: no flow: it has neither",
        "standard input line 4: no flow: not a JSON object",
        "standard input line 5: not judged: there is no pod shop/gone",
        "2 lines not read",
        "1 connection would become passthrough",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["apiVersion"], "egress-observer.io/v1alpha1");
    assert_eq!(report["kind"], "WhatIf");
    let flows = json!({"flows": 1, "connections": 1, "changed": 1, "unplaced": 1, "badLines": 2});
    assert_eq!(report["flows"], flows);
}

#[test]
fn what_explain_prints_is_what_what_if_reads() {
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");
    let explained = run(&[
        "explain",
        "--manifests",
        manifests,
        "--pod",
        "shop/sleep",
        "-o",
        "json",
        "--to",
        "httpbin.org@198.18.0.10:443",
        "--to",
        "10.96.0.10:53/udp",
    ]);
    let lines = String::from_utf8(explained.stdout).expect("UTF-8");
    let args = ["--flows", "-", "-o", "json"];
    let output = what_if(&[&NARROW[..], &args[..]].concat(), &lines);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["flows"]["flows"], 2);
    assert_eq!(report["groups"][0]["destination"], "httpbin.org");
    assert_eq!(
        report["groups"][0]["restarted"]["verdict"],
        "declared_bypass"
    );
}

#[test]
fn findings_are_79_in_every_format() {
    for output in ["text", "json", "yaml"] {
        let args = [
            "--flows",
            "-",
            "-o",
            output,
            "--fail-on",
            "configured_bypass,blocked",
        ];
        let found = what_if(&[&NARROW[..], &args[..]].concat(), FLOW);
        assert_eq!(found.status.code(), Some(79), "{found:?}");
        assert!(!found.stdout.is_empty());
        // It is blocked today already.
        let found = what_if(
            &[&["--set", "includeIPRanges=*"][..], &args[..]].concat(),
            FLOW,
        );
        assert_eq!(found.status.code(), Some(0), "{found:?}");
    }
}

#[test]
fn names_from_flows_and_manifests_do_not_steer_a_terminal() {
    let pod = "kind: Pod\nmetadata: {name: a, namespace: \"x\\e[31m\"}\n\
               spec: {containers: [{name: a}]}\n";
    let path = file("steering.yaml", pod);
    let path = path.to_string_lossy();
    let flow = FLOW.replace("shop/sleep", "x\\u001b[31m/a");
    let args = [
        "--apply",
        &path,
        "--manifests",
        &path,
        "--flows",
        "-",
        "--changed-only=false",
    ];
    let output = what_if(&args, &flow);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(r"x\u{1b}[31m/a"), "{output:?}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let unknown = FLOW.replace("shop/sleep", "shop/\\u001b[31m");
    let said = what_if(&[&OPEN[..], &["--flows", "-"]].concat(), &unknown);
    assert!(!said.stderr.contains(&0x1b), "{said:?}");
}

#[test]
fn the_example_of_the_documentation_is_real() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let page = fs::read_to_string(format!("{root}/docs/what-if.md")).expect("the page");
    let (_, example) = page.split_once("```text\n").expect("an output");
    let (expected, _) = example.split_once("```").expect("its end");
    let flows = format!("{root}/examples/shop/flows.jsonl");
    let args = [
        "--cluster-cidrs",
        "10.244.0.0/16,10.96.0.0/12",
        "--set",
        r"global.proxy.includeIPRanges=10.244.0.0/16\,10.96.0.0/12",
        "--flows",
        &flows,
    ];
    let output = what_if(&args, "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
