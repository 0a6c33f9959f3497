//! Objects come, change and go.

use serde_json::{Value, json};

use super::*;
use crate::{
    injection::setup::Membership,
    manifests::Reading,
    registry::{Match, RegistryQuery, Viewer},
    vocabulary::{Policy, Protocol, Reason, Scope},
};

const WAIT: Duration = Duration::from_secs(30);

fn set(value: Value) -> ObjectChange {
    let reading = Reading::of("test".as_ref(), &value.to_string());
    assert_eq!(reading.unreadable, []);
    let (mut objects, _) = reading.unique();
    ObjectChange::Set(Box::new(objects.remove(0)))
}

fn pod(name: &str, uid: &str, ip: &str) -> ObjectChange {
    set(json!({
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "labels": {"app": name},
            "annotations": {"sidecar.istio.io/status": "{}"}},
        "spec": {
            "initContainers": [{"name": "istio-init", "args": ["istio-iptables", "-i", "*"]}],
            "containers": [{"name": "app"}, {"name": "istio-proxy"}]},
        "status": {"podIPs": [{"ip": ip}]},
    }))
}

fn injector(include: &str) -> ObjectChange {
    let values = json!({"global": {"proxy": {"includeIPRanges": include}}});
    set(json!({
        "kind": "ConfigMap",
        "metadata": {"name": "istio-sidecar-injector", "namespace": "istio-system"},
        "data": {"values": values.to_string(), "config": "policy: enabled"},
    }))
}

