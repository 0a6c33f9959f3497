use serde_json::json;

use super::{super::names::ROOT_NAMESPACE, *};
use crate::vocabulary::Reason;

fn config_map(name: &str, namespace: &str, key: &str, text: &str) -> ConfigMap {
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": namespace},
        "data": {key: text},
    }))
    .unwrap()
}

fn mesh_of(name: &str, text: &str) -> ConfigMap {
    config_map(name, ROOT_NAMESPACE, "mesh", text)
}

const STRICT: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";

#[test]
fn each_revision_has_its_policy() {
    let mut mesh = Mesh::default();
    assert!(mesh.apply(&mesh_of("istio", "accessLogFile: /dev/stdout\n")));
    assert!(mesh.apply(&mesh_of("istio-1-27", STRICT)));
    assert!(!mesh.apply(&mesh_of("other", STRICT)));
    assert_eq!(mesh.policy(""), Some(Policy::AllowAny));
    assert_eq!(mesh.policy("default"), Some(Policy::AllowAny));
    assert_eq!(mesh.policy("1-27"), Some(Policy::RegistryOnly));
    assert_eq!(mesh.policy("canary"), None);
}

#[test]
fn a_tag_stands_for_its_revision() {
    let mut mesh = Mesh::default();
    mesh.apply(&mesh_of("istio", ""));
    mesh.apply(&mesh_of("istio-1-27", STRICT));
    let labels = json!({"istio.io/tag": "prod", "istio.io/rev": "1-27"});
    mesh.apply_webhook(&serde_json::from_value(json!({"labels": labels})).unwrap());
    assert_eq!(mesh.policy("prod"), Some(Policy::RegistryOnly));
}

#[test]
fn an_unknown_mode_is_no_policy() {
    let mut mesh = Mesh::default();
    mesh.apply(&mesh_of("istio", "outboundTrafficPolicy: {mode: DENY}"));
    assert_eq!(mesh.policy(""), None);
}

#[test]
fn a_config_map_of_the_same_name_elsewhere_does_not_count() {
    let mut mesh = Mesh::default();
    mesh.apply(&mesh_of("istio", STRICT));
    mesh.apply(&config_map("istio", "shop", "mesh", ""));
    assert_eq!(mesh.policy(""), Some(Policy::RegistryOnly));
}

