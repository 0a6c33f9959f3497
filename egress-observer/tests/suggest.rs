//! `suggest service-entries` as it is run: what it prints, how it ends, and that what it suggests
//! does what it is for. Its corpus is a folder a case in `suggest/`; add one without writing Rust.
//!
//! - `manifests.yaml` and `flows.jsonl`: what there is and what was recorded.
//! - `args.yaml`: more arguments; may be absent.
//! - `expected.yaml`: a part of the answer. Fields that are not named may be anything; lists are
//!   whole and in order.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

mod cases;
mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

use cases::{differences, read};
use serde_json::Value;
use support::feed;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");

/// What an agent may have recorded of the example's pods.
const FLOWS: &str = r#"
{"kind":"Finding","lastTime":"2026-01-05T08:00:09Z","namespace":"shop","pod":"shop/sleep-6f7c9d-x2x4z","workload":"sleep","source":{"container":"sleep","actor":"app"},"destination":{"host":"www.baidu.com","ip":"198.18.0.20","port":443,"protocol":"tcp","scope":"external","names":["www.baidu.com"]},"path":"captured","registry":"undeclared","verdict":"blocked","reason":"included_range","failure":null,"count":31}
{"kind":"Finding","namespace":"shop","pod":"shop/sleep-6f7c9d-x2x4z","workload":"sleep","source":{"container":"sleep","actor":"app"},"destination":{"host":"www.baidu.com","ip":"198.18.0.20","port":80,"protocol":"tcp","scope":"external"},"registry":"undeclared","verdict":"blocked","count":2}
{"kind":"Finding","namespace":"shop","pod":"shop/sleep-6f7c9d-x2x4z","workload":"sleep","source":{"container":"sleep","actor":"app"},"destination":{"host":"db.example.com","ip":"198.18.0.40","port":5432,"protocol":"tcp","scope":"external"},"registry":"undeclared","verdict":"blocked","count":3}
{"kind":"Finding","namespace":"shop","pod":"shop/sleep-6f7c9d-x2x4z","workload":"sleep","source":{"container":"sleep","actor":"app"},"destination":{"host":"httpbin.org","ip":"198.18.0.10","port":443,"protocol":"tcp","scope":"external"},"registry":"service_entry","verdict":"mediated","count":240}
{"kind":"Finding","namespace":"shop","pod":"shop/sleep-6f7c9d-x2x4z","workload":"sleep","source":{"container":"sleep","actor":"app"},"destination":{"host":null,"ip":"198.18.0.50","port":443,"protocol":"tcp","scope":"external","names":["cdn.b.test","cdn.a.test"]},"registry":"undeclared","verdict":"blocked","count":7}
"#;

fn run(args: &[&str], input: &str) -> Output {
    feed(
        Command::new(env!("CARGO_BIN_EXE_egress-observer")).args(args),
        input,
    )
}

