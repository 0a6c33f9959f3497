//! `suggest exclusions` as it is run: what it prints, in which form, and how it ends.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

mod support;

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::{Value, json};
use support::feed;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn exclusions(args: &[&str], input: &str) -> Output {
    feed(
        Command::new(env!("CARGO_BIN_EXE_egress-observer"))
            .current_dir(ROOT)
            .args(["suggest", "exclusions"])
            .args(args)
            .env_remove("EGRESS_OBSERVER_MANIFESTS"),
        input,
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// As an agent records it.
const FINDING: &str = r#"{"kind":"Finding","namespace":"shop","pod":"shop/sleep-1","workload":"sleep","source":{"container":"app","actor":"app","uid":1000,"gid":1000},"destination":{"host":null,"ip":"169.254.169.254","port":80,"protocol":"tcp","scope":"local","names":[]},"path":"captured","registry":"undeclared","verdict":"blocked","reason":"included_range","count":12,"lastTime":"2026-01-05T08:00:09Z"}"#;

#[test]
fn the_example_of_the_documentation_is_real() {
    let page = fs::read_to_string(format!("{ROOT}/docs/suggest-exclusions.md")).expect("the page");
    let (_, example) = page.split_once("```text\n").expect("an output");
    let (expected, _) = example.split_once("```").expect("its end");
    let args = [
        "--manifests",
        "examples/shop",
        "examples/exclusions",
        "--flows",
        "examples/exclusions/flows.jsonl",
    ];
    let output = exclusions(&args, "");
    assert_eq!(text(&output.stdout), expected);
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_an_agent_records_is_read() {
    for format in ["json", "yaml"] {
        let output = exclusions(&["--flows", "-", "-o", format], FINDING);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        // JSON is YAML.
        let found: Value = serde_saphyr::from_str(&text(&output.stdout)).expect("one object");
        assert_eq!(found["apiVersion"], "egress-observer.io/v1alpha1");
        assert_eq!(found["kind"], "ExclusionSuggestions");
        let suggestion = &found["suggestions"][0];
        assert_eq!(suggestion["cidr"], "169.254.169.254/32");
        let used_by = json!([{
            "namespace": "shop", "workload": "sleep", "actors": ["app"], "ports": [80],
            "connections": 12, "blocked": 12, "unproved": 0, "restartIsEnough": null,
        }]);
        assert_eq!(suggestion["usedBy"], used_by);
        assert_eq!(found["mesh"][0]["revision"], Value::Null);
        assert_eq!(found["mesh"][0]["value"], "169.254.169.254/32");
        assert_eq!(
            found["workloads"][0]["spellings"]["annotation"],
            "traffic.sidecar.istio.io/excludeOutboundIPRanges: \"169.254.169.254/32\""
        );
    }
}

#[test]
fn nothing_to_suggest_is_no_text_and_a_note() {
    let other = FINDING.replace("169.254.169.254", "192.0.2.1");
    for input in ["", &other] {
        let output = exclusions(&["--flows", "-"], input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("no connection to a well-known address"),
            "{said}"
        );
    }
}

#[test]
fn a_wrong_command_line_is_2_and_bad_input_is_65() {
    assert_eq!(exclusions(&[], "").status.code(), Some(2));
    let output = exclusions(&["--flows", "/nonexistent.jsonl"], "");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    let output = exclusions(&["--flows", "-", "--manifests", "/nonexistent.yaml"], "");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    let output = exclusions(&["--flows", "-"], &format!("nonsense\n{FINDING}\n"));
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(
        text(&output.stdout).contains("169.254.169.254/32"),
        "the rest is answered"
    );
    assert!(text(&output.stderr).contains("standard input line 1: no flow"));
}

#[test]
fn names_do_not_steer_a_terminal() {
    let flow = FINDING.replace(
        "\"workload\":\"sleep\"",
        "\"workload\":\"\\u001b[31m\\n# x\"",
    );
    let output = exclusions(&["--flows", "-"], &flow);
    let text = text(&output.stdout);
    assert!(text.contains(r"shop/\u{1b}[31m\u{a}# x"), "{text}");
    assert!(
        !text.contains('\u{1b}') && !text.contains("\n# x"),
        "{text}"
    );
}
