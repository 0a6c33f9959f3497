//! What the manifests may ask of a cluster: as little as the agent needs, and this exactly.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::objects::{kind, list, texts, title};

const CAPABILITIES: [&str; 3] = ["BPF", "NET_ADMIN", "PERFMON"];

/// What the agent lists and watches in the whole cluster, as group and resource.
const WATCHED: [(&str, &str); 9] = [
    ("", "namespaces"),
    ("", "pods"),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    ("networking.istio.io", "destinationrules"),
    ("networking.istio.io", "proxyconfigs"),
    ("networking.istio.io", "serviceentries"),
    ("networking.istio.io", "sidecars"),
    ("networking.istio.io", "virtualservices"),
    ("networking.k8s.io", "servicecidrs"),
];

/// What it lists and watches unless told not to.
const SERVICES: (&str, &str) = ("", "services");

/// ConfigMaps in kube-system that tell the pods' ranges.
const RANGES: [&str; 5] = [
    "cilium-config",
    "kube-flannel-cfg",
    "kube-proxy",
    "kube-proxy-config",
    "kubeadm-config",
];

/// Roles that OpenShift brings along, which an object of ours may refer to.
const FOREIGN_ROLES: [&str; 1] = ["system:openshift:scc:privileged"];

/// What is wrong with the manifests of one release.
pub fn check(manifests: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for object in manifests {
        let found = match kind(object) {
            "DaemonSet" => pod(&object["spec"]["template"]["spec"]),
            "ClusterRole" => cluster_role(object, watches_services(manifests)),
            "Role" => role(object),
            "ClusterRoleBinding" | "RoleBinding" => binding(object, manifests),
            "ServiceAccount" | "Namespace" | "Service" | "ConfigMap" | "NetworkPolicy"
            | "PodMonitor" | "ServiceMonitor" | "PrometheusRule" => Vec::new(),
            other => vec![format!("{other} is none of the kinds that are expected")],
        };
        let title = title(object);
        faults.extend(found.into_iter().map(|fault| format!("{title}: {fault}")));
    }
    if !manifests.iter().any(|object| kind(object) == "DaemonSet") {
        faults.push("no DaemonSet".to_owned());
    }
    faults
}

fn pod(spec: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for key in ["hostPID", "hostIPC", "hostNetwork"] {
        if !spec[key].is_null() {
            faults.push(format!("{key} is set"));
        }
    }
    let init = list(&spec["initContainers"]);
    let uninstalls = !init.is_empty();
    for container in init.iter().chain(list(&spec["containers"])) {
        let capabilities: &[&str] = match container["name"].as_str() {
            Some("agent") => &CAPABILITIES,
            _ => &[],
        };
        let name = &container["name"];
        let found = rights(&container["securityContext"], capabilities);
        let mounted = mounts(container, spec);
        faults.extend(
            found
                .into_iter()
                .chain(mounted)
                .map(|fault| format!("{name}: {fault}")),
        );
    }
    let expected: &[&str] = if uninstalls {
        &["/sys/fs/bpf"]
    } else {
        &["/sys/fs/bpf", "/sys/fs/cgroup"]
    };
    let volumes = list(&spec["volumes"]).iter();
    let paths: Vec<&str> = volumes
        .filter_map(|v| v["hostPath"]["path"].as_str())
        .collect();
    if paths != expected {
        faults.push(format!(
            "paths of the host: {paths:?}, expected {expected:?}"
        ));
    }
    if spec["automountServiceAccountToken"] != !uninstalls {
        faults.push("the token is for the agent, and for nobody else".to_owned());
    }
    faults
}

fn rights(security: &Value, capabilities: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for (key, expected) in [
        ("privileged", false),
        ("allowPrivilegeEscalation", false),
        ("readOnlyRootFilesystem", true),
    ] {
        if security[key] != expected {
            faults.push(format!("{key} is not {expected}"));
        }
    }
    let mut added = texts(&security["capabilities"]["add"]);
    added.sort_unstable();
    if added != capabilities || texts(&security["capabilities"]["drop"]) != ["ALL"] {
        faults.push(format!("capabilities: {}", security["capabilities"]));
    }
    faults
}

