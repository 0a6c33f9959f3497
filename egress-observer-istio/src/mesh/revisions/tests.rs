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
