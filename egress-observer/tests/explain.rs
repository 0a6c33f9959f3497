//! `explain` as it is run: what it prints, in which form, and how it ends. What it says about each
//! case is in the golden corpus.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");

fn explain(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .args(["explain", "--manifests", EXAMPLE])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn objects(output: &Output) -> Vec<Value> {
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
        .collect()
}

#[test]
fn the_text_says_why_and_what_to_do() {
    let output = explain(&["--pod", "shop/sleep", "--to", "www.baidu.com:443"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = text(&output.stdout);
    for expected in [
        "verdict   blocked (included_range)",
        "curl ends with exit code 35",
        "rule: -A ISTIO_OUTPUT -j ISTIO_REDIRECT",
        "init container istio-init: flag -i \"*\"",
        "policy    REGISTRY_ONLY (ConfigMap istio-system/istio)",
        "hosts: [www.baidu.com]",
        "meshConfig.outboundTrafficPolicy.mode=ALLOW_ANY",
        "excludeIPRanges",
    ] {
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    }
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "{longest:?} columns:\n{text}");
}

#[test]
fn json_has_the_fields_that_are_promised() {
    let output = explain(
        &[
            "--pod",
            "shop/batch",
            "--to",
            "httpbin.org@198.18.0.10:80",
            "-o",
            "json",
        ],
        "",
    );
    let [object] = &objects(&output)[..] else {
        panic!("{output:?}")
    };
    let expected = [
        ("/apiVersion", "egress-observer.io/v1alpha1"),
        ("/kind", "Explanation"),
        ("/pod", "shop/batch-5b8d77-k7m2p"),
        ("/destination/host", "httpbin.org"),
        ("/destination/ip", "198.18.0.10"),
        ("/destination/protocol", "tcp"),
        ("/desired/expected", "captured"),
        ("/applied/expected", "direct"),
        ("/applied/reason", "not_included"),
        ("/registry/match", "service_entry"),
        ("/registry/kind", "ServiceEntry"),
        ("/registry/namespace", "shop"),
        ("/registry/name", "httpbin-ext"),
        ("/registry/host", "httpbin.org"),
        ("/policy", "REGISTRY_ONLY"),
        ("/verdict", "declared_bypass"),
        ("/void/1", "VirtualService shop/httpbin-ext"),
        ("/advice/0/method", "restart"),
    ];
    for (pointer, value) in expected {
        assert_eq!(object.pointer(pointer), Some(&value.into()), "{pointer}");
    }
    assert_eq!(object.pointer("/destination/port"), Some(&80.into()));
    assert_eq!(object.pointer("/desired/port"), Some(&15_001.into()));
    assert_eq!(object.pointer("/applied/port"), Some(&Value::Null));
    assert_eq!(object.pointer("/stale"), Some(&true.into()));
}

#[test]
fn each_line_has_its_answer_in_order() {
    let input = "www.baidu.com:80\n\nhttpbin.org:443\n10.96.0.10:53/udp\n";
    let output = explain(&["--pod", "shop/sleep", "--to", "-"], input);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let verdicts: Vec<_> = objects(&output)
        .iter()
        .map(|object| object["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["blocked", "mediated", "configured_bypass"]);
}

#[test]
fn a_line_that_is_no_destination_is_told_in_its_place_and_65_in_the_end() {
    let output = explain(
        &["--pod", "shop/sleep", "--to", "-"],
        "www.baidu.com\nhttpbin.org:443\n",
    );
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    let objects = objects(&output);
    assert_eq!(objects[0]["kind"], "Error");
    assert_eq!(objects[0]["line"], 1);
    assert_eq!(objects[1]["verdict"], "mediated");
    assert!(
        text(&output.stderr).contains("it has no port"),
        "{output:?}"
    );
}

/// A flow to a host, or to an address that several names lead to.
fn flow(pod: &str, destination: &str, count: u64) -> String {
    format!(
        r#"{{"pod": "{pod}", "destination": {{{destination}, "port": 443}}, "count": {count}}}"#
    )
}

#[test]
fn the_destinations_of_recorded_flows_are_answered_the_most_frequent_first() {
    let lines = [
        flow("shop/sleep", r#""host": "httpbin.org""#, 2),
        flow("shop/batch", r#""host": "other.test""#, 9),
        flow(
            "shop/sleep",
            r#""host": null, "ip": "198.18.0.50", "names": ["b.test", "a.test"]"#,
            7,
        ),
        flow("shop/sleep", r#""host": "httpbin.org""#, 6),
    ];
    let args = ["--pod", "shop/sleep", "--flows", "-", "-o", "json"];
    let more = ["--to", "www.baidu.com:80"];
    let output = explain(&[&args[..], &more[..]].concat(), &lines.join("\n"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let objects = objects(&output);
    let hosts: Vec<_> = objects
        .iter()
        .map(|one| &one["destination"]["host"])
        .collect();
    assert_eq!(hosts, ["www.baidu.com", "httpbin.org", "a.test", "b.test"]);
    let note = "several names lead to this address, and any may be meant: a.test, b.test";
    let notes = objects[2]["notes"].as_array().expect("notes");
    assert!(notes.iter().any(|one| one == note), "{notes:?}");
}

#[test]
fn flows_of_others_alone_are_no_question() {
    let line = flow("shop/batch", r#""host": "a.test""#, 1);
    let output = explain(&["--pod", "shop/sleep", "--flows", "-"], &line);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("no flow of shop/sleep-6f7c9d-x2x4z"),
        "{said}"
    );
    let output = explain(&["--pod", "shop/sleep", "--flows", "-"], "nonsense");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    let output = explain(&["--pod", "shop/sleep"], "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn what_destinations_have_in_common_is_told_once() {
    let to = ["--to", "www.baidu.com:80", "--to", "other.test:80"];
    let args = [&["--pod", "shop/sleep"][..], &to[..]].concat();
    let text = text(&explain(&args, "").stdout);
    let n = |part: &str| text.matches(part).count();
    assert_eq!(n("meshConfig.outboundTrafficPolicy.mode"), 2, "{text}");
    let again = "As above: Let sidecars pass unknown hosts through, in the whole mesh.";
    assert_eq!(n(again), 1, "{text}");
    assert_eq!(n("kind: ServiceEntry"), 2, "{text}");
    assert_eq!(n("; desired: the same"), 2, "{text}");
    // Each object of JSON stands alone.
    let objects = objects(&explain(&[&args[..], &["-o", "json"]].concat(), ""));
    assert_eq!(objects[0]["advice"][1], objects[1]["advice"][1]);
}

#[test]
fn brief_is_one_line_each() {
    let args = [
        "--pod",
        "shop/sleep",
        "--brief",
        "--to",
        "httpbin.org@198.18.0.10:80",
    ];
    let output = explain(
        &[&args[..], &["--to", "-"]].concat(),
        "www.baidu.com:443\n10.96.0.10:53/udp\n",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = "httpbin.org@198.18.0.10:80  mediated (included_range)  outbound|80||httpbin.org, \
                    declared by ServiceEntry shop/httpbin-ext, via VirtualService shop/httpbin-ext\n\
                    www.baidu.com:443  blocked (included_range)  BlackHoleCluster\n\
                    10.96.0.10:53/udp  configured_bypass (not_tcp)  around the sidecar\n";
    assert_eq!(text(&output.stdout), expected);
    let output = explain(&[&args[..], &["-o", "json"]].concat(), "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn yaml_is_one_document_each() {
    let to = ["--to", "www.baidu.com:80", "--to", "httpbin.org:80"];
    let args = [&["--pod", "shop/sleep", "-o", "yaml"][..], &to[..]].concat();
    let output = explain(&args, "");
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text(&output.stdout)).expect("YAML documents");
    let verdicts: Vec<_> = documents.iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["blocked", "mediated"]);
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let output = explain(&["--pod", "shop/slep", "--to", "a.test:80"], "");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert_eq!(
        text(&output.stderr),
        "egress-observer: --pod shop/slep: no such pod in the manifests; there is \
         shop/batch-5b8d77-k7m2p, shop/sleep-6f7c9d-x2x4z\n"
    );
    let container = [
        "--pod",
        "shop/sleep",
        "--to",
        "a.test:80",
        "--container",
        "web",
    ];
    let output = explain(&container, "");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(
        text(&output.stderr).contains("it has sleep, istio-proxy"),
        "{output:?}"
    );
}

#[test]
fn a_destination_that_cannot_be_read_is_a_wrong_command_line() {
    let output = explain(&["--pod", "shop/sleep", "--to", "httpbin.org"], "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        text(&output.stderr).contains("it has no port"),
        "{output:?}"
    );
}

#[test]
fn whoever_reads_may_stop() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .args([
            "explain",
            "--manifests",
            EXAMPLE,
            "--pod",
            "shop/sleep",
            "--to",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may be gone before everything is written.
    drop(stdin.write_all("a.test:80\n".repeat(5_000).as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// The text block behind the shell block that has this command, and the command's words.
fn shown(readme: &str, command: &str) -> (Vec<String>, String) {
    let start = format!("egress-observer {command} ");
    let (_, rest) = readme.split_once(&start).expect("the command");
    let (words, rest) = rest.split_once("```").expect("the end of the command");
    let (_, rest) = rest.split_once("```text\n").expect("its output");
    let (text, _) = rest.split_once("```").expect("the end of the output");
    let words = words.split_whitespace().filter(|word| *word != "\\");
    (words.map(str::to_owned).collect(), text.to_owned())
}

#[test]
fn the_first_screen_of_the_readme_is_real() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let readme = std::fs::read_to_string(format!("{root}/README.md")).expect("the README");
    for command in ["explain", "what-if"] {
        let (words, shown) = shown(&readme, command);
        let output = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
            .arg(command)
            .args(&words)
            .current_dir(root)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = text(&output.stdout);
        let mut rest = text.as_str();
        // Points stand for lines that are left out.
        for part in shown
            .split_inclusive('\n')
            .collect::<Vec<_>>()
            .split(|line| line.trim() == "...")
        {
            let part = part.concat();
            let part = part.trim_matches('\n');
            let at = rest.find(part);
            let at =
                at.unwrap_or_else(|| panic!("{command}: not in the output:\n{part}\nbut\n{rest}"));
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
    }
}

#[test]
fn the_service_entry_that_is_advised_makes_it_mediated() {
    let dir = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("advised");
    std::fs::create_dir_all(&dir).expect("a directory");
    let destinations = [
        "www.baidu.com:80",
        "www.baidu.com:443",
        "db.example.com@203.0.113.7:5432",
        "203.0.113.7:5432",
        "[2001:db8::7]:8443",
    ];
    for (to, number) in destinations.iter().zip(0..) {
        let args = ["--pod", "shop/sleep", "--to", to, "-o", "json"];
        let before = objects(&explain(&args, ""));
        let advice = before[0]["advice"].as_array().expect("advice");
        let Some(entry) = advice.iter().find(|one| one["method"] == "service_entry") else {
            // IPv6 is direct in this pod: there is nothing to declare.
            assert_eq!(before[0]["applied"]["reason"], "no_ipv6_rules", "{to}");
            continue;
        };
        assert_eq!(before[0]["verdict"], "blocked", "{to}");
        let file = dir.join(format!("{number}.yaml"));
        std::fs::write(&file, entry["apply"].as_str().expect("YAML")).expect("a file");
        let more = ["--manifests", file.to_str().expect("UTF-8")];
        let after = objects(&explain(&[&args[..], &more[..]].concat(), ""));
        assert_eq!(after[0]["verdict"], "mediated", "{to}: {after:?}");
    }
}