/// Only the directory of the pins may be written to, of what is the host's.
fn mounts(container: &Value, spec: &Value) -> Vec<String> {
    list(&container["volumeMounts"])
        .iter()
        .filter_map(|mount| {
            let mut volumes = list(&spec["volumes"]).iter();
            let volume = volumes.find(|volume| volume["name"] == mount["name"])?;
            let path = volume["hostPath"]["path"].as_str()?;
            let writable = mount["readOnly"] != true;
            (writable != (path == "/sys/fs/bpf")).then(|| format!("{path}: writable is {writable}"))
        })
        .collect()
}

/// Whether the agent is told to watch Services, which it needs a right for; then, and only then.
fn watches_services(manifests: &[Value]) -> bool {
    let daemon_sets = manifests
        .iter()
        .filter(|object| kind(object) == "DaemonSet");
    let containers =
        daemon_sets.flat_map(|own| list(&own["spec"]["template"]["spec"]["containers"]));
    let mut variables = containers.flat_map(|container| list(&container["env"]));
    variables.any(|own| own["name"] == "EGRESS_OBSERVER_SERVICES" && own["value"] == "watch")
}

fn cluster_role(object: &Value, with_services: bool) -> Vec<String> {
    let mut granted = BTreeSet::new();
    let mut faults = Vec::new();
    for rule in list(&object["rules"]) {
        if texts(&rule["verbs"]) != ["list", "watch"] || !rule["resourceNames"].is_null() {
            faults.push(format!("a rule that is not list and watch of all: {rule}"));
        }
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                granted.insert((group, resource));
            }
        }
    }
    let services = with_services.then_some(SERVICES);
    let expected: BTreeSet<_> = WATCHED.into_iter().chain(services).collect();
    if granted != expected {
        faults.push(format!("grants {granted:?}, expected {expected:?}"));
    }
    faults
}

/// A role in one namespace: ConfigMaps by name, to watch Istio's or to get those of ranges once; beside
/// Istio's its Deployments, which cannot be named before they are installed.
fn role(object: &Value) -> Vec<String> {
    let is_right: fn(&Value) -> bool = match object["metadata"]["namespace"].as_str() {
        Some("kube-system") => |rule| config_maps(rule, &["get"]) && names(rule) == RANGES,
        Some(_) => |rule| config_maps(rule, &["list", "watch"]) || is_of_istiod(rule),
        None => |_| false,
    };
    let rules = list(&object["rules"]);
    let wrong = rules.iter().filter(|rule| !is_right(rule));
    let mut faults: Vec<_> = wrong.map(|rule| format!("grants {rule}")).collect();
    if rules.is_empty() {
        faults.push("grants nothing".to_owned());
    }
    faults
}

fn names(rule: &Value) -> Vec<&str> {
    let mut names = texts(&rule["resourceNames"]);
    names.sort_unstable();
    names
}

/// Whether a rule grants this of ConfigMaps that it names.
fn config_maps(rule: &Value, verbs: &[&str]) -> bool {
    texts(&rule["verbs"]) == verbs
        && !names(rule).is_empty()
        && texts(&rule["resources"]) == ["configmaps"]
        && texts(&rule["apiGroups"]) == [""]
}

fn is_of_istiod(rule: &Value) -> bool {
    let expected =
        json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]});
    *rule == expected
}

