//! `suggest ranges` as it is run: what it prints, in which form, and how it ends.
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

use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn ranges(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .current_dir(ROOT)
        .args(["suggest", "ranges"])
        .args(args)
        .env_remove("EGRESS_OBSERVER_MANIFESTS")
        .output()
        .expect("it runs")
}

/// Its answer about one file of this content.
fn answer(name: &str, content: &str, args: &[&str]) -> Value {
    let path = file(name, content);
    let path = path.to_string_lossy();
    let output = ranges(&[&["--manifests", &path, "-o", "json"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one object")
}

fn file(name: &str, content: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("suggest-ranges");
    fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join(name);
    fs::write(&path, content).expect("a file");
    path
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn the_example_of_the_documentation_is_real() {
    let page = fs::read_to_string(format!("{ROOT}/docs/suggest-ranges.md")).expect("the page");
    let (_, example) = page.split_once("```text\n").expect("an output");
    let (expected, _) = example.split_once("```").expect("its end");
    let output = ranges(&["--manifests", "examples/ranges"]);
    assert_eq!(text(&output.stdout), expected);
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// GKE: parts of nodes, and the whole by kube-proxy; Services from their own object.
#[test]
fn a_managed_cluster_shows_what_it_has() {
    let content = "
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: gke-a, labels: {cloud.google.com/gke-nodepool: default-pool}}
  spec: {podCIDR: 10.4.0.0/24, podCIDRs: [10.4.0.0/24], providerID: gce://p/z/gke-a}
- apiVersion: v1
  kind: Pod
  metadata: {name: kube-proxy-gke-a, namespace: kube-system}
  spec:
    hostNetwork: true
    containers:
    - name: kube-proxy
      command: [/bin/sh, -c, kube-proxy --cluster-cidr=10.4.0.0/14 --v=2 1>>/var/log/kube-proxy.log 2>&1]
- apiVersion: networking.k8s.io/v1
  kind: ServiceCIDR
  metadata: {name: kubernetes}
  spec: {cidrs: [10.7.240.0/20]}
";
    let found = answer("gke.yaml", content, &[]);
    assert_eq!(found["apiVersion"], "egress-observer.io/v1alpha1");
    assert_eq!(found["kind"], "RangeSuggestion");
    assert_eq!(found["platform"]["name"], "gke");
    assert_eq!(found["value"], "10.4.0.0/14", "one lies in the other");
    let ranges = json!([
        {
            "cidr": "10.7.240.0/20", "of": "services", "confidence": "exact", "also": [], "inValue": true,
            "source": "ServiceCIDR kubernetes",
        },
        {
            "cidr": "10.4.0.0/14", "of": "pods", "confidence": "high", "inValue": true,
            "source": "Pod kube-system/kube-proxy-gke-a --cluster-cidr",
            "also": ["Node spec.podCIDRs of 1 node"],
        },
    ]);
    assert_eq!(found["ranges"], ranges);
    assert_eq!(found["missing"], json!([]));
}

/// EKS: nothing shows the pods' range, and addresses in use are no range.
#[test]
fn addresses_in_use_are_in_the_value_only_if_asked_for() {
    let content = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: ip-10-0-12-5}, spec: {providerID: \"aws:///us-east-1a/i-0\"},
   status: {nodeInfo: {kubeletVersion: v1.31.4-eks-aeac579}}}
- {apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}, spec: {clusterIP: 172.20.0.1}}
- {apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 172.20.181.3}}
- {apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: 10.0.12.77, hostIP: 10.0.12.5}}
- {apiVersion: v1, kind: Pod, metadata: {name: b}, status: {podIP: 10.0.40.2, hostIP: 10.0.12.5}}
";
    let found = answer("eks.yaml", content, &[]);
    assert_eq!(found["value"], Value::Null);
    assert_eq!(found["tryIt"], Value::Null);
    let missing: Vec<_> = found["missing"].as_array().into_iter().flatten().collect();
    assert_eq!(missing.len(), 2);
    assert_eq!(missing[0]["of"], "pods");
    assert_eq!(missing[0]["ipVersion"], 4);
    let found = answer("eks.yaml", content, &["--include-observed"]);
    assert_eq!(found["value"], "10.0.0.0/18,172.20.0.0/16");
    assert_eq!(found["missing"].as_array().map(Vec::len), Some(2), "still");
    let output = ranges(&["--manifests", &file("eks.yaml", content).to_string_lossy()]);
    let text = text(&output.stdout);
    assert!(text.starts_with("No value: nothing names"), "{text}");
    assert!(text.contains("Not in the value:\n"), "{text}");
    assert!(!text.contains("--set values.global"), "{text}");
}

#[test]
fn a_platform_alone_is_answered_without_manifests() {
    let output = ranges(&["--platform", "gke"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = text(&output.stdout);
    assert!(
        text.starts_with("Platform: Google Kubernetes Engine"),
        "{text}"
    );
    assert!(
        text.contains("gcloud container clusters describe NAME"),
        "{text}"
    );
    for args in [&[][..], &["--platform", "moon"]] {
        assert_eq!(ranges(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_value_is_one_that_what_if_takes() {
    let output = ranges(&[
        "--manifests",
        "examples/ranges",
        "examples/shop/pods.yaml",
        "-o",
        "json",
    ]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("one object");
    let command = found["tryIt"].as_str().expect("a command");
    let args: Vec<_> = command.split(' ').skip(1).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .current_dir(ROOT)
        .args(args)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("includeIPRanges=10.96.0.0/12,10.244.0.0/16"));
}

#[test]
fn bad_manifests_are_65_and_names_do_not_steer_a_terminal() {
    for content in [
        "kind: Node\nmetadata: {name: [}\n",
        "kind: Node\nmetadata: {name: a}\nspec: {podCIDRs: 5}\n",
    ] {
        let path = file("bad.yaml", content);
        let output = ranges(&["--manifests", &path.to_string_lossy()]);
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("bad.yaml: document 1, "), "{said}");
    }
    let content = "kind: Service\nmetadata: {name: \"a\\e[31m\", namespace: \"b\\n# c\"}\nspec: {clusterIP: 10.0.0.1}\n---\n\
                   apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: \"d\\e[31m\"}\n\
                   spec: {cidrs: [10.96.0.0/12]}\n---\n\
                   kind: Node\nmetadata: {name: \"e\\e[31m\"}\nspec: {providerID: \"aws://\\e[31m\"}\n";
    let path = file("steering.yaml", content);
    for output in ["text", "json", "yaml"] {
        let output = ranges(&["--manifests", &path.to_string_lossy(), "-o", output]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = text(&output.stdout);
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(!text.contains("\n# c"), "{text}");
    }
}
