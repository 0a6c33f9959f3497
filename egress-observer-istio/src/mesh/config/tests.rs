use serde_json::json;

use super::*;

fn mode(text: &str) -> OutboundMode {
    MeshConfig::read(text).unwrap().outbound_mode()
}

#[test]
fn the_policy_is_what_the_decoder_makes_of_it() {
    use OutboundMode as M;
    let cases = [
        ("", M::AllowAny),
        ("outboundTrafficPolicy:", M::AllowAny),
        ("outboundTrafficPolicy: {}", M::RegistryOnly),
        ("outboundTrafficPolicy: {Mode: ALLOW_ANY}", M::RegistryOnly),
        ("outboundTrafficPolicy: {mode: null}", M::RegistryOnly),
        ("outboundTrafficPolicy: {mode: 0}", M::RegistryOnly),
        ("outboundTrafficPolicy: {mode: 1}", M::AllowAny),
        ("outboundTrafficPolicy: {mode: 2}", M::RegistryOnly),
        ("outboundTrafficPolicy: {mode: 3}", M::AllowAnyDynamicDns),
        (
            "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}",
            M::AllowAnyDynamicDns,
        ),
        (
            "outbound_traffic_policy: {mode: REGISTRY_ONLY}",
            M::RegistryOnly,
        ),
        (
            "outbound_traffic_policy: {mode: REGISTRY_ONLY}\noutboundTrafficPolicy: {mode: ALLOW_ANY}",
            M::AllowAny,
        ),
        ("outboundTrafficpolicy: {mode: REGISTRY_ONLY}", M::AllowAny),
        (
            r#"{"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}"#,
            M::RegistryOnly,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mode(text), expected, "{text}");
    }
}

#[test]
fn one_wrong_field_refuses_the_whole() {
    let cases = [
        (
            "outboundTrafficPolicy: {mode: registry_only}",
            "outboundTrafficPolicy.mode",
        ),
        (
            "outboundTrafficPolicy: REGISTRY_ONLY",
            "outboundTrafficPolicy",
        ),
        (
            "defaultConfig: {proxyMetadata: {A: true}}",
            "defaultConfig.proxyMetadata.A",
        ),
        (
            "defaultConfig: {proxyMetadata: {A: 5}}",
            "defaultConfig.proxyMetadata.A",
        ),
        (
            "default_config: {proxy_metadata: {A: yes}}",
            "default_config.proxy_metadata.A",
        ),
        (
            "defaultConfig: {holdApplicationUntilProxyStarts: 'true'}",
            "defaultConfig.holdApplicationUntilProxyStarts",
        ),
        (
            "defaultConfig: {tracing: {sampling: high}}",
            "defaultConfig.tracing.sampling",
        ),
        ("enableTracing: 'false'", "enableTracing"),
        ("accessLogFile: off", "accessLogFile"),
        ("connectTimeout: 10", "connectTimeout"),
        ("proxyListenPort: 0", "proxyListenPort"),
        (
            "defaultConfig: {discoveryAddress: ''}",
            "defaultConfig.discoveryAddress",
        ),
        ("defaultServiceExportTo: '*'", "defaultServiceExportTo"),
        (
            "extensionProviders: [{name: a, zipkin: {port: x}}]",
            "extensionProviders[0].zipkin.port",
        ),
        (
            "discoverySelectors: [{matchLabels: {a: on}}]",
            "discoverySelectors[0].matchLabels.a",
        ),
        (
            "meshMTLS: {minProtocolVersion: TLSV1_1}",
            "meshMTLS.minProtocolVersion",
        ),
        ("outboundTrafficPolicy: {mode", ""),
    ];
    for (text, field) in cases {
        let refused = MeshConfig::read(text).unwrap_err();
        assert_eq!(refused.field(), field, "{text}");
    }
}

#[test]
fn snake_case_names_count_but_for_the_proxy_configuration_as_a_whole() {
    let config = MeshConfig::read(
        "root_namespace: mesh\nproxy_listen_port: '15002'\n\
         defaultConfig: {interception_mode: 1, proxy_metadata: {A: b}}",
    )
    .unwrap();
    assert_eq!(
        (config.root_namespace.as_str(), config.proxy_listen_port),
        ("mesh", 15_002)
    );
    assert_eq!(
        config.default_config.interception_mode.as_deref(),
        Some("TPROXY")
    );
    assert_eq!(config.default_config.proxy_metadata["A"], "b");
    let config = MeshConfig::read("default_config: {interceptionMode: TPROXY}").unwrap();
    assert_eq!(config.default_config.interception_mode, None);
}

#[test]
fn one_text_on_top_of_another_replaces_fields_and_adds_metadata() {
    let below = MeshText::read(
        "rootNamespace: a\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n\
         defaultConfig: {interceptionMode: TPROXY, proxyMetadata: {A: '1', B: '1'}}",
    );
    let own = MeshText::read("rootNamespace: b\ndefaultConfig: {proxyMetadata: {B: '2'}}");
    let (below, own) = (below.unwrap(), own.unwrap());
    let config = own.over(&below).config();
    assert_eq!(config.root_namespace, "b");
    assert_eq!(config.outbound_mode(), OutboundMode::RegistryOnly);
    let proxy = config.default_config;
    assert_eq!(proxy.interception_mode.as_deref(), Some("TPROXY"));
    let metadata = json!({"A": "1", "B": "2"});
    assert_eq!(json!(proxy.proxy_metadata), metadata);
    let own = MeshText::read("outboundTrafficPolicy: {}").unwrap();
    assert!(own.has_policy());
}

#[test]
fn namespaces_are_discovered_by_any_selector() {
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    let cases = [
        ("", true),
        ("discoverySelectors: []", true),
        ("discoverySelectors: [{}]", true),
        ("discoverySelectors: [{matchLabels: {env: prod}}]", true),
        ("discoverySelectors: [{matchLabels: {env: test}}]", false),
        (
            "discoverySelectors: [{matchLabels: {env: test}}, \
             {matchExpressions: [{key: env, operator: In, values: [prod]}]}]",
            true,
        ),
    ];
    for (text, expected) in cases {
        let config = MeshConfig::read(text).unwrap();
        assert_eq!(config.discovers(&labels), expected, "{text}");
    }
}

#[test]
fn an_annotation_is_decoded_alike() {
    let read = |text: &str| ProxyConfigText::read(text);
    let config = read("interceptionMode: NONE\nproxyMetadata:\n  A: 'true'\n").unwrap();
    assert_eq!(config.interception_mode.as_deref(), Some("NONE"));
    for text in [
        "proxyMetadata: {A: true}",
        "concurrency: x",
        "{",
        "statusPort: 70000",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    assert!(read("concurrency: '2'\nunknown: 1").is_ok());
}