fn suggest(args: &[&str], input: &str) -> Output {
    let start = ["suggest", "service-entries", "--flows", "-"];
    run(&[&start[..], args].concat(), input)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A path where nothing is.
fn place(name: &str) -> String {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("suggest");
    fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join(name);
    // What an earlier run left.
    drop(fs::remove_file(&path));
    path.to_str().expect("UTF-8").to_owned()
}

/// A file with this content.
fn file(name: &str, content: &str) -> String {
    let path = place(name);
    fs::write(&path, content).expect("a file");
    path
}

#[test]
fn what_is_suggested_turns_blocked_into_mediated() {
    let output = suggest(&["--manifests", EXAMPLE], FLOWS);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let suggested = file("suggested.yaml", &text(&output.stdout));
    let what_if = |more: &[&str]| {
        let start = [
            "what-if",
            "--manifests",
            EXAMPLE,
            "--flows",
            "-",
            "-o",
            "json",
        ];
        let output = run(&[&start[..], more].concat(), FLOWS);
        serde_json::from_slice::<Value>(&output.stdout).expect("a report")
    };
    let report = what_if(&["--apply", &suggested]);
    let groups = report["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 3, "{report}");
    for group in groups {
        assert_eq!(group["before"]["verdict"], "blocked", "{group}");
        assert_eq!(group["now"]["verdict"], "mediated", "{group}");
    }
    assert_eq!(report["flows"]["changed"], 36);
    // And once they are there, nothing is left to suggest.
    let again = suggest(&["--manifests", EXAMPLE, "--manifests", &suggested], FLOWS);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!(text(&again.stdout), "");
    let said = text(&again.stderr);
    assert!(said.contains("nothing to suggest"), "{said}");
    assert!(said.contains("cdn.b.test, cdn.a.test"), "{said}");
    let lint = run(&["lint", "--manifests", &suggested], "");
    assert_eq!(lint.status.code(), Some(0), "{lint:?}");
}

#[test]
fn every_case_of_the_corpus_is_suggested_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suggest");
    let (mut n_cases, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(root).expect("the corpus") {
        let case = entry.expect("an entry").path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_egress-observer"));
        command
            .current_dir(&case)
            .args(["suggest", "service-entries", "-o", "json"])
            .args(["--manifests", "manifests.yaml", "--flows", "flows.jsonl"]);
        let more = case.join("args.yaml");
        if more.exists() {
            command.args(read::<Vec<String>>(&more));
        }
        let output = command.output().expect("it runs");
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        match serde_json::from_slice::<Value>(&output.stdout) {
            Ok(found) => {
                let expected = read(&case.join("expected.yaml"));
                differences(&name, &expected, &found, &mut wrong);
            }
            Err(problem) => wrong.push(format!("{name}: {problem}: {output:?}")),
        }
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        n_cases += 1;
    }
    assert!(n_cases > 0, "no case at all");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn differences_are_a_line_each() {
    let args = ["--manifests", EXAMPLE, "--diff"];
    let output = suggest(&args, FLOWS);
    let expected = "\
+ ServiceEntry shop/db-example-com (db.example.com): 3 connections: for 5432 (TCP)
+ ServiceEntry shop/www-baidu-com (www.baidu.com): 33 connections: for 80 (HTTP), 443 (TLS)
= ServiceEntry shop/httpbin-https-ext (httpbin.org): 240 connections
- ServiceEntry shop/httpbin-ext (httpbin.org): nobody asked for it in these flows
";
    assert_eq!(text(&output.stdout), expected);
    let output = suggest(&["--diff"], FLOWS);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn json_has_the_objects_and_what_has_none() {
    let output = suggest(&["--manifests", EXAMPLE, "-o", "json", "--diff"], FLOWS);
    let object: Value = serde_json::from_slice(&output.stdout).expect("one object");
    let expected = [
        ("/apiVersion", "egress-observer.io/v1alpha1"),
        ("/kind", "ServiceEntrySuggestions"),
        ("/entries/1/manifest/kind", "ServiceEntry"),
        ("/entries/1/manifest/metadata/name", "www-baidu-com"),
        ("/entries/1/manifest/spec/hosts/0", "www.baidu.com"),
        ("/entries/1/usedBy/0/workload", "sleep"),
        ("/entries/1/usedBy/0/lastTime", "2026-01-05T08:00:09Z"),
        ("/notSuggested/0/reason", "ambiguous_name"),
        ("/notSuggested/0/names/1", "cdn.a.test"),
        ("/differences/0/change", "add"),
    ];
    for (pointer, value) in expected {
        assert_eq!(object.pointer(pointer), Some(&value.into()), "{pointer}");
    }
    assert_eq!(object["entries"][1]["usedBy"][0]["verdicts"]["blocked"], 33);
}

#[test]
fn what_is_wrong_is_said_with_the_right_exit_code() {
    let cases: [(&[&str], &str); 8] = [
        (&["--wildcard", "*.com"], "would take in hosts of others"),
        (&["--wildcard", "*"], "would take in hosts of others"),
        (&["--wildcard", "example.com"], "and a domain"),
        (&["--export-to", "*,shop"], "nothing can stand beside it"),
        (&["--in-namespace", "Shop"], "no name of a namespace"),
        (&["--protocol", "443=QUIC"], "its protocol is none of HTTP,"),
        (&["--protocol", "0=TCP"], "a number from 1 to 65535"),
        (&["--api-version", "v2"], "v1alpha3"),
    ];
    for (args, expected) in cases {
        let output = suggest(args, "");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?} {said}");
        assert!(said.contains(expected), "{args:?} {said}");
    }
    let output = run(&["suggest", "service-entries"], "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("--flows"), "{output:?}");
}

#[test]
fn lines_that_are_no_flows_are_named_and_the_rest_is_answered() {
    let output = suggest(
        &["--wildcard", "*.other.test"],
        &format!("nonsense\n{FLOWS}"),
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{said}");
    for expected in [
        "standard input line 1: no flow: not a JSON object",
        "1 line not read",
        "--wildcard *.other.test: no host of these flows is below it",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(text(&output.stdout).contains("name: www-baidu-com\n"));
}

#[test]
fn the_example_of_the_documentation_is_real() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let page = fs::read_to_string(format!("{root}/docs/suggest.md")).expect("the page");
    let (_, rest) = page
        .split_once("egress-observer suggest service-entries ")
        .expect("a command");
    let (words, rest) = rest.split_once("```").expect("its end");
    let (_, rest) = rest.split_once("```yaml\n").expect("its output");
    let (expected, _) = rest.split_once("```").expect("its end");
    let words = words.split_whitespace().filter(|word| *word != "\\");
    let output = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .args(["suggest", "service-entries"])
        .args(words)
        .current_dir(root)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), expected);
}

/// A socket that answers one question as an agent does.
fn agent(name: &str, status: &'static str) -> String {
    let path = place(name);
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a question");
        let mut question = [0; 64];
        let n = stream.read(&mut question).expect("a question");
        assert!(question[..n].starts_with(b"GET /v1/findings HTTP/1.0\r\n"));
        let answer = format!(
            "HTTP/1.0 {status}\r\ncontent-type: x\r\n\r\n{}",
            FLOWS.trim()
        );
        stream.write_all(answer.as_bytes()).expect("an answer");
    });
    path
}

#[test]
fn a_running_agent_is_asked() {
    let socket = agent("agent.sock", "200 OK");
    let told = run(&["suggest", "service-entries", "--agent", &socket], "");
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert_eq!(text(&told.stdout), text(&suggest(&[], FLOWS).stdout));
}

#[test]
fn an_agent_that_does_not_answer_is_named() {
    let gone = place("nobody.sock");
    let busy = agent("busy.sock", "503 Service Unavailable");
    for socket in [gone, busy] {
        let told = run(&["suggest", "service-entries", "--agent", &socket], "");
        let said = text(&told.stderr);
        assert_eq!(told.status.code(), Some(3), "{said}");
        assert!(
            said.contains(&format!("cannot ask the agent at {socket}")),
            "{said}"
        );
    }
}
