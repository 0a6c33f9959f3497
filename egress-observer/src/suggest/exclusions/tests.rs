use super::{answer::Already, *};
use crate::flows;
use egress_observer_istio::{manifests::Reading, vocabulary::Actor};

fn cluster(text: &str) -> ExclusionCluster {
    let reading = Reading::of("a.yaml".as_ref(), text);
    ExclusionCluster::new(reading.complete().unwrap())
}

/// A flow of shop/sleep with these further fields.
fn flow(ip: &str, port: u16, fields: &str) -> RecordedFlow {
    let text = format!(
        r#"{{"namespace": "shop", "workload": "sleep", "destination": {{"ip": "{ip}", "port": {port}}}, {fields}}}"#
    );
    flows::parse(text.as_bytes()).unwrap()
}

fn suggest(cluster: &ExclusionCluster, flows: &[RecordedFlow]) -> ExclusionSuggestions {
    let mut exclusions = Exclusions::new(cluster);
    for flow in flows {
        exclusions.add(flow);
    }
    exclusions.suggest()
}

fn ranges(found: &[Suggestion]) -> Vec<String> {
    found.iter().map(|found| found.cidr.to_string()).collect()
}

const METADATA: &str = "169.254.169.254";

#[test]
fn only_what_the_sidecar_got_over_tcp_is_suggested() {
    let cases = [
        (r#""path": "captured", "verdict": "blocked""#, 1),
        (r#""verdict": "passthrough""#, 1),
        (r#""path": "captured", "source": {"actor": "init"}"#, 1),
        (r#""path": "direct", "verdict": "configured_bypass""#, 0),
        (r#""path": "direct", "verdict": "unmeshed""#, 0),
        (r#""path": "direct", "verdict": "unexpected_bypass""#, 0),
        (r#""path": "unknown", "verdict": "unknown""#, 0),
        (r#""path": "captured", "source": {"actor": "proxy"}"#, 0),
        (r#""count": 3"#, 0),
    ];
    for (fields, n) in cases {
        let found = suggest(&ExclusionCluster::default(), &[flow(METADATA, 80, fields)]);
        assert_eq!(found.suggestions.len(), n, "{fields}");
        assert_eq!(found.options.len(), 0, "{fields}");
    }
    let udp = r#"{"pod": "a", "destination": {"ip": "169.254.20.10", "port": 53, "protocol": "udp"}, "path": "captured"}"#;
    let found = suggest(
        &ExclusionCluster::default(),
        &[flows::parse(udp.as_bytes()).unwrap()],
    );
    assert!(found.is_empty());
}

#[test]
fn every_known_address_is_found_and_no_other() {
    let captured = |ip: &str| flow(ip, 80, r#""path": "captured""#);
    let mut flows: Vec<_> = KNOWN
        .iter()
        .map(|known| captured(&known.ip.to_string()))
        .collect();
    flows.extend(["169.254.169.123", "10.0.0.1", "fd00:ec2::1"].map(captured));
    assert_eq!(
        suggest(&ExclusionCluster::default(), &flows)
            .suggestions
            .len(),
        KNOWN.len()
    );
}

#[test]
fn users_are_told_with_how_often_and_what_became_of_it() {
    let flows = [
        flow(METADATA, 80, r#""verdict": "blocked", "count": 12"#),
        flow(
            METADATA,
            443,
            r#""verdict": "passthrough", "count": 2, "source": {"actor": "init"}"#,
        ),
        flow(METADATA, 80, r#""verdict": "unknown", "path": "unknown""#),
        flow(
            "100.100.100.200",
            80,
            r#""verdict": "blocked", "count": 99"#,
        ),
    ];
    let found = suggest(&ExclusionCluster::default(), &flows);
    assert_eq!(
        ranges(&found.suggestions),
        ["100.100.100.200/32", "169.254.169.254/32"]
    );
    let expected = AddressUser {
        namespace: "shop".to_owned(),
        workload: "sleep".to_owned(),
        actors: vec![Actor::App, Actor::Init],
        ports: vec![80, 443],
        connections: 14,
        blocked: 12,
        unproved: 1,
        restart_is_enough: None,
    };
    assert_eq!(found.suggestions[1].used_by, [expected]);
}

#[test]
fn what_goes_around_the_sidecar_already_is_reported_and_what_went_astray_noted() {
    let flows = [
        flow(
            METADATA,
            80,
            r#""path": "direct", "verdict": "configured_bypass", "count": 7"#,
        ),
        flow(
            "168.63.129.16",
            80,
            r#""path": "direct", "verdict": "unexpected_bypass""#,
        ),
        flow(METADATA, 80, r#""count": 3"#),
    ];
    let found = suggest(&ExclusionCluster::default(), &flows);
    let expected = Already {
        cidr: "169.254.169.254/32".parse().unwrap(),
        what: KNOWN[0].what,
        connections: 7,
        workloads: vec!["shop/sleep".to_owned()],
    };
    assert_eq!(found.already, [expected]);
    assert_eq!((found.mesh, found.workloads), (Vec::new(), Vec::new()));
    assert!(
        found.notes[0].contains("against the configuration"),
        "{:?}",
        found.notes
    );
    assert!(
        found.notes[1].starts_with("3 connections to well-known"),
        "{:?}",
        found.notes
    );
}

const API: &str = "kind: Service\nmetadata: {name: kubernetes, namespace: default}\n\
                   spec: {clusterIP: 10.96.0.1}\n---\n";

#[test]
fn the_api_server_is_an_option_unless_somebody_starts_early() {
    let cluster = cluster(API);
    let mediated = r#""path": "captured", "verdict": "mediated""#;
    let found = suggest(&cluster, &[flow("10.96.0.1", 443, mediated)]);
    assert_eq!(ranges(&found.options), ["10.96.0.1/32"]);
    assert_eq!(found.suggestions.len(), 0);
    assert_eq!(found.mesh, [], "an option is in no value");
    // An init container's connections are refused as long as no proxy runs.
    let failed = r#""path": "unknown", "verdict": "unknown", "source": {"actor": "init"}"#;
    let found = suggest(&cluster, &[flow("10.96.0.1", 443, failed)]);
    assert_eq!(ranges(&found.suggestions), ["10.96.0.1/32"]);
    assert_eq!(found.suggestions[0].used_by[0].unproved, 1);
    // Without manifests nothing says whose address it is.
    assert!(
        suggest(
            &ExclusionCluster::default(),
            &[flow("10.96.0.1", 443, mediated)]
        )
        .is_empty()
    );
}

/// A pod of shop/sleep whose proxy starts beside the application.
fn pod(exclude: &str) -> String {
    format!(
        "kind: Pod\nmetadata:\n  name: sleep-6f7c9d-x2x4z\n  namespace: shop\n  labels: {{pod-template-hash: 6f7c9d}}\n  \
         ownerReferences: [{{kind: ReplicaSet, name: sleep-6f7c9d, controller: true}}]\n  \
         annotations: {{sidecar.istio.io/status: '{{\"revision\":\"default\"}}'}}\n\
         spec:\n  initContainers: [{{name: istio-init, image: \"istio/proxyv2:1.27.1\", args: [istio-iptables, \
         -p, \"15001\", -u, \"1337\", -i, \"*\", -x, \"{exclude}\"]}}]\n  \
         containers: [{{name: sleep}}, {{name: istio-proxy, image: \"istio/proxyv2:1.27.1\", args: [proxy, sidecar]}}]\n---\n"
    )
}

fn mesh(name: &str, exclude: &str) -> String {
    format!(
        "kind: Namespace\nmetadata: {{name: shop, labels: {{istio-injection: enabled}}}}\n---\n\
         kind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n\
         data: {{values: '{{\"global\":{{\"proxy\":{{\"excludeIPRanges\":\"{exclude}\"}}}}}}'}}\n---\n"
    )
}

#[test]
fn a_program_that_failed_beside_a_late_proxy_started_early() {
    let cluster = cluster(&[API, &pod("")].concat());
    let flows = [
        flow(
            "10.96.0.1",
            443,
            r#""path": "captured", "verdict": "mediated""#,
        ),
        flow(
            "10.96.0.1",
            443,
            r#""path": "unknown", "verdict": "unknown""#,
        ),
    ];
    assert_eq!(suggest(&cluster, &flows).suggestions.len(), 1);
    assert_eq!(suggest(&cluster, &flows[..1]).options.len(), 1);
}

#[test]
fn values_have_what_is_excluded_today_and_what_is_new() {
    let objects = [
        pod("192.0.2.0/24"),
        mesh("istio-sidecar-injector", "192.0.2.0/24,oops"),
        mesh("istio-sidecar-injector-canary", "169.254.0.0/16"),
    ];
    let cluster = cluster(&objects.concat());
    let found = suggest(&cluster, &[flow(METADATA, 80, r#""verdict": "blocked""#)]);
    let values: Vec<_> = found
        .mesh
        .iter()
        .map(|value| value.value.as_str())
        .collect();
    assert_eq!(
        values,
        ["192.0.2.0/24,169.254.169.254/32", "169.254.0.0/16"]
    );
    assert_eq!(
        found.mesh[0].spellings.helm,
        "--set global.proxy.excludeIPRanges=\"192.0.2.0/24\\,169.254.169.254/32\""
    );
    let [own] = found.workloads.as_slice() else {
        panic!("{:?}", found.workloads)
    };
    assert_eq!(own.value, "192.0.2.0/24,169.254.169.254/32");
    assert!(own.complete);
    assert_eq!(
        own.restart.as_deref(),
        Some("kubectl rollout restart -n shop deployment/sleep")
    );
    assert!(found.notes[0].contains("has `oops`"), "{:?}", found.notes);
}

#[test]
fn where_a_restart_is_enough_nothing_is_added() {
    let objects = [pod(""), mesh("istio-sidecar-injector", "169.254.0.0/16")];
    let cluster = cluster(&objects.concat());
    let found = suggest(
        &cluster,
        &[flow(METADATA, 80, r#""verdict": "passthrough""#)],
    );
    assert_eq!(
        found.suggestions[0].used_by[0].restart_is_enough,
        Some(true)
    );
    assert_eq!((found.mesh, found.workloads), (Vec::new(), Vec::new()));
}

#[test]
fn a_restart_is_enough_where_the_port_is_excluded_today() {
    let mesh =
        mesh("istio-sidecar-injector", "80").replace("excludeIPRanges", "excludeOutboundPorts");
    let cluster = cluster(&[pod(""), mesh].concat());
    for (port, expected) in [(80, true), (81, false)] {
        let found = suggest(&cluster, &[flow(METADATA, port, r#""verdict": "blocked""#)]);
        let settled = found.suggestions[0].used_by[0].restart_is_enough;
        assert_eq!(settled, Some(expected), "{port}");
    }
}

#[test]
fn the_first_pod_stands_for_its_workload() {
    let other = pod("198.51.100.0/24").replace("-x2x4z", "-z9z9z");
    let cluster = cluster(&[pod("192.0.2.0/24"), other].concat());
    let found = suggest(&cluster, &[flow(METADATA, 80, r#""verdict": "blocked""#)]);
    assert_eq!(found.workloads[0].value, "192.0.2.0/24,169.254.169.254/32");
}

#[test]
fn without_manifests_the_values_are_said_to_be_incomplete() {
    let found = suggest(
        &ExclusionCluster::default(),
        &[flow(METADATA, 80, r#""verdict": "blocked""#)],
    );
    assert_eq!(found.mesh[0].revision, None);
    assert!(!found.workloads[0].complete);
    assert!(found.notes[0].contains("not known"), "{:?}", found.notes);
}

#[test]
fn names_do_not_steer_a_terminal() {
    let line = r#"{"namespace": "a\u001b[31m", "workload": "b\n# c", "verdict": "blocked", "destination": {"ip": "169.254.169.254", "port": 80}}"#;
    let found = suggest(
        &ExclusionCluster::default(),
        &[flows::parse(line.as_bytes()).unwrap()],
    );
    let text = found.to_string();
    assert!(
        !text.contains('\u{1b}') && !text.contains("\n# c"),
        "{text}"
    );
    assert!(text.contains("a\\u{1b}[31m/b\\u{a}# c"), "{text}");
}
