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

/// An example of a page: a command, and what the page says that it prints.
struct Shown {
    words: Vec<String>,
    text: String,
}

/// Every shell block of a page that ends with a command of ours, with the text block right behind it.
fn shown(page: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    for block in page.split("```sh\n").skip(1) {
        let (commands, rest) = block.split_once("```").expect("the end of the commands");
        let Some(output) = rest.trim_start().strip_prefix("```text\n") else {
            continue;
        };
        let (text, _) = output.split_once("```").expect("the end of the output");
        let (_, command) = commands
            .rsplit_once("egress-observer ")
            .expect("a command of ours");
        let words = command.split_whitespace().filter(|word| *word != "\\");
        found.push(Shown {
            words: words.map(str::to_owned).collect(),
            text: text.to_owned(),
        });
    }
    found
}

/// Whether a command prints what is shown. Points stand for lines that are left out.
fn check(shown: &Shown, root: &str) {
    let words = &shown.words;
    let output = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .args(words)
        .current_dir(root)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    let printed = text(&output.stdout);
    let mut rest = printed.as_str();
    let lines: Vec<_> = shown.text.split_inclusive('\n').collect();
    for part in lines.split(|line| line.trim() == "...") {
        let part = part.concat();
        let part = part.trim_matches('\n');
        let found = rest.split_once(part);
        assert!(
            found.is_some(),
            "{words:?}: not there:\n{part}\nbut\n{rest}"
        );
        rest = found.map_or("", |(_, after)| after);
    }
}

#[test]
fn the_examples_of_the_pages_are_real() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for (page, n_examples) in [
        ("README.md", 2),
        ("docs/verdicts.md", 2),
        ("docs/reasons.md", 9),
        ("docs/explain.md", 1),
    ] {
        let text = std::fs::read_to_string(format!("{root}/{page}")).expect("the page");
        let shown: Vec<_> = shown(&text)
            .into_iter()
            .filter(|shown| matches!(shown.words[0].as_str(), "explain" | "what-if"))
            .collect();
        assert_eq!(shown.len(), n_examples, "{page}");
        for shown in &shown {
            check(shown, root);
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

/// A workload of which no pod is given is answered for as today's configuration would make one.
#[test]
fn a_workload_without_pods_is_answered_for() {
    let manifests = "
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: '{}'}
---
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {values: '{}'}
---
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: cart, namespace: shop}
spec:
  template:
    metadata: {annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: '5432'}}
    spec: {containers: [{name: cart}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: misplaced, namespace: shop, annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: '5432'}}
spec: {template: {spec: {containers: [{name: web}]}}}
---
kind: Pod
metadata:
  {name: web-1-a, namespace: shop, labels: {pod-template-hash: '1'},
  ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]}
spec: {containers: [{name: web}]}
";
    let answer = |pod: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("all.yaml");
        std::fs::write(&file, manifests).expect("it is written");
        Command::new(env!("CARGO_BIN_EXE_egress-observer"))
            .args([
                "explain",
                "-o",
                "json",
                "--to",
                "203.0.113.1:5432",
                "--pod",
                pod,
            ])
            .arg("--manifests")
            .arg(&file)
            .output()
            .expect("it runs")
    };
    for pod in ["shop/cart", "shop/sts/cart", "shop/StatefulSet/cart"] {
        let output = answer(pod);
        let [object] = &objects(&output)[..] else {
            panic!("{output:?}")
        };
        assert_eq!(object["applied"]["reason"], "excluded_port", "{pod}");
        assert_eq!(object["pod"], "shop/cart");
    }
    let output = answer("shop/deploy/web");
    assert_eq!(objects(&output)[0]["pod"], "shop/web-1-a");
    // The injector reads annotations of pods (istio/istio#38415).
    let output = answer("shop/deploy/misplaced");
    assert_eq!(objects(&output)[0]["applied"]["expected"], "captured");
    for (pod, said) in [
        (
            "shop/deploy/cart",
            "neither that Deployment nor a pod of it",
        ),
        ("shop/thing/cart", "`thing` is no kind that makes pods"),
    ] {
        let output = answer(pod);
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        assert!(text(&output.stderr).contains(said), "{output:?}");
    }
}

/// Templates as `istioctl kube-inject` writes them say themselves what their pods do, and the answer says
/// what that rests on.
#[test]
fn a_template_that_is_injected_already_is_answered_for() {
    let pod = "containers: [{name: app, securityContext: {runAsUser: 1000}}, {name: istio-proxy, image: proxyv2:1.27.1, args: [proxy, sidecar]}]";
    let init = "initContainers: [{name: istio-init, image: proxyv2:1.27.1, args: [istio-iptables, -i, '*', -x, '', -d, '15090']}]";
    let injected = "annotations: {sidecar.istio.io/status: '{}'}";
    let rests = "rests on this: its template is injected already";
    let cases = [
        // What is there: its metadata, its spec; what is said: verdict, reason, whether there is a note.
        (
            "Deployment",
            injected,
            format!("{init}, {pod}"),
            "passthrough",
            "included_range",
            true,
        ),
        // The annotation is the Job's.
        (
            "CronJob",
            "labels: {a: b}",
            format!("{init}, {pod}"),
            "passthrough",
            "included_range",
            true,
        ),
        // Templates of one's own add no sidecar.
        (
            "Deployment",
            injected,
            "containers: [{name: app}]".to_owned(),
            "unmeshed",
            "no_sidecar",
            true,
        ),
        // A placeholder for what the injector will add.
        (
            "Deployment",
            "labels: {a: b}",
            "containers: [{name: istio-proxy, image: auto}]".to_owned(),
            "unknown",
            "not_synced",
            false,
        ),
        // A webhook asks for it in any namespace.
        (
            "Deployment",
            "labels: {sidecar.istio.io/inject: 'true'}, annotations: {sidecar.istio.io/status: '{}'}",
            format!("{init}, {pod}"),
            "unknown",
            "not_synced",
            false,
        ),
    ];
    for (kind, metadata, spec, verdict, reason, noted) in cases {
        let template = format!("template: {{metadata: {{{metadata}}}, spec: {{{spec}}}}}");
        let spec = if kind == "CronJob" {
            format!("jobTemplate: {{metadata: {{{injected}}}, spec: {{{template}}}}}")
        } else {
            template
        };
        let manifests = format!(
            "kind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata: {{mesh: '{{}}'}}\n---\n\
             kind: {kind}\nmetadata: {{name: web, namespace: shop}}\nspec: {{{spec}}}\n"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("all.yaml");
        std::fs::write(&file, manifests).expect("it is written");
        let output = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
            .args([
                "explain",
                "-o",
                "json",
                "--to",
                "203.0.113.1:80",
                "--pod",
                "shop/web",
            ])
            .arg("--manifests")
            .arg(&file)
            .output()
            .expect("it runs");
        let [object] = &objects(&output)[..] else {
            panic!("{kind} {metadata}: {output:?}")
        };
        let found = [&object["verdict"], &object["reason"]];
        assert_eq!(found, [verdict, reason], "{kind} {metadata}: {object}");
        let notes = object["notes"].as_array().expect("notes");
        let has_note = notes
            .iter()
            .any(|note| note.as_str().is_some_and(|note| note.starts_with(rests)));
        assert_eq!(has_note, noted, "{kind} {metadata}: {notes:?}");
    }
}
