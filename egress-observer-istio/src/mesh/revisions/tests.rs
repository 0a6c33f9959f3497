use serde_json::json;

use super::{super::names::ROOT_NAMESPACE, *};

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
    let number = values(r#"{"global":{"proxy":{"excludeOutboundPorts":443}}}"#);
    assert_eq!(number.exclude_outbound_ports, "443");
}