/// Roles are bound to the pods' account, and they are ours.
fn binding(object: &Value, manifests: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let role = &object["roleRef"];
    let ours = manifests.iter().any(|other| {
        kind(other) == role["kind"]
            && other["metadata"]["name"] == role["name"]
            && (kind(other) == "ClusterRole"
                || other["metadata"]["namespace"] == object["metadata"]["namespace"])
    });
    let foreign = role["name"]
        .as_str()
        .is_some_and(|name| FOREIGN_ROLES.contains(&name));
    if !ours && !foreign {
        faults.push(format!("binds {role}, which is not there"));
    }
    let daemon_set = manifests.iter().find(|other| kind(other) == "DaemonSet");
    let account = daemon_set.map(|ds| &ds["spec"]["template"]["spec"]["serviceAccountName"]);
    let [subject] = list(&object["subjects"]) else {
        faults.push("not one subject".to_owned());
        return faults;
    };
    let namespace = daemon_set.map(|ds| &ds["metadata"]["namespace"]);
    if subject["kind"] != "ServiceAccount"
        || Some(&subject["name"]) != account
        || Some(&subject["namespace"]) != namespace
    {
        faults.push(format!("binds to {subject}, not to the pods' account"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> Value {
        json!({
            "automountServiceAccountToken": true,
            "containers": [{
                "name": "agent",
                "securityContext": {
                    "privileged": false, "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"], "add": ["BPF", "PERFMON", "NET_ADMIN"]},
                },
                "volumeMounts": [
                    {"name": "bpf", "mountPath": "/sys/fs/bpf"},
                    {"name": "cgroup", "mountPath": "/host/sys/fs/cgroup", "readOnly": true},
                ],
            }],
            "volumes": [
                {"name": "bpf", "hostPath": {"path": "/sys/fs/bpf"}},
                {"name": "cgroup", "hostPath": {"path": "/sys/fs/cgroup"}},
            ],
        })
    }

    #[test]
    fn the_agents_pod_is_as_expected_and_each_right_more_is_a_fault() {
        let none: [String; 0] = [];
        assert_eq!(pod(&agent()), none);
        for (place, value) in [
            ("/hostPID", json!(true)),
            ("/hostNetwork", json!(true)),
            ("/containers/0/securityContext/privileged", json!(true)),
            (
                "/containers/0/securityContext/capabilities/add/3",
                json!("SYS_ADMIN"),
            ),
            ("/containers/0/volumeMounts/1/readOnly", json!(false)),
            ("/volumes/1/hostPath/path", json!("/")),
        ] {
            let mut changed = agent();
            set(&mut changed, place, value);
            assert_eq!(pod(&changed).len(), 1, "{place}: {:?}", pod(&changed));
        }
    }

    /// Sets a value, also one that was not there.
    fn set(object: &mut Value, place: &str, value: Value) {
        let (above, key) = place.rsplit_once('/').unwrap();
        let above = object.pointer_mut(above).unwrap();
        if let Some(items) = above.as_array_mut() {
            let place: usize = key.parse().unwrap();
            items.resize(items.len().max(place + 1), Value::Null);
            items[place] = value;
        } else {
            above[key] = value;
        }
    }

    #[test]
    fn roles_that_write_or_read_more_are_faults() {
        let istio = |rule: Value| {
            role(&json!({"metadata": {"namespace": "istio-system"}, "rules": [rule]}))
        };
        let rule = |resource: &str, verbs: &[&str], names: &[&str]| json!({"apiGroups": [""], "resources": [resource], "verbs": verbs, "resourceNames": names});
        assert!(istio(rule("configmaps", &["list", "watch"], &["istio"])).is_empty());
        assert!(!istio(rule("secrets", &["list", "watch"], &["istio"])).is_empty());
        assert!(!istio(rule("configmaps", &["list", "watch", "update"], &["istio"])).is_empty());
        assert!(!istio(rule("configmaps", &["list", "watch"], &[])).is_empty());
        let deployments = json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]});
        assert!(istio(deployments.clone()).is_empty());
        let elsewhere = json!({"metadata": {"namespace": "kube-system"}, "rules": [deployments]});
        assert!(!role(&elsewhere).is_empty());
        assert!(!istio(rule("deployments", &["list", "watch"], &[])).is_empty());
        assert!(!role(&json!({"metadata": {"namespace": "istio-system"}})).is_empty());
        let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"]});
        assert!(!cluster_role(&json!({"rules": [all]}), true).is_empty());
    }

    #[test]
    fn services_are_granted_to_an_agent_that_watches_them_and_to_no_other() {
        let granted = |services: bool| {
            let services = services.then_some(SERVICES);
            let all = WATCHED.into_iter().chain(services);
            let rules = all.map(|(group, resource)| {
                json!({"apiGroups": [group], "resources": [resource], "verbs": ["list", "watch"]})
            });
            json!({"rules": rules.collect::<Vec<_>>()})
        };
        let agent = |value: &str| {
            let env = json!([{"name": "EGRESS_OBSERVER_SERVICES", "value": value}]);
            let spec = json!({"containers": [{"name": "agent", "env": env}]});
            [json!({"kind": "DaemonSet", "spec": {"template": {"spec": spec}}})]
        };
        for (value, watches) in [("watch", true), ("off", false)] {
            assert_eq!(watches_services(&agent(value)), watches);
            for right in [false, true] {
                let faults = cluster_role(&granted(right), watches);
                assert_eq!(faults.is_empty(), right == watches, "{value}: {faults:?}");
            }
        }
    }
}