#[test]
fn absent_values_are_the_charts_and_empty_ones_are_empty() {
    let values = |text: &str| {
        let mut mesh = Mesh::default();
        let map = config_map("istio-sidecar-injector", ROOT_NAMESPACE, "values", text);
        assert!(mesh.apply(&map));
        mesh.injector("").unwrap().values.global.proxy.clone()
    };
    assert_eq!(values("{}").include_ip_ranges, "*");
    assert_eq!(
        values(r#"{"global":{"proxy":{"includeIPRanges":""}}}"#).include_ip_ranges,
        ""
    );
}

/// The policy where these ConfigMaps are there, each as name and text, and istiod of the default revision with
/// this value of `SHARED_MESH_CONFIG`, if it is given.
fn policy_of(maps: &[(&str, &str)], istiod: Option<&str>) -> (Option<Policy>, Option<Reason>) {
    let mut mesh = Mesh::default();
    for (name, text) in maps {
        mesh.apply(&mesh_of(name, text));
    }
    if let Some(shared) = istiod {
        let env = json!([{"name": "SHARED_MESH_CONFIG", "value": shared}]);
        let template = json!({"spec": {"containers": [{"name": "discovery", "env": env}]}});
        let template = serde_json::from_value(template).unwrap();
        let plane = ControlPlane::of(ROOT_NAMESPACE, &template);
        assert!(mesh.set_control_plane(object_name(ROOT_NAMESPACE, "istiod"), plane));
    }
    let doubt = mesh.doubt("").map(|doubt| doubt.reason);
    (mesh.policy(""), doubt)
}

#[test]
fn the_shared_configuration_counts_below_the_revisions_own() {
    const ALLOW: Option<Policy> = Some(Policy::AllowAny);
    const ONLY: Option<Policy> = Some(Policy::RegistryOnly);
    const REFUSED: Option<Reason> = Some(Reason::ConfigRefused);
    const MISSING: Option<Reason> = Some(Reason::NotSynced);
    const BAD: &str = "enableTracing: 'yes'";
    const USUAL: &str = "istio-shared-configmap-default";
    let own = "outboundTrafficPolicy: {mode: ALLOW_ANY}";
    let cases: &[(&[_], Option<&str>, _)] = &[
        (&[("istio", ""), ("our", STRICT)], Some("our"), (ONLY, None)),
        (
            &[("istio", own), ("our", STRICT)],
            Some("our"),
            (ALLOW, None),
        ),
        (&[("istio", ""), ("our", STRICT)], Some(""), (ALLOW, None)),
        (&[("istio", ""), ("our", STRICT)], None, (ALLOW, None)),
        (&[("our", STRICT)], Some("our"), (ONLY, None)),
        (&[("istio", "")], Some("our"), (None, MISSING)),
        (&[("istio", own)], Some("our"), (ALLOW, MISSING)),
        (&[("istio", ""), ("our", BAD)], Some("our"), (None, REFUSED)),
        (
            &[("istio", own), ("our", BAD)],
            Some("our"),
            (ALLOW, REFUSED),
        ),
        (
            &[("istio", BAD), ("our", STRICT)],
            Some("our"),
            (None, REFUSED),
        ),
        (&[("istio", ""), (USUAL, STRICT)], None, (None, MISSING)),
        (
            &[("istio", ""), (USUAL, STRICT)],
            Some("other"),
            (None, MISSING),
        ),
        (&[("istio", ""), (USUAL, STRICT)], Some(""), (ALLOW, None)),
        (&[("istio", own), (USUAL, STRICT)], None, (ALLOW, MISSING)),
    ];
    for (maps, istiod, expected) in cases {
        assert_eq!(policy_of(maps, *istiod), *expected, "{maps:?} {istiod:?}");
    }
}

/// The policy where the default revision's own ConfigMap says this, with an istiod of these variables, and
/// with values of the injector.
fn seen(
    coverage: MeshCoverage,
    own: &str,
    istiod: Option<serde_json::Value>,
    values: &str,
) -> (Option<Policy>, Option<String>, Option<String>) {
    let mut mesh = Mesh::default();
    mesh.set_coverage(coverage);
    mesh.apply(&mesh_of("istio", own));
    let injector = config_map("istio-sidecar-injector", ROOT_NAMESPACE, "values", values);
    mesh.apply(&injector);
    if let Some(container) = istiod {
        let template = json!({"spec": {"containers": [container]}});
        let template = serde_json::from_value(template).unwrap();
        let plane = ControlPlane::of(ROOT_NAMESPACE, &template);
        mesh.set_control_plane(object_name(ROOT_NAMESPACE, "istiod"), plane);
    }
    let doubt = mesh.doubt("").map(|doubt| doubt.text.clone());
    let map = mesh.shared_map(ROOT_NAMESPACE, "default");
    (mesh.policy(""), map, doubt)
}

fn discovery(env: &serde_json::Value) -> Option<serde_json::Value> {
    Some(json!({"name": "discovery", "env": env}))
}

#[test]
fn a_shared_configuration_that_may_be_there_unseen_leaves_what_the_own_one_says_itself() {
    const OWN: &str = "outboundTrafficPolicy: {mode: ALLOW_ANY}";
    let hidden = MeshCoverage {
        istiods_hidden: true,
        ..MeshCoverage::default()
    };
    let value_from = json!([{"name": "SHARED_MESH_CONFIG", "valueFrom": {"configMapKeyRef": {}}}]);
    let reference = json!([{"name": "SHARED_MESH_CONFIG", "value": "our-$(REVISION)"}]);
    let env_from = json!({"name": "discovery", "envFrom": [{"configMapRef": {"name": "a"}}]});
    let files = MeshCoverage::default();
    for (coverage, istiod, said) in [
        (hidden, None, "Deployments"),
        (files.clone(), discovery(&value_from), "valueFrom"),
        (files.clone(), discovery(&reference), "another variable"),
        (files, Some(env_from), "envFrom"),
    ] {
        let (policy, map, doubt) = seen(coverage.clone(), "", istiod.clone(), "{}");
        assert_eq!((policy, map), (None, None));
        assert!(doubt.unwrap().contains(said), "{said}");
        let (policy, _, doubt) = seen(coverage, OWN, istiod, "{}");
        assert_eq!(policy, Some(Policy::AllowAny));
        assert!(doubt.unwrap().contains(said), "{said}");
    }
}

#[test]
fn a_shared_configuration_is_wanted_by_the_name_that_istiod_or_the_values_have() {
    let hidden = MeshCoverage {
        istiods_hidden: true,
        ..MeshCoverage::default()
    };
    let files = MeshCoverage::default();
    let our = json!([{"name": "SHARED_MESH_CONFIG", "value": "our"}]);
    let values = r#"{"pilot": {"env": {"SHARED_MESH_CONFIG": "by-values"}}}"#;
    for (coverage, istiod, values, expected) in [
        (&files, discovery(&our), "{}", Some("our")),
        (&files, discovery(&our), values, Some("our")),
        (&files, discovery(&json!([])), values, None),
        (&hidden, None, values, Some("by-values")),
        (&files, None, values, Some("by-values")),
        (&hidden, None, "{}", None),
        (&files, None, "{}", Some("istio-shared-configmap-default")),
    ] {
        let (_, map, _) = seen(coverage.clone(), "", istiod, values);
        assert_eq!(map.as_deref(), expected, "{coverage:?} {values}");
    }
}

#[test]
fn a_shared_configuration_that_is_not_there_says_nothing() {
    let our = object_name(ROOT_NAMESPACE, "our");
    let env = json!([{"name": "SHARED_MESH_CONFIG", "value": "our"}]);
    let maps = || [our.clone()].into();
    let listed = MeshCoverage {
        listed: maps(),
        ..MeshCoverage::default()
    };
    let hidden = MeshCoverage {
        hidden: maps(),
        ..MeshCoverage::default()
    };
    let (policy, _, doubt) = seen(listed, "", discovery(&env), "{}");
    assert_eq!((policy, doubt), (Some(Policy::AllowAny), None));
    let (policy, _, doubt) = seen(hidden, "", discovery(&env), "{}");
    assert_eq!(policy, None);
    assert!(
        doubt
            .unwrap()
            .contains("istio-system/our, which istiod reads first")
    );
}

#[test]
fn an_own_configuration_that_may_not_be_read_leaves_the_policy_open() {
    let mut mesh = Mesh::default();
    let own = object_name(ROOT_NAMESPACE, "istio");
    mesh.set_coverage(MeshCoverage {
        hidden: [own].into(),
        ..MeshCoverage::default()
    });
    mesh.apply(&mesh_of("our", STRICT));
    let container = discovery(&json!([{"name": "SHARED_MESH_CONFIG", "value": "our"}]));
    let template = json!({"spec": {"containers": [container]}});
    let plane = ControlPlane::of(ROOT_NAMESPACE, &serde_json::from_value(template).unwrap());
    mesh.set_control_plane(object_name(ROOT_NAMESPACE, "istiod"), plane);
    assert_eq!(mesh.policy(""), None);
    assert!(mesh.doubt("").unwrap().text.contains("istio-system/istio"));
}

#[test]
fn a_config_map_called_default_is_of_no_revision() {
    let mut mesh = Mesh::default();
    assert!(!mesh.apply(&mesh_of("istio-default", STRICT)));
    assert_eq!(mesh.policy("default"), None);
    mesh.apply(&mesh_of("istio", ""));
    assert_eq!(mesh.policy("default"), Some(Policy::AllowAny));
    let map = config_map(
        "istio-sidecar-injector-default",
        ROOT_NAMESPACE,
        "values",
        "{}",
    );
    mesh.apply(&map);
    assert!(mesh.injector("default").is_none());
}

#[test]
fn what_is_refused_leaves_the_last_state_or_the_defaults() {
    let mut mesh = Mesh::default();
    mesh.apply(&mesh_of("istio", "proxyListenPort: text"));
    assert_eq!((mesh.policy(""), mesh.is_unreadable()), (None, true));
    mesh.apply(&mesh_of("istio", "proxyListenPort: 15002"));
    assert_eq!(
        (mesh.policy(""), mesh.is_unreadable()),
        (Some(Policy::AllowAny), false)
    );
    mesh.apply(&mesh_of("istio", "proxyListenPort: text"));
    assert_eq!(mesh.policy(""), Some(Policy::AllowAny));
    assert_eq!(mesh.config("").unwrap().proxy_listen_port, 15_002);
    mesh.apply(&mesh_of("istio", STRICT));
    mesh.apply(&mesh_of("istio", "["));
    assert_eq!(mesh.policy(""), None);
    assert!(mesh.doubt("").unwrap().text.contains("istio-system/istio"));
}

#[test]
fn the_config_map_that_is_asked_for_is_named() {
    let mut mesh = Mesh::default();
    let labels = json!({"istio.io/tag": "prod", "istio.io/rev": "1-27"});
    mesh.apply_webhook(&serde_json::from_value(json!({"labels": labels})).unwrap());
    let elsewhere = "of the control plane's namespace";
    for (revision, name) in [("", ""), ("default", ""), ("prod", "-1-27"), ("a", "-a")] {
        let wanted = format!("ConfigMap istio{name} {elsewhere}");
        assert_eq!(mesh.wanted_config(revision), wanted);
        let wanted = format!("istio-sidecar-injector{name}");
        assert_eq!(mesh.wanted_injector(revision), wanted);
    }
}
