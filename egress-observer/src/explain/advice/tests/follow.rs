//! Does what advice says, as whoever pastes it into a shell would: commands change the manifests, YAML
//! is added to them.

use serde_json::{Value, json};

use crate::explain::{Explainer, Explanation, To, Who};
use egress_observer_istio::{
    manifests::Reading,
    view::{Snapshot, live::Live},
    vocabulary::{Protocol, Verdict},
};

const BASE: &str = r#"
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
---
kind: Pod
metadata: {name: sleep, namespace: app, labels: {app: sleep}}
spec:
  initContainers:
  - {name: istio-init, image: "istio/proxyv2:1.27.1", args: [istio-iptables, -p, "15001", -u, "1337", -i, "*"]}
  containers: [{name: sleep}, {name: istio-proxy, image: "istio/proxyv2:1.27.1"}]
---
"#;

/// The same pod, whose proxy answers DNS and whose traffic to one port goes around it.
const BASE_DNS: &str = r#"
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
---
kind: Pod
metadata: {name: sleep, namespace: app, labels: {app: sleep}}
spec:
  initContainers:
  - name: istio-init
    image: istio/proxyv2:1.27.1
    args: [istio-iptables, -p, "15001", -u, "1337", -i, "*", -o, "9000", --redirect-dns=true, --capture-all-dns=true]
    env: [{name: ISTIO_META_DNS_CAPTURE, value: "true"}]
  containers:
  - {name: sleep}
  - {name: istio-proxy, image: "istio/proxyv2:1.27.1", env: [{name: ISTIO_META_DNS_CAPTURE, value: "true"}]}
---
"#;

/// Objects that begin with this line have the pod whose proxy answers DNS.
const DNS: &str = "# dns";

/// Objects that begin with this line have a pod of an older version.
const OLD: &str = "# 1.22";

fn documents(objects: &str) -> Vec<Value> {
    let base = if objects.contains(DNS) {
        BASE_DNS
    } else {
        BASE
    };
    let text = format!("{base}{objects}");
    let text = if objects.contains(OLD) {
        text.replace("proxyv2:1.27.1", "proxyv2:1.22.8")
    } else {
        text
    };
    serde_saphyr::from_multiple(&text).expect("YAML")
}

fn snapshot(documents: &[Value]) -> Snapshot {
    let list = json!({"kind": "List", "items": documents}).to_string();
    let objects = Reading::of("all.json".as_ref(), &list).complete();
    Live::of(
        objects.expect("objects"),
        &["10.96.0.0/12".parse().expect("a range")],
    )
    .into_snapshot()
}

fn explain(snapshot: &Snapshot, to: &str) -> Explanation {
    let pod = snapshot.pods().next().expect("it is there");
    let explainer = Explainer::new(snapshot, pod, Who::default()).expect("no container is named");
    let to: To = to.parse().expect("a destination");
    explainer.explain(&to, Protocol::Tcp)
}

/// What is said with these objects.
pub(super) fn explained(objects: &str, to: &str) -> Explanation {
    explain(&snapshot(&documents(objects)), to)
}

/// What is said after many other questions; and the verdict in the end.
pub(super) fn explained_again(objects: &str, to: &str) -> (Explanation, Verdict) {
    let snapshot = snapshot(&documents(objects));
    let pod = snapshot.pods().next().expect("it is there");
    let explainer = Explainer::new(&snapshot, pod, Who::default()).expect("no container is named");
    let ask = |to: &str| explainer.explain(&to.parse().expect("a destination"), Protocol::Tcp);
    for other in [
        "api.test:8443",
        "api.test:443",
        "reviews.app:9080",
        "a.test:5672",
        "b.test@192.0.2.1:5432",
    ] {
        ask(other);
    }
    let again = ask(to);
    let verdict = ask(to).verdict;
    (again, verdict)
}

/// What is said when the advice was followed.
pub(super) fn followed(objects: &str, apply: &str, to: &str) -> Explanation {
    let mut documents = documents(objects);
    let apply = apply.replace("<its address>", "192.0.0.8");
    let (commands, yaml): (Vec<&str>, Vec<&str>) =
        apply.lines().partition(|line| line.starts_with("kubectl "));
    let new: Vec<Value> = serde_saphyr::from_multiple(&yaml.join("\n")).expect("YAML");
    for mut new in new.into_iter().filter(|new| !new.is_null()) {
        new["metadata"]["creationTimestamp"] = "2030-01-01T00:00:00Z".into();
        documents.push(new);
    }
    for command in commands {
        run(command, &mut documents);
    }
    explain(&snapshot(&documents), to)
}

/// Runs one of the commands that advice has.
fn run(command: &str, documents: &mut [Value]) {
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["kubectl", "-n", namespace, verb, rest @ ..] = words.as_slice() else {
        panic!("{command}")
    };
    let rest: Vec<&str> = rest
        .iter()
        .copied()
        .filter(|word| *word != "--overwrite")
        .collect();
    let [kind, name, more @ ..] = rest.as_slice() else {
        panic!("{command}")
    };
    let object = documents.iter_mut().find(|object| {
        let meta = &object["metadata"];
        let own = object["kind"].as_str().unwrap_or_default();
        own.eq_ignore_ascii_case(kind) && meta["name"] == **name && meta["namespace"] == **namespace
    });
    let object = object.unwrap_or_else(|| panic!("{command}: no such object"));
    match (*verb, more) {
        ("patch", ["--type=merge", "-p", value]) => {
            merge(object, &serde_json::from_str(value).expect("JSON"));
        }
        ("patch", ["--type=json", "-p", value]) => {
            let patches: Vec<Value> = serde_json::from_str(value).expect("JSON");
            for patch in patches {
                assert_eq!(patch["op"], "add");
                add(
                    object,
                    patch["path"].as_str().expect("a path"),
                    &patch["value"],
                );
            }
        }
        ("label" | "annotate", [word]) => {
            let (key, value) = word.split_once('=').expect("key=value");
            let field = if *verb == "label" {
                "labels"
            } else {
                "annotations"
            };
            object["metadata"][field][key] = value.into();
        }
        _ => panic!("{command}"),
    }
}

fn merge(object: &mut Value, patch: &Value) {
    match patch.as_object() {
        Some(fields) => {
            for (field, value) in fields {
                merge(&mut object[field], value);
            }
        }
        None => object.clone_from(patch),
    }
}

fn add(object: &mut Value, path: &str, value: &Value) {
    let list = path.strip_suffix("/-").expect("the end of a list");
    let list = object.pointer_mut(list).expect("it is there");
    list.as_array_mut().expect("a list").push(value.clone());
}

/// Words as a shell takes them apart.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("one").push(other),
        }
    }
    words
}
