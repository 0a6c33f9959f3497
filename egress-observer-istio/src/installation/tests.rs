//! Installations, and what they amount to.

use super::*;
use crate::{mesh::Mesh, protojson::yaml_to_json, vocabulary::Policy};

fn read(text: &str) -> Result<Installation, InstallationError> {
    Installation::of_document(&yaml_to_json(text).expect(text))
}

/// The mesh that istiod of an installation reads, and its revision.
fn mesh(text: &str) -> (Mesh, String) {
    let installation = read(text).expect(text);
    let mut mesh = Mesh::default();
    for map in installation.config_maps("values.yaml") {
        mesh.apply(&map);
    }
    (mesh, installation.revision)
}

/// Whether the policy is REGISTRY_ONLY, the ranges, the version, and whether the CNI plugin makes rules.
fn told(text: &str) -> (Option<Policy>, String, String, bool) {
    let (mesh, revision) = mesh(text);
    let values = &mesh.injector(&revision).expect("it is made").values;
    (
        mesh.policy(&revision),
        values.global.proxy.include_ip_ranges.clone(),
        values.global.tag.clone(),
        values.by_cni(),
    )
}

#[test]
fn every_shape_says_the_same() {
    let expected = (
        Some(Policy::RegistryOnly),
        "10.0.0.0/8".to_owned(),
        "1.27.1".to_owned(),
        true,
    );
    for text in [
        "{meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {tag: 1.27.1, proxy: {includeIPRanges: 10.0.0.0/8}}, pilot: {cni: {enabled: true}}}",
        "{meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {tag: 1.27.1, proxy: {includeIPRanges: 10.0.0.0/8}}, cni: {enabled: true}}",
        "{istiod: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {tag: 1.27.1, proxy: {includeIPRanges: 10.0.0.0/8}}, cni: {enabled: true}}}",
        "{_internal_defaults_do_not_set: {global: {tag: 1.26.0, proxy: {includeIPRanges: '*'}}}, platform: openshift, meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {tag: 1.27.1, proxy: {includeIPRanges: 10.0.0.0/8}}}",
        "{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, spec: {tag: 1.27.1, meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, components: {cni: {enabled: true}}, values: {global: {proxy: {includeIPRanges: 10.0.0.0/8}}}}}",
        "{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, spec: {profile: openshift, values: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {tag: 1.27.1, proxy: {includeIPRanges: 10.0.0.0/8}}}}}",
        "{apiVersion: sailoperator.io/v1, kind: Istio, metadata: {name: default}, spec: {version: v1.27.1, namespace: istio-system, values: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {proxy: {includeIPRanges: 10.0.0.0/8}}, pilot: {cni: {enabled: true}}}}}",
        "{apiVersion: sailoperator.io/v1, kind: IstioRevision, metadata: {name: blue}, spec: {version: v1.27.1, values: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {proxy: {includeIPRanges: 10.0.0.0/8}}, pilot: {cni: {enabled: true}}}}}",
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn what_is_absent_is_the_charts_default() {
    let expected = (Some(Policy::AllowAny), "*".to_owned(), String::new(), false);
    assert_eq!(told("{global: {}}"), expected);
    assert_eq!(
        told("{kind: IstioOperator, apiVersion: install.istio.io/v1}"),
        expected
    );
}

#[test]
fn the_control_plane_has_the_name_that_its_operator_gives_it() {
    let sail = "apiVersion: sailoperator.io/v1, kind: Istio, metadata: {name: prod}";
    for (text, namespace, revision) in [
        ("{global: {istioNamespace: mesh}, revision: blue}".to_owned(), "mesh", "blue"),
        ("{revision: default}".to_owned(), "istio-system", ""),
        (format!("{{{sail}, spec: {{version: v1.27.1, namespace: mesh}}}}"), "mesh", "prod"),
        (
            format!("{{{sail}, spec: {{version: v1.27.1, updateStrategy: {{type: RevisionBased}}}}}}"),
            "istio-system",
            "prod-v1-27-1",
        ),
        (
            "{apiVersion: install.istio.io/v1, kind: IstioOperator, spec: {revision: a, namespace: b}}".to_owned(),
            "b",
            "a",
        ),
    ] {
        let installation = read(&text).expect(&text);
        let found = (&*installation.namespace, &*installation.revision);
        assert_eq!(found, (namespace, revision), "{text}");
    }
}

#[test]
fn profiles_change_what_they_change() {
    let metadata = |text: &str| {
        let (mesh, revision) = mesh(text);
        let config = mesh.config(&revision).expect("it is made");
        config
            .default_config
            .proxy_metadata
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(metadata("profile: preview"), ["ISTIO_META_DNS_CAPTURE"]);
    assert_eq!(metadata("profile: ambient"), ["ISTIO_META_ENABLE_HBONE"]);
    assert_eq!(metadata("profile: demo"), [""; 0]);
    let by_cni = |text| told(text).3;
    assert!(!by_cni("profile: ambient"));
    assert!(by_cni(
        "{kind: IstioOperator, apiVersion: install.istio.io/v1, spec: {profile: ambient}}"
    ));
    assert!(by_cni("profile: openshift"));
}

#[test]
fn an_operator_of_gateways_alone_installs_no_control_plane() {
    for spec in [
        "{profile: empty}",
        "{components: {pilot: {enabled: false}}}",
    ] {
        let text =
            format!("{{kind: IstioOperator, apiVersion: install.istio.io/v1, spec: {spec}}}");
        let object = yaml_to_json(&text).unwrap();
        assert_eq!(
            Installation::of_object("IstioOperator", "install.istio.io", &object),
            None
        );
    }
}

#[test]
fn what_is_wrong_is_told_with_field_value_and_fix() {
    for (text, message, fix) in [
        (
            "{meshConfig: {outboundTrafficPolicy: {mode: REGISTRY}}}",
            "meshConfig.outboundTrafficPolicy.mode: \"REGISTRY\" is not ",
            "write ",
        ),
        (
            "{global: {proxy: {excludeOutboundPorts: 443}}}",
            "global.proxy.excludeOutboundPorts: 443 is not text",
            "put it in quotes: \"443\"",
        ),
        (
            "{kind: IstioOperator, apiVersion: install.istio.io/v1, spec: {meshConfig: {enableTracing: 5}}}",
            "spec.meshConfig.enableTracing: 5 is not ",
            "write ",
        ),
        (
            "{kind: Istio, apiVersion: sailoperator.io/v1, spec: {values: {pilot: []}}}",
            "spec.values.pilot: [] is not fields, as `name: value`",
            "write fields, as `name: value`",
        ),
        (
            "{kind: Istio, apiVersion: sailoperator.io/v1, spec: {updateStrategy: {type: RevisionBased}}}",
            "spec.version: null is not a version",
            "write a version",
        ),
        (
            "{profile: preveiw}",
            "profile: \"preveiw\" is no profile of Istio",
            "write one of default, ",
        ),
        (
            "{profile: remote}",
            "profile: \"remote\" installs no control plane",
            "give the values",
        ),
        (
            "{outboundTrafficPolicy: {}}",
            "fields outboundTrafficPolicy, and neither Helm values",
            "indent them below",
        ),
        (
            "{replicas: 1, image: {}}",
            "fields image, replicas, and neither Helm values",
            "give a file with meshConfig",
        ),
        (
            "{kind: ConfigMap, apiVersion: v1}",
            "a ConfigMap, and neither Helm values",
            "give objects with --manifests",
        ),
        ("[a]", "the document: [\"a\"] is not fields", "write fields"),
    ] {
        let problem = read(text).expect_err(text);
        assert!(
            problem.to_string().starts_with(message),
            "{text}: {problem}"
        );
        assert!(problem.fix().starts_with(fix), "{text}: {}", problem.fix());
    }
}

#[test]
fn what_is_given_later_goes_on_top() {
    let mut one =
        read("{meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}, global: {tag: a}}")
            .unwrap();
    one.overlay(&read("{global: {tag: b}, meshConfig: {accessLogFile: null}}").unwrap());
    let blue = read("{revision: blue}").unwrap();
    assert!(one.is_same_as(&blue));
    one.overlay(&blue);
    let maps = one.config_maps("b.yaml");
    assert_eq!(maps[0].metadata.name, "istio-blue");
    assert!(maps[0].data["mesh"].contains("REGISTRY_ONLY"));
    assert!(maps[1].data["values"].contains(r#""tag":"b""#));
}

#[test]
fn a_shared_config_map_that_is_not_given_leaves_the_policy_open() {
    let shared = "pilot: {env: {SHARED_MESH_CONFIG: base}}";
    assert_eq!(told(&format!("{{{shared}}}")).0, None);
    let own = "meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}";
    assert_eq!(
        told(&format!("{{{own}, {shared}}}")).0,
        Some(Policy::RegistryOnly)
    );
}
