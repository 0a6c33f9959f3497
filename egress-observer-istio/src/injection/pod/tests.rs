use serde_json::{Value, json};

use super::*;
use crate::{
    mesh::Mesh,
    rules::{CaptureConfig, ports, ranges},
};

fn pod(value: Value) -> Pod {
    let today = Today {
        mesh: &Mesh::default(),
        namespaces: &HashMap::new(),
        proxy_configs: &[],
        cluster_dns: &[],
    };
    Pod::new(&serde_json::from_value(value).unwrap(), |_| None, today)
}

fn injected(init: Value) -> Value {
    json!({
        "metadata": {
            "name": "sleep-7d5b8c-x2x4z", "namespace": "shop", "uid": "u",
            "labels": {"pod-template-hash": "7d5b8c"},
            "annotations": {"sidecar.istio.io/status": "{}"},
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": "sleep-7d5b8c", "controller": true}
            ],
        },
        "spec": {
            "initContainers": [{"name": "own-init"}, init],
            "containers": [
                {"name": "sleep"},
                {"name": "istio-proxy", "args": ["proxy", "sidecar"]}
            ],
        },
        "status": {
            "podIPs": [{"ip": "10.0.0.5"}],
            "initContainerStatuses": [{"name": "own-init", "containerID": "containerd://aa"}],
            "containerStatuses": [
                {"name": "sleep", "containerID": "containerd://bb"},
                {"name": "istio-proxy", "containerID": "cri-o://cc"}
            ],
        },
    })
}

#[test]
fn istio_init_tells_what_was_applied() {
    let args = [
        "istio-iptables",
        "-p",
        "15001",
        "-u",
        "1337",
        "-i",
        "10.0.0.0/8",
        "-x",
        "",
    ];
    let pod = pod(injected(json!({"name": "istio-init", "args": args})));
    let config = pod.applied.config().unwrap();
    assert_eq!(config.include, ranges("10.0.0.0/8"));
    assert_eq!(&*pod.workload, "sleep");
}

#[test]
fn containers_are_told_apart() {
    let pod = pod(injected(
        json!({"name": "istio-init", "args": ["istio-iptables"]}),
    ));
    let role = |actor, rules| ContainerRole {
        actor,
        rules,
        proxy: ProxyPresence::Runs,
    };
    let early = ContainerRole {
        proxy: ProxyPresence::Never,
        ..role(Actor::Init, Rules::NotYet)
    };
    assert_eq!(pod.role(Some("aa"), 0, 0), early);
    assert_eq!(pod.role(Some("bb"), 1337, 0), role(Actor::App, Rules::Made));
    assert_eq!(
        pod.role(Some("cc"), 1337, 1337),
        role(Actor::Proxy, Rules::Made)
    );
    assert_eq!(
        pod.role(Some("dd"), 1337, 1337),
        role(Actor::Proxy, Rules::Made)
    );
    assert_eq!(
        pod.role(Some("dd"), 1000, 1000),
        role(Actor::App, Rules::Unknown)
    );
    assert_eq!(pod.role(None, 1000, 1000), role(Actor::App, Rules::Made));
}

#[test]
fn the_cni_plugin_has_defaults_of_its_own() {
    let mut object = injected(json!({"name": "istio-validation"}));
    let annotations = &mut object["metadata"]["annotations"];
    annotations["sidecar.istio.io/interceptionMode"] = "REDIRECT".into();
    annotations["traffic.sidecar.istio.io/excludeOutboundIPRanges"] = "10.1.0.0/16".into();
    let pod = pod(object);
    let expected = CaptureConfig {
        exclude: ranges("10.1.0.0/16"),
        exclude_ports: ports("15020"),
        ..CaptureConfig::default()
    };
    assert_eq!(pod.applied.config(), Some(&expected));
}

#[test]
fn pods_outside_the_mesh_say_why() {
    let plain = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a"}]}});
    assert_eq!(
        pod(plain).applied.membership,
        Membership::Outside(Reason::NoSidecar)
    );
    let host = json!({"metadata": {"name": "a"}, "spec": {"hostNetwork": true}});
    assert_eq!(
        pod(host).applied.membership,
        Membership::Outside(Reason::HostNetwork)
    );
    let annotations = json!({"ambient.istio.io/redirection": "enabled"});
    let ambient = json!({"metadata": {"name": "a", "annotations": annotations}});
    let expected = Membership::Ambient(crate::rules::ambient::AmbientConfig::default());
    assert_eq!(pod(ambient).applied.membership, expected);
}

#[test]
fn a_static_pod_is_known_by_the_hash_of_its_file() {
    let annotations = json!({"kubernetes.io/config.mirror": "0123456789abcdef"});
    let mirror = json!({"metadata": {"name": "a", "uid": "u", "annotations": annotations}});
    assert_eq!(pod(mirror).uid, "0123456789abcdef");
}

#[test]
fn settings_that_cannot_be_read_are_not_guessed() {
    let args = json!(["istio-iptables", "-i", "everything"]);
    let pod = pod(injected(json!({"name": "istio-init", "args": args})));
    assert_eq!(
        pod.applied.membership,
        Membership::Unknown(Reason::UnreadableConfig)
    );
}

#[test]
fn workloads_are_named_as_istio_names_them() {
    let owned = |kind: &str, name: &str| {
        let owners = json!([{"kind": kind, "name": name, "controller": true}]);
        let object = json!({"metadata": {"name": "p", "ownerReferences": owners}});
        pod(object).workload.to_string()
    };
    assert_eq!(owned("StatefulSet", "db"), "db");
    let labelled = |kind: &str, name: &str, (label, value): (&str, &str)| {
        let owners = json!([{"kind": kind, "name": name, "controller": true}]);
        let object =
            json!({"metadata": {"name": "p", "labels": {label: value}, "ownerReferences": owners}});
        let pod = pod(object);
        (
            pod.workload.to_string(),
            pod.workload_kind.unwrap_or_default(),
        )
    };
    let named = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    assert_eq!(
        labelled(
            "ReplicaSet",
            "pay-5d8",
            ("rollouts-pod-template-hash", "5d8")
        ),
        named("pay", "Rollout")
    );
    assert_eq!(
        labelled(
            "ReplicationController",
            "old-3",
            ("openshift.io/deployment-config.name", "old")
        ),
        named("old", "DeploymentConfig")
    );
    assert_eq!(
        labelled("ReplicaSet", "web-5d8", ("pod-template-hash", "5d8")),
        named("web", "Deployment")
    );
    assert_eq!(owned("Job", "backup-29100480"), "backup");
    assert_eq!(owned("Job", "migrate-2"), "migrate-2");
    assert_eq!(
        pod(json!({"metadata": {"name": "bare"}})).workload.as_ref(),
        "bare"
    );
}
