//! What every offline command makes of the files that it is given: the binary as it is run.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .args(args)
        .env_remove("EGRESS_OBSERVER_MANIFESTS")
        .env_remove("EGRESS_OBSERVER_VALUES")
        .output()
        .expect("it runs")
}

/// A file in a directory of its own.
fn file(name: &str, content: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("manifests-{name}"));
    fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join(name);
    fs::write(&path, content).expect("a file");
    path
}

const GOOD_POD: &str = "kind: Pod\nmetadata: {name: a, namespace: shop, uid: u1}\n\
                        spec: {containers: [{name: app}]}\n";
const BAD_ENTRY: &str = "kind: ServiceEntry\nmetadata: {name: bad, namespace: shop}\n\
                         spec: {hosts: a.test}\n";

/// How Istio is installed counts for every offline command, and what says so wrongly ends it.
#[test]
fn values_of_an_installation_stand_for_its_config_maps() {
    let pods = file(
        "installed.yaml",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n---\n\
         kind: Deployment\nmetadata: {name: web, namespace: shop}\n\
         spec: {template: {spec: {containers: [{name: web}]}}}\n",
    );
    let values = file(
        "values.yaml",
        "meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\nglobal: {tag: 1.27.1}\n",
    );
    let wrong = file(
        "wrong.yaml",
        "meshConfig: {outboundTrafficPolicy: {mode: CLOSED}}\n",
    );
    let [pods, values, wrong] = [&pods, &values, &wrong].map(|path| path.to_string_lossy());
    let to = ["--pod", "shop/deployments.apps/web", "--to", "a.test:443"];
    let explained = run(&[
        &["explain", "--manifests", &pods, "--values", &values][..],
        &to,
    ]
    .concat());
    let said = String::from_utf8_lossy(&explained.stdout);
    let told = format!("REGISTRY_ONLY (ConfigMap istio-system/istio, made from {values})");
    let told: String = told.split_whitespace().collect();
    let said: String = said.split_whitespace().collect();
    assert!(said.contains(&told), "{said}");
    assert!(said.contains("verdictblocked(included_range)"), "{said}");
    let flows = ["--flows", "/dev/null"];
    for line in [
        [&["explain", "--manifests", &pods][..], &to].concat(),
        vec!["lint", "--manifests", &pods],
        [
            &[
                "what-if",
                "--manifests",
                &pods,
                "--set",
                "includeIPRanges=*",
            ][..],
            &flows,
        ]
        .concat(),
        vec!["suggest", "ranges", "--manifests", &pods],
        [&["suggest", "exclusions", "--manifests", &pods][..], &flows].concat(),
        [
            &["suggest", "service-entries", "--manifests", &pods][..],
            &flows,
        ]
        .concat(),
    ] {
        let good = run(&[&line[..], &["--values", &values]].concat());
        assert_eq!(good.status.code(), Some(0), "{line:?}: {good:?}");
        let output = run(&[&line[..], &["--values", &wrong]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{line:?}: {said}");
        let expected = "wrong.yaml: document 1, from line 1: meshConfig.outboundTrafficPolicy.mode: \
                        \"CLOSED\" is not ";
        assert!(said.contains(expected), "{line:?}: {said}");
    }
}

/// Every offline command answers of what can be read, names the rest, and ends with 65; `lint` has its
/// own codes.
#[test]
fn one_bad_document_ends_no_command() {
    let text = [GOOD_POD, BAD_ENTRY, "kind: [\n"].join("---\n");
    let path = file("mixed.yaml", &text);
    let path = path.to_string_lossy();
    let from = ["--manifests", &path];
    let to = ["--pod", "shop/a", "--to", "a.test:443"];
    let flows = ["--flows", "/dev/null"];
    let namespace = file(
        "namespace.yaml",
        "kind: Namespace\nmetadata: {name: shop}\n",
    );
    let namespace = namespace.to_string_lossy();
    let commands = [
        [&["explain"][..], &from, &to].concat(),
        [&["what-if"][..], &from, &to, &["--apply", &namespace]].concat(),
        [&["suggest", "ranges"][..], &from].concat(),
        [&["suggest", "exclusions"][..], &from, &flows].concat(),
        [&["suggest", "service-entries"][..], &from, &flows].concat(),
    ];
    for line in commands {
        let output = run(&line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{line:?}: {said}");
        for expected in [
            "mixed.yaml: document 2, from line 4: ServiceEntry shop/bad: field `spec.hosts`",
            "; write a list",
            "mixed.yaml: document 3, line ",
            "egress-observer: 2 objects cannot be read: the answer is of the others",
        ] {
            assert!(said.contains(expected), "{line:?}: {said}");
        }
        // An empty answer is one, too.
        let answers = !line.contains(&"--flows");
        assert_eq!(!output.stdout.is_empty(), answers, "{line:?}: {output:?}");
    }
}

#[test]
fn input_without_an_object_of_interest_is_said() {
    let to = ["--pod", "shop/a", "--to", "a.test:443"];
    for (name, text, expected) in [
        ("empty.yaml", "", "empty.yaml: holds no object"),
        (
            "comment.yaml",
            "# nothing\n",
            "comment.yaml: holds no object",
        ),
        (
            "others.yaml",
            "kind: Secret\n---\napiVersion: example.com/v1\nkind: Service\n",
            "read no object; 2 of kinds that are not read: Secret x1, Service.example.com x1",
        ),
    ] {
        let path = file(name, text);
        let path = path.to_string_lossy();
        let output = run(&[&["explain", "--manifests", &path][..], &to].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(65), "{said}");
    }
}

#[test]
fn what_was_read_is_told_to_who_asks() {
    let path = file("asked.yaml", GOOD_POD);
    let path = path.to_string_lossy();
    let line = [
        "explain",
        "--manifests",
        &path,
        "--pod",
        "shop/a",
        "--to",
        "a.test:443",
    ];
    assert!(run(&line).stderr.is_empty());
    let output = run(&[&line[..], &["--log", "debug"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("read 1 object: 1 Pod"), "{said}");
}

#[test]
fn of_an_object_that_is_given_twice_the_last_one_counts() {
    let first = file("first.yaml", GOOD_POD);
    let second = file("second.yaml", &GOOD_POD.replace("name: app", "name: other"));
    let (first, second) = (first.to_string_lossy(), second.to_string_lossy());
    let to = ["--pod", "shop/a", "--to", "a.test:443"];
    for (files, container) in [([&first, &second], "other"), ([&second, &first], "app")] {
        let from = ["explain", "--manifests", files[0], files[1], "-o", "json"];
        let output = run(&[&from[..], &to].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Pod shop/a stands in "), "{said}");
        assert!(said.contains(", too: the last one counts"), "{said}");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.contains(&format!("\"{container}\"")), "{answer}");
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

#[test]
fn directories_are_read_with_those_below_them() {
    let path = file("below.yaml", "");
    let root = path.parent().expect("its directory").join("root");
    fs::create_dir_all(root.join("a/b")).expect("directories");
    fs::create_dir_all(root.join(".hidden")).expect("a directory");
    fs::write(root.join("a/b/pod.yml"), GOOD_POD).expect("a file");
    fs::write(root.join(".hidden/bad.yaml"), "[").expect("a file");
    let root = root.to_string_lossy();
    let to = ["--pod", "shop/a", "--to", "a.test:443"];
    let output = run(&[&["explain", "--manifests", &root][..], &to].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// As those of the API do.
#[test]
fn service_ranges_of_files_are_the_clusters() {
    let cidr = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n\
                spec: {cidrs: [10.96.0.0/12]}\n";
    let path = file("ranges.yaml", &[GOOD_POD, cidr].join("---\n"));
    let path = path.to_string_lossy();
    for (ip, scope) in [("10.96.0.10", "cluster"), ("192.0.2.1", "external")] {
        let to = [
            "--pod",
            "shop/a",
            "--to",
            &format!("{ip}:443"),
            "-o",
            "json",
        ];
        let output = run(&[&["explain", "--manifests", &path][..], &to].concat());
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(
            answer.contains(&format!("\"scope\":\"{scope}\"")),
            "{answer}"
        );
    }
}