fn name(namespace: &str, name: &str) -> ObjectName {
    ObjectName {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn live(changes: impl IntoIterator<Item = ObjectChange>) -> Live {
    let mut live = Live::new(&[], Vec::new());
    live.apply(changes.into_iter().collect(), Instant::now());
    live
}

#[test]
fn a_pod_that_is_gone_is_remembered_for_a_while() {
    let mut live = live([pod("a", "u1", "10.0.0.1")]);
    let start = Instant::now();
    live.apply(
        vec![ObjectChange::Removed(Kind::Pod, name("shop", "a"))],
        start,
    );
    let scope = |live: &Live| {
        let ip = "10.0.0.1".parse().unwrap();
        live.snapshot().scope_from_anywhere(ip)
    };
    assert!(live.snapshot().pod("u1").is_some());
    assert_eq!(live.snapshot().pods().count(), 0);
    // Its address may be anybody's now.
    assert_eq!(scope(&live), Scope::External);
    live.prune(start + KEEP + WAIT / 2, WAIT, |_| false);
    assert!(live.snapshot().pod("u1").is_some());
    live.prune(start + KEEP + WAIT, WAIT, |uid| uid == "u1");
    assert!(live.snapshot().pod("u1").is_some());
    live.prune(start + KEEP + WAIT, WAIT, |_| false);
    assert!(live.snapshot().pod("u1").is_none());
}

#[test]
fn a_pod_that_comes_and_goes_at_once_was_there() {
    let gone = || ObjectChange::Removed(Kind::Pod, name("shop", "a"));
    let live = live([
        pod("a", "u1", "10.0.0.1"),
        gone(),
        pod("a", "u2", "10.0.0.2"),
        pod("a", "u3", "10.0.0.3"),
        gone(),
    ]);
    let known = ["u1", "u2", "u3"].map(|uid| live.snapshot().pod(uid).is_some());
    assert_eq!(known, [true; 3]);
    assert_eq!(live.snapshot.pods().count(), 0);
}

#[test]
fn a_name_that_comes_back_is_another_pod() {
    let mut live = live([pod("db-0", "u1", "10.0.0.1")]);
    live.apply(vec![pod("db-0", "u2", "10.0.0.1")], Instant::now());
    assert!(live.snapshot().pod("u1").is_some() && live.snapshot().pod("u2").is_some());
    live.prune(Instant::now() + KEEP + WAIT, WAIT, |_| false);
    assert!(live.snapshot().pod("u1").is_none() && live.snapshot().pod("u2").is_some());
}

#[test]
fn pods_become_stale_with_the_injectors_values_and_with_their_namespace() {
    let mut live = live([
        pod("a", "u1", "10.0.0.1"),
        injector("*"),
        set(json!({"kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}})),
    ]);
    let stale = |live: &Live| live.snapshot().pod("u1").unwrap().stale();
    assert_eq!(stale(&live), Some(false));
    live.apply(vec![injector("10.0.0.0/8")], Instant::now());
    assert_eq!(stale(&live), Some(true));
    live.apply(vec![injector("*")], Instant::now());
    assert_eq!(stale(&live), Some(false));
    let no_injection = set(json!({"kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"istio-injection": "disabled"}}}));
    live.apply(vec![no_injection], Instant::now());
    // Its sidecar may be of its own making.
    assert_eq!(stale(&live), None);
    let applied = &live.snapshot().pod("u1").unwrap().applied;
    assert!(matches!(applied.membership, Membership::Sidecar(_)));
}

#[test]
fn the_meshs_configuration_changes_and_goes() {
    let mesh = |mode: &str| {
        set(json!({"kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": {"mesh": format!("outboundTrafficPolicy: {{mode: {mode}}}")}}))
    };
    let mut live = live([pod("a", "u1", "10.0.0.1"), mesh("REGISTRY_ONLY")]);
    let policy = |live: &Live| {
        let snapshot = live.snapshot();
        snapshot.policy(snapshot.pod("u1").unwrap())
    };
    assert_eq!(policy(&live), Some(Policy::RegistryOnly));
    live.apply(vec![mesh("ALLOW_ANY")], Instant::now());
    assert_eq!(policy(&live), Some(Policy::AllowAny));
    // What Istio refuses leaves it with the last state or the defaults, here the same; and it shows.
    live.apply(vec![mesh("[")], Instant::now());
    assert_eq!(policy(&live), Some(Policy::AllowAny));
    assert!(live.snapshot().mesh_is_unreadable());
    live.apply(vec![mesh("REGISTRY_ONLY"), mesh("[")], Instant::now());
    assert_eq!(policy(&live), None);
    let snapshot = live.snapshot();
    let lacks = snapshot.policy_lacks(snapshot.pod("u1").unwrap());
    assert_eq!(lacks, Reason::ConfigRefused);
    let gone = ObjectChange::Removed(Kind::ConfigMap, name("istio-system", "istio"));
    live.apply(vec![gone], Instant::now());
    assert_eq!(policy(&live), None);
    assert!(!live.snapshot().mesh_is_unreadable());
}

#[test]
fn entries_with_a_selector_follow_the_pods_they_select() {
    let entry = set(json!({"kind": "ServiceEntry",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"hosts": ["a.test"], "ports": [{"number": 80, "name": "tcp", "protocol": "TCP"}],
            "location": "MESH_INTERNAL", "resolution": "STATIC",
            "workloadSelector": {"labels": {"app": "a"}}}}));
    let mut live = live([entry]);
    let n = |live: &Live| {
        let entries = live.selecting.values();
        let selected = entries.map(|entry| {
            with_selected_pods(entry, pods_of(&live.pods, "shop"))
                .spec
                .endpoints
                .len()
        });
        selected.sum::<usize>()
    };
    assert_eq!(n(&live), 0);
    live.apply(
        vec![pod("a", "u1", "10.0.0.1"), pod("b", "u2", "10.0.0.2")],
        Instant::now(),
    );
    assert_eq!(n(&live), 1);
    let gone = ObjectChange::Removed(Kind::ServiceEntry, name("shop", "a"));
    live.apply(vec![gone], Instant::now());
    assert!(live.selecting.is_empty());
    assert!(!live.snapshot.registry.remove_service_entry("shop", "a"));
}

#[test]
fn the_ranges_of_services_are_the_clusters() {
    let cidr = set(
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12"]}}),
    );
    let mut live = live([cidr]);
    let scope = |live: &Live, ip: &str| {
        let ip = ip.parse().unwrap();
        live.snapshot().scope_from_anywhere(ip)
    };
    assert_eq!(scope(&live, "10.96.0.10"), Scope::Cluster);
    assert_eq!(scope(&live, "10.244.0.1"), Scope::External);
    live.add_ranges(&["10.244.0.0/16".parse().unwrap()]);
    assert_eq!(scope(&live, "10.244.0.1"), Scope::Cluster);
    assert_eq!(scope(&live, "10.96.0.10"), Scope::Cluster);
    let gone = ObjectChange::Removed(Kind::ServiceCidr, name("", "kubernetes"));
    live.apply(vec![gone], Instant::now());
    assert_eq!(scope(&live, "10.96.0.10"), Scope::External);
}

fn service(name: &str, ip: &str) -> ObjectChange {
    set(
        json!({"kind": "Service", "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"clusterIP": ip, "ports": [{"port": 53, "protocol": "UDP"}]}}),
    )
}

#[test]
fn services_come_and_go() {
    let mut live = live([service("kube-dns", "10.96.0.10")]);
    let gone = ObjectChange::Removed(Kind::Service, name("kube-system", "kube-dns"));
    live.apply(vec![gone.clone()], Instant::now());
    let registry = &mut live.snapshot.registry;
    assert!(!registry.remove_service("kube-system", "kube-dns"));
    live.apply(vec![service("kube-dns", "10.96.0.10")], Instant::now());
    let registry = &mut live.snapshot.registry;
    assert!(registry.remove_service("kube-system", "kube-dns"));
}

/// A Service of `shop` without a cluster IP, at port 5432.
fn headless(name: &str) -> ObjectChange {
    set(
        json!({"kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"clusterIP": "None", "selector": {"app": name},
            "ports": [{"name": "tcp", "port": 5432}]}}),
    )
}

#[test]
fn a_headless_service_has_its_pods_as_they_come_and_go() {
    let mut live = live([headless("db"), pod("db", "u1", "10.0.0.1")]);
    let has = |live: &Live, ip: &str| {
        let viewer = Viewer {
            namespace: "shop",
            ..Viewer::default()
        };
        let to = RegistryQuery {
            ip: Some(ip.parse().unwrap()),
            host: None,
            port: 5432,
            protocol: Protocol::Tcp,
        };
        let found = live.snapshot().registry.lookup(&viewer, &to);
        matches!(found, Match::Declared(_))
    };
    assert!(has(&live, "10.0.0.1") && !has(&live, "10.0.0.2"));
    // Under the same name, with another address; then it is another Service's.
    live.apply(vec![pod("db", "u1", "10.0.0.2")], Instant::now());
    assert!(!has(&live, "10.0.0.1") && has(&live, "10.0.0.2"));
    live.apply(
        vec![headless("other"), pod("web", "u2", "10.0.0.3")],
        Instant::now(),
    );
    assert!(has(&live, "10.0.0.2") && !has(&live, "10.0.0.3"));
    let gone = ObjectChange::Removed(Kind::Pod, name("shop", "db"));
    live.apply(vec![gone], Instant::now());
    assert!(!has(&live, "10.0.0.2"));
    live.apply(vec![pod("db", "u3", "10.0.0.2")], Instant::now());
    assert!(has(&live, "10.0.0.2"));
    // Taken in and forgotten at once.
    let gone = ObjectChange::Removed(Kind::Service, name("shop", "db"));
    live.apply(vec![headless("db"), gone], Instant::now());
    assert!(!has(&live, "10.0.0.2"));
}

#[test]
fn the_clusters_dns_is_what_was_given_else_its_service() {
    let nameservers = |given: &[&str]| {
        let given = given.iter().map(|ip| ip.parse().unwrap()).collect();
        let mut live = Live::new(&[], given);
        live.apply(
            vec![
                set(json!({"kind": "Pod",
                    "metadata": {"name": "a", "namespace": "shop", "uid": "u1"},
                    "spec": {"containers": [{"name": "istio-proxy", "env": [
                            {"name": "ISTIO_META_DNS_CAPTURE", "value": "true"}]}],
                        "initContainers": [{"name": "istio-init", "args": ["istio-iptables"],
                            "env": [{"name": "ISTIO_META_DNS_CAPTURE", "value": "true"}]}]}})),
                service("kube-dns", "10.96.0.10"),
            ],
            Instant::now(),
        );
        let pod = live.snapshot().pod("u1").unwrap();
        let dns = pod.applied.config().and_then(|config| config.dns.clone());
        format!("{dns:?}")
    };
    let [cache, service] = ["169.254.20.10", "10.96.0.10"];
    let given = nameservers(&[cache]);
    assert!(given.contains(cache) && !given.contains(service), "{given}");
    assert!(nameservers(&[]).contains(service));
}

#[test]
fn a_template_comes_and_goes_with_its_workload() {
    let deployment = set(json!({"kind": "Deployment",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"app": "new"}}, "spec": {}}}}));
    let owned = set(
        json!({"kind": "Pod", "metadata": {"name": "a-1", "namespace": "shop", "uid": "u1",
        "labels": {"pod-template-hash": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "a-1", "controller": true}]}}),
    );
    let mut live = live([owned]);
    let renewed = |live: &Live| live.snapshot().pod("u1").unwrap().renewed.is_some();
    assert!(!renewed(&live));
    live.apply(vec![deployment], Instant::now());
    assert!(renewed(&live));
    let gone = ObjectChange::Removed(Kind::Deployment, name("shop", "a"));
    live.apply(vec![gone], Instant::now());
    assert!(!renewed(&live));
}

#[test]
fn a_config_map_that_says_nothing_any_more_is_gone() {
    let map = |data: Value| {
        set(json!({"kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": "istio-system"}, "data": data}))
    };
    let mut live = live([map(
        json!({"mesh": "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}),
    )]);
    assert_eq!(
        (
            live.n_config_maps(),
            live.snapshot().mesh().policy("").is_some()
        ),
        (1, true)
    );
    live.apply(vec![map(json!({}))], Instant::now());
    assert_eq!(
        (
            live.n_config_maps(),
            live.snapshot().mesh().policy("").is_some()
        ),
        (0, false)
    );
}

#[test]
fn what_files_leave_out_is_filled_in() {
    let objects = [
        r#"{"kind": "Pod", "metadata": {"name": "a"}, "status": {"podIP": "10.0.0.1"}}"#,
        r#"{"kind": "Pod", "metadata": {"name": "b", "uid": "u"}}"#,
        r#"{"kind": "Pod", "metadata": {"name": "c", "uid": "u"}}"#,
        r#"{"kind": "ServiceEntry", "metadata": {"name": "e"}, "spec": {"hosts": ["a.test"],
            "location": "MESH_INTERNAL", "workloadSelector": {"labels": {}}}}"#,
    ];
    let reading = Reading::of("test".as_ref(), &objects.join("\n---\n"));
    let live = Live::of(reading.complete().unwrap(), &[]);
    let snapshot = live.snapshot();
    let found = ["default/a", "u", "default/c"].map(|key| snapshot.pod(key).is_some());
    assert_eq!(found, [true; 3]);
    let entry = &live.selecting[&name("default", "e")];
    let selected = with_selected_pods(entry, pods_of(&live.pods, "default"));
    assert_eq!(selected.spec.endpoints.len(), 1);
}
