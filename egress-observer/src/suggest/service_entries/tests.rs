//! From lines and objects to suggestions.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    answer::{SuggestedEntry, WhyNotSuggested},
    *,
};
use crate::{
    flows,
    service_entry::{AppProtocol, NewServiceEntry},
};
use egress_observer_istio::{
    manifests::{Object, Reading},
    registry::{Fate, Match, RegistryQuery, Viewer},
    view::{Snapshot, live::Live},
    vocabulary::{Protocol, Verdict},
};

/// A connection as an agent records it, with these fields of its destination besides.
fn flow(namespace: &str, destination: Value) -> Value {
    let mut line = json!({
        "namespace": namespace, "pod": format!("{namespace}/sleep-1"), "workload": "sleep",
        "source": {"actor": "app"}, "registry": "undeclared", "verdict": "blocked",
        "destination": {"ip": "198.18.0.1", "port": 443, "protocol": "tcp", "scope": "external"},
    });
    for (field, value) in destination.as_object().unwrap() {
        line["destination"][field] = value.clone();
    }
    line
}

fn to(host: &str, ip: &str, port: u16) -> Value {
    flow("shop", json!({"host": host, "ip": ip, "port": port}))
}

fn with(mut line: Value, fields: Value) -> Value {
    for (field, value) in fields.as_object().unwrap() {
        line[field] = value.clone();
    }
    line
}

fn service_entry(namespace: &str, name: &str, spec: Value) -> Object {
    let object = json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec});
    Object::ServiceEntry(serde_json::from_value(object).unwrap())
}

fn suggested(
    lines: &[Value],
    settings: &EntrySettings,
    objects: Option<Vec<Object>>,
) -> Suggestions {
    let known = objects.map(|objects| KnownMesh::new(objects, &[]));
    let mut observer = Observer::new(settings, known.as_ref());
    for line in lines {
        observer.add(&flows::parse(line.to_string().as_bytes()).unwrap());
    }
    let observed = observer.finish();
    let differences = known.is_some();
    suggest(&observed, settings, known, differences)
}

/// Namespace, name, hosts, ports and addresses.
fn entries(suggestions: &Suggestions) -> Vec<String> {
    let text = |entry: &SuggestedEntry| {
        let NewServiceEntry {
            namespace,
            name,
            hosts,
            addresses,
            ports,
            export_to,
            resolution,
            ..
        } = &entry.manifest;
        let ports: Vec<_> = ports.iter().map(|port| port.name.clone()).collect();
        let [hosts, ports, addresses, export_to] =
            [hosts, &ports, addresses, export_to].map(|all| all.join(","));
        let resolution = resolution.as_str();
        format!("{namespace}/{name} {hosts} {ports} [{addresses}] {export_to} {resolution}")
    };
    suggestions.entries.iter().map(text).collect()
}

fn refusals(suggestions: &Suggestions) -> Vec<WhyNotSuggested> {
    let all = suggestions.not_suggested.iter();
    all.map(|refused| refused.reason).collect()
}

#[test]
fn a_host_has_one_entry_for_names_and_one_for_addresses() {
    let lines = [
        to("DB.example.com", "198.18.0.2", 5432),
        to("db.example.com", "198.18.0.1", 5432),
        to("db.example.com", "2001:db8::1", 5432),
        to("db.example.com", "198.18.0.1", 80),
        to("db.example.com", "198.18.0.9", 443),
        to("mq.example.com", "198.18.0.3", 5671),
    ];
    let expected = [
        "shop/db-example-com db.example.com http-80,tls-443 [] . DNS",
        "shop/db-example-com-tcp db.example.com tcp-5432 \
         [198.18.0.1,198.18.0.2,2001:db8::1] . DNS",
        "shop/mq-example-com mq.example.com tcp-5671 [198.18.0.3] . DNS",
    ];
    let found = suggested(&lines, &EntrySettings::default(), None);
    assert_eq!(entries(&found), expected);
}

#[test]
fn an_entry_goes_where_it_is_used_or_where_it_is_asked_for() {
    let of = |namespace: &str| flow(namespace, json!({"host": "a.test"}));
    let both = [of("shop"), of("bank")];
    let infra = EntrySettings {
        in_namespace: Some("infra".parse().unwrap()),
        ..EntrySettings::default()
    };
    let shop = EntrySettings {
        in_namespace: Some("shop".parse().unwrap()),
        ..EntrySettings::default()
    };
    let some = EntrySettings {
        export_to: Some("bank,.".parse().unwrap()),
        ..infra.clone()
    };
    let only = EntrySettings {
        namespaces: vec!["bank".parse().unwrap()],
        ..EntrySettings::default()
    };
    let cases: [(&[Value], &EntrySettings, &[&str]); 6] = [
        (
            &both,
            &EntrySettings::default(),
            &[
                "bank/a-test a.test tls-443 [] . DNS",
                "shop/a-test a.test tls-443 [] . DNS",
            ],
        ),
        (&both, &infra, &["infra/a-test a.test tls-443 [] * DNS"]),
        (&both, &shop, &["shop/a-test a.test tls-443 [] * DNS"]),
        (&both[..1], &shop, &["shop/a-test a.test tls-443 [] . DNS"]),
        (&both, &some, &["infra/a-test a.test tls-443 [] bank,. DNS"]),
        (&both, &only, &["bank/a-test a.test tls-443 [] . DNS"]),
    ];
    for (lines, settings, expected) in cases {
        let found = suggested(lines, settings, None);
        assert_eq!(entries(&found), expected);
    }
    let found = suggested(&both, &some, None);
    let notes = ["exportTo leaves out shop, which uses it"];
    assert_eq!(found.entries[0].notes, notes);
}

#[test]
fn what_cannot_be_suggested_says_why() {
    let cases = [
        (
            flow("shop", json!({"names": ["b.test", "a.test"]})),
            WhyNotSuggested::AmbiguousName,
        ),
        (flow("shop", json!({})), WhyNotSuggested::NoName),
        (
            flow("shop", json!({"host": "a.test", "protocol": "udp"})),
            WhyNotSuggested::Udp,
        ),
        (
            flow("shop", json!({"host": "a.test", "ip": null, "port": 22})),
            WhyNotSuggested::NoAddress,
        ),
        (
            flow("shop", json!({"host": "a_b.test"})),
            WhyNotSuggested::InvalidHost,
        ),
        (
            flow("Shop\n", json!({"host": "a.test"})),
            WhyNotSuggested::InvalidNamespace,
        ),
        (
            with(
                to("a.test", "198.18.0.1", 443),
                json!({"registry": "unknown", "verdict": "unknown"}),
            ),
            WhyNotSuggested::NotTold,
        ),
        (
            with(
                to("a.test", "198.18.0.1", 443),
                json!({"registry": null, "verdict": null}),
            ),
            WhyNotSuggested::NotTold,
        ),
    ];
    for (line, reason) in cases {
        let found = suggested(std::slice::from_ref(&line), &EntrySettings::default(), None);
        assert!(found.entries.is_empty(), "{line}");
        assert_eq!(refusals(&found), [reason], "{line}");
    }
}

#[test]
fn what_needs_no_entry_is_passed_over() {
    let line = || to("a.test", "198.18.0.1", 443);
    let lines = [
        with(line(), json!({"registry": "service_entry"})),
        with(line(), json!({"registry": "cluster"})),
        with(line(), json!({"source": {"actor": "proxy"}})),
        with(line(), json!({"source": {"container": "istio-proxy"}})),
        flow("shop", json!({"host": "a.test", "scope": "cluster"})),
        flow(
            "shop",
            json!({"host": "web.bank.svc.cluster.local", "scope": null}),
        ),
        flow("shop", json!({"host": "web", "scope": null})),
        flow("shop", json!({"ip": "169.254.169.254", "scope": null})),
        flow("shop", json!({"ip": "::1", "scope": null})),
    ];
    for line in lines {
        let found = suggested(std::slice::from_ref(&line), &EntrySettings::default(), None);
        assert_eq!(found.entries.len() + found.not_suggested.len(), 0, "{line}");
    }
}

#[test]
fn only_verdicts_that_are_asked_for_count() {
    let settings = EntrySettings {
        verdicts: vec![Verdict::Passthrough],
        ..EntrySettings::default()
    };
    let lines = [
        to("a.test", "198.18.0.1", 443),
        with(
            to("b.test", "198.18.0.1", 443),
            json!({"verdict": "passthrough", "count": u64::MAX}),
        ),
        with(
            to("b.test", "198.18.0.1", 443),
            json!({"verdict": "passthrough"}),
        ),
    ];
    let found = suggested(&lines, &settings, None);
    assert_eq!(entries(&found), ["shop/b-test b.test tls-443 [] . DNS"]);
    assert_eq!(found.entries[0].connections, u64::MAX);
}

#[test]
fn a_wildcard_takes_the_hosts_below_it_and_no_tcp() {
    let settings = EntrySettings {
        wildcards: ["*.example.com", "*.eu.example.com", "*.other.test"]
            .map(|wildcard| wildcard.parse().unwrap())
            .to_vec(),
        ..EntrySettings::default()
    };
    let lines = [
        to("a.example.com", "198.18.0.1", 443),
        to("b.example.com", "198.18.0.2", 80),
        to("c.eu.example.com", "198.18.0.3", 443),
        to("a.example.com", "198.18.0.1", 5432),
        to("example.com", "198.18.0.1", 443),
    ];
    let expected = [
        "shop/wildcard-eu-example-com *.eu.example.com tls-443 [] . NONE",
        "shop/wildcard-example-com *.example.com http-80,tls-443 [] . NONE",
        "shop/a-example-com a.example.com tcp-5432 [198.18.0.1] . DNS",
        "shop/example-com example.com tls-443 [] . DNS",
    ];
    let found = suggested(&lines, &settings, None);
    assert_eq!(entries(&found), expected);
    assert_eq!(found.unused_wildcards, ["*.other.test"]);
    assert_eq!(found.entries[1].hosts, ["a.example.com", "b.example.com"]);
}

#[test]
fn an_address_has_an_entry_where_that_is_asked_for() {
    let settings = EntrySettings {
        include_addresses: true,
        ..EntrySettings::default()
    };
    let lines = [
        flow("shop", json!({"ip": "198.18.0.1"})),
        flow("shop", json!({"ip": "198.18.0.1", "port": 22})),
        flow("shop", json!({"ip": "2001:db8::", "port": 80})),
    ];
    let expected = [
        "shop/198-18-0-1-external 198-18-0-1.external tcp-22,tls-443 [198.18.0.1] . NONE",
        "shop/2001-db8-0-0-0-0-0-0-external 2001-db8-0-0-0-0-0-0.external http-80 \
         [2001:db8::] . NONE",
    ];
    assert_eq!(entries(&suggested(&lines, &settings, None)), expected);
}

#[test]
fn a_protocol_that_is_given_decides_what_an_entry_needs() {
    let settings = EntrySettings {
        protocols: [
            (9000, AppProtocol::parse("grpc").unwrap()),
            (443, AppProtocol::parse("tcp").unwrap()),
        ]
        .into(),
        ..EntrySettings::default()
    };
    let lines = [
        to("a.test", "198.18.0.1", 9000),
        to("b.test", "198.18.0.1", 443),
    ];
    let expected = [
        "shop/a-test a.test grpc-9000 [] . DNS",
        "shop/b-test b.test tcp-443 [198.18.0.1] . DNS",
    ];
    let found = suggested(&lines, &settings, None);
    assert_eq!(entries(&found), expected);
    assert_eq!(found.entries[0].guessed, [] as [u16; 0]);
}

#[test]
fn what_todays_objects_declare_is_left_out() {
    let exported = json!({"hosts": ["a.test"], "exportTo": ["."],
        "ports": [{"number": 443, "protocol": "TLS"}]});
    let objects = || vec![service_entry("shop", "a-test", exported.clone())];
    let lines = [
        to("a.test", "198.18.0.1", 443),
        to("a.test", "198.18.0.1", 80),
        flow("bank", json!({"host": "a.test"})),
    ];
    let found = suggested(&lines, &EntrySettings::default(), Some(objects()));
    let names: Vec<_> = entries(&found);
    assert_eq!(names[0], "bank/a-test a.test tls-443 [] . DNS");
    assert_eq!(names[1], "shop/a-test a.test tls-443,http-80 [] . NONE");
    let near = |entry: &SuggestedEntry| entry.near[0].because.clone();
    assert_eq!(
        near(&found.entries[0]),
        "its exportTo leaves out the client's namespace"
    );
    assert_eq!(near(&found.entries[1]), "it declares another port: 443");
    let notes = found.entries.iter().map(|entry| entry.notes.clone());
    let extended = "ServiceEntry shop/a-test as it is, with what is new".to_owned();
    assert_eq!(notes.collect::<Vec<_>>(), [vec![], vec![extended]]);
    // Several names, of which each is declared.
    let names = flow("shop", json!({"names": ["a.test", "b.test"]}));
    let wide = json!({"hosts": ["*.test"], "ports": [{"number": 443, "protocol": "TLS"}]});
    let objects = vec![service_entry("shop", "all", wide)];
    let found = suggested(&[names], &EntrySettings::default(), Some(objects));
    assert_eq!(found.entries.len() + found.not_suggested.len(), 0);
}

/// What is there, what is asked for, what becomes of it, words of its notes.
type Beside = (
    &'static [(&'static str, &'static str, &'static str)],
    u16,
    &'static str,
    &'static str,
);

#[test]
fn an_entry_beside_others_of_its_host_takes_nothing_from_them() {
    let tls = r#"{"number": 443, "name": "tls", "protocol": "TLS"}"#;
    let cases: [Beside; 6] = [
        (
            &[("shop", "api", r#""resolution": "NONE""#)],
            8443,
            "shop/api a.test tls,tls-8443 []  NONE",
            "as it is, with what is new",
        ),
        (
            &[(
                "shop",
                "api",
                r#""resolution": "DNS", "exportTo": ["*"], "subjectAltNames": ["x"]"#,
            )],
            8443,
            "shop/a-test a.test tls-8443 [] * DNS",
            "so that Istio merges both",
        ),
        (
            &[("shop", "api", r#""resolution": "DNS", "exportTo": ["*"]"#)],
            5432,
            "shop/a-test a.test tcp-5432 [198.18.0.1] * DNS",
            "so that Istio merges both",
        ),
        (
            &[("shared", "api", r#""resolution": "NONE""#)],
            8443,
            "shop/a-test a.test tls,tls-8443 [] . NONE",
            "in shop it hides ServiceEntry shared/api (ports 443)",
        ),
        (
            &[("shared", "api", r#""exportTo": ["."]"#)],
            8443,
            "shop/a-test a.test tls-8443 [] . DNS",
            "",
        ),
        (
            &[(
                "shared",
                "api",
                r#""resolution": "STATIC", "endpoints": [{"address": "192.0.2.1"}]"#,
            )],
            8443,
            "",
            "",
        ),
    ];
    for (there, port, expected, note) in cases {
        let objects = there.iter().map(|(namespace, name, more)| {
            let spec = format!(r#"{{"hosts": ["a.test"], "ports": [{tls}], {more}}}"#);
            service_entry(namespace, name, serde_json::from_str(&spec).unwrap())
        });
        let objects: Vec<Object> = objects.collect();
        let line = to("a.test", "198.18.0.1", port);
        let found = suggested(&[line], &EntrySettings::default(), Some(objects.clone()));
        let what = format!("{there:?}: {found}");
        if expected.is_empty() {
            assert_eq!(refusals(&found), [WhyNotSuggested::HasEndpoints], "{what}");
            continue;
        }
        assert_eq!(entries(&found), [expected], "{what}");
        let notes = found.entries[0].notes.join("; ");
        assert!(notes.contains(note), "{what}");
        assert!(!notes.contains("breaks"), "{what}");
        let after = with_suggested(objects, &found);
        for port in [443, port] {
            if port != 443 || there[0].2 != r#""exportTo": ["."]"# {
                assert!(is_known(&after, port), "{port}: {what}");
            }
        }
    }
}

#[test]
fn nothing_is_suggested_for_what_a_service_has() {
    let service = json!({"metadata": {"name": "reviews", "namespace": "shop"},
        "spec": {"clusterIP": "10.96.0.20", "ports": [{"name": "http", "port": 9080}]}});
    let objects = || {
        vec![Object::Service(
            serde_json::from_value(service.clone()).unwrap(),
        )]
    };
    let settings = EntrySettings {
        include_addresses: true,
        ..EntrySettings::default()
    };
    let lines = [
        flow("shop", json!({"ip": "10.96.0.20", "port": 8080})),
        flow(
            "shop",
            json!({"host": "reviews.shop", "ip": "10.96.0.20", "port": 8080}),
        ),
    ];
    for line in lines {
        let found = suggested(std::slice::from_ref(&line), &settings, Some(objects()));
        assert_eq!(
            refusals(&found),
            [WhyNotSuggested::Service],
            "{line}: {found}"
        );
        assert!(found.entries.is_empty(), "{line}: {found}");
    }
}

/// The cluster with what is suggested: objects of a name replace each other.
fn with_suggested(mut objects: Vec<Object>, found: &Suggestions) -> Snapshot {
    for mut new in read(&found.to_string()) {
        new.metadata_mut().creation_timestamp = "2030-01-01T00:00:00Z".to_owned();
        objects.push(new);
    }
    Live::of(objects, &[]).into_snapshot()
}

/// Whether the namespace's sidecars route the host at a port to itself.
fn is_known(snapshot: &Snapshot, port: u16) -> bool {
    let viewer = Viewer {
        namespace: "shop",
        ..Viewer::default()
    };
    let to = RegistryQuery {
        ip: Some("198.18.0.1".parse().unwrap()),
        host: Some("a.test"),
        port,
        protocol: Protocol::Tcp,
    };
    let matched = snapshot.registry.lookup(&viewer, &to);
    matches!(matched, Match::Declared(hit) if hit.routed.fate == Fate::AsDialled)
}

#[test]
fn without_a_record_todays_objects_tell_what_is_undeclared() {
    let line = with(
        to("a.test", "198.18.0.1", 443),
        json!({"registry": null, "verdict": null}),
    );
    let found = suggested(&[line], &EntrySettings::default(), Some(Vec::new()));
    assert_eq!(entries(&found), ["shop/a-test a.test tls-443 [] . DNS"]);
}

#[test]
fn an_entry_that_does_not_help_says_so() {
    // Envoy goes by the range first, and does not come back for the name.
    let range = json!({"hosts": ["b.test"], "addresses": ["198.18.0.0/24"],
        "ports": [{"number": 443, "protocol": "TLS"}]});
    let objects = vec![service_entry("shop", "range", range)];
    let lines = [to("a.test", "198.18.0.1", 443)];
    let found = suggested(&lines, &EntrySettings::default(), Some(objects));
    let [note] = &found.entries[0].notes[..] else {
        panic!("{found:?}")
    };
    let expected = "not enough for shop/sleep to a.test@198.18.0.1:443: ServiceEntry shop/range: ";
    assert!(note.starts_with(expected), "{note}");
}

#[test]
fn hosts_with_one_listener_are_told() {
    let lines = [
        to("a.test", "198.18.0.1", 22),
        to("b.test", "198.18.0.1", 22),
        to("c.test", "198.18.0.2", 22),
    ];
    let found = suggested(&lines, &EntrySettings::default(), None);
    let notes: Vec<_> = found
        .entries
        .iter()
        .map(|entry| entry.notes.len())
        .collect();
    assert_eq!(notes, [1, 1, 0]);
    let expected = "198.18.0.1 port 22 is b.test's, too: the older entry gets all connections";
    assert_eq!(found.entries[0].notes[0], expected);
}

#[test]
fn differences_are_what_to_add_to_change_to_keep_and_what_nobody_asked_for() {
    let tls = |host: &str| json!({"hosts": [host], "ports": [{"number": 443, "protocol": "TLS"}]});
    let objects = vec![
        service_entry("shop", "kept", tls("kept.test")),
        service_entry("shop", "lacks", tls("lacks.test")),
        service_entry("shop", "maybe", tls("maybe.test")),
        service_entry("shop", "unused", tls("unused.test")),
    ];
    let lines = [
        to("new.test", "198.18.0.1", 443),
        with(
            to("kept.test", "198.18.0.1", 443),
            json!({"registry": "service_entry", "verdict": "mediated", "count": 5}),
        ),
        with(to("lacks.test", "198.18.0.1", 80), json!({"count": 2})),
        flow("shop", json!({"names": ["maybe.test", "else.test"]})),
        flow("shop", json!({"ip": "198.18.0.7"})),
    ];
    let found = suggested(&lines, &EntrySettings::default(), Some(objects));
    let told: Vec<_> = found
        .differences
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "+ ServiceEntry shop/new-test (new.test): 1 connection: for 443 (TLS)",
        "~ ServiceEntry shop/lacks (lacks.test): 2 connections: not for 80 (HTTP): it declares \
         another port: 443",
        "= ServiceEntry shop/kept (kept.test): 5 connections",
        "= ServiceEntry shop/maybe (maybe.test): 0 connections, and 1 perhaps",
        "- ServiceEntry shop/unused (unused.test): nobody asked for it in these flows, unless one \
         of 1 connection without a known name was for it",
    ];
    assert_eq!(told, expected);
}

#[test]
fn names_from_outside_stay_in_their_comment() {
    let mut line = to("a.test", "198.18.0.1", 443);
    line["workload"] = "x\nkind: Secret\u{1b}[31m\u{2028}é".into();
    line["lastTime"] = "now\nkind: Secret".into();
    let objects = vec![service_entry(
        "shop",
        "near\nkind: Secret",
        json!({"hosts": ["a.test"], "ports": [{"number": 80, "protocol": "HTTP"}]}),
    )];
    let mut refused = flow("shop\nkind: Secret", json!({"host": "a.test"}));
    refused["pod"] = Value::Null;
    let found = suggested(&[line, refused], &EntrySettings::default(), Some(objects));
    let text = found.to_string();
    assert!(
        text.contains(r"x\nkind: Secret\u{1b}[31m\u{2028}\u{e9}"),
        "{text}"
    );
    assert!(
        text.bytes()
            .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
    );
    let n_kinds = text
        .lines()
        .filter(|line| line.starts_with("kind:"))
        .count();
    assert_eq!(n_kinds, 1, "{text}");
    for difference in found.differences.iter().flatten() {
        assert!(!difference.to_string().contains('\n'));
    }
}

/// The objects of YAML.
fn read(text: &str) -> Vec<Object> {
    let reading = Reading::of("suggested.yaml".as_ref(), text);
    reading.complete().unwrap()
}

fn host() -> impl Strategy<Value = Option<String>> {
    let host = prop_oneof![
        "[a-z0-9]([a-z0-9-]{0,3}[a-z0-9])?\\.[a-z0-9]{1,3}\\.[a-z]{2,4}",
        "(a|b|a-b)(\\.|-)(test|b\\.test|e1\\.e2x)",
    ];
    prop::option::weighted(0.9, host)
}

#[test]
fn where_the_proxy_answers_dns_a_name_leads_to_the_address_of_its_entry() {
    let pod = json!({
        "metadata": {"name": "sleep-1", "namespace": "shop"},
        "spec": {
            "initContainers": [
                {"name": "istio-init", "args": ["istio-iptables", "-i", "*", "--redirect-dns"]},
            ],
            "containers": [{"name": "sleep"}, {"name": "istio-proxy", "args": ["proxy", "sidecar"]}],
        },
    });
    let entry = json!({
        "hosts": ["db.test"], "addresses": ["203.0.113.7"],
        "ports": [{"number": 5432, "name": "tcp", "protocol": "TCP"}],
    });
    let objects = vec![
        Object::Pod(serde_json::from_value(pod).unwrap()),
        service_entry("shop", "db", entry),
    ];
    let line = flow("shop", json!({"host": "db.test", "ip": null, "port": 5432}));
    let found = suggested(&[line], &EntrySettings::default(), Some(objects));
    assert_eq!(refusals(&found), []);
    let differences = found.differences.unwrap();
    let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        differences,
        ["= ServiceEntry shop/db (db.test): 1 connection"]
    );
}

proptest! {
    /// With the YAML applied, every connection that it is for is declared, and nothing is suggested
    /// any more.
    #[test]
    fn what_is_suggested_is_enough_and_is_suggested_once(
        wanted in prop::collection::vec((
            "shop|bank", host(), 1_u8..6, any::<bool>(),
            prop_oneof![Just(80), Just(443), Just(8443), Just(5432), 1_u16..],
        ), 1..12),
        infra in any::<bool>(), wildcard in any::<bool>(), today in any::<bool>(),
    ) {
        let lines = wanted.iter().map(|(namespace, host, ip, six, port)| {
            let ip = if *six { format!("2001:db8::{ip}") } else { format!("198.18.0.{ip}") };
            flow(namespace, json!({"host": host, "ip": ip, "port": port}))
        });
        let lines: Vec<_> = lines.collect();
        let settings = EntrySettings {
            in_namespace: infra.then(|| "infra".parse().unwrap()),
            wildcards: wildcard.then(|| "*.b.test".parse().unwrap()).into_iter().collect(),
            include_addresses: true,
            ..EntrySettings::default()
        };
        let found = suggested(&lines, &settings, today.then(Vec::new));
        prop_assert!(found.not_suggested.is_empty());
        let objects = read(&found.to_string());
        prop_assert_eq!(objects.len(), found.entries.len());
        let snapshot = Live::of(objects.clone(), &[]).into_snapshot();
        for line in &lines {
            let flow = flows::parse(line.to_string().as_bytes()).unwrap();
            let viewer = Viewer { namespace: &flow.from.namespace, ..Viewer::default() };
            let to = RegistryQuery {
                ip: flow.to.ip, host: flow.to.host.as_deref(),
                port: flow.to.port, protocol: Protocol::Tcp,
            };
            let matched = snapshot.registry.lookup(&viewer, &to);
            prop_assert!(matches!(matched, Match::Declared(_)), "{line}: {matched:?}\n{found}");
        }
        let again = suggested(&lines, &settings, Some(objects));
        prop_assert_eq!(entries(&again), Vec::<String>::new());
    }

    #[test]
    fn no_flow_makes_it_panic(
        host in "[a-zA-Z0-9._-]{0,12}", namespace in ".{0,8}", workload in ".{0,8}", port in 1_u16..,
        ip in prop::option::of("(198\\.18\\.0\\.[1-9]|2001:db8::[1-9])"), time in ".{0,8}",
    ) {
        let line = json!({"namespace": namespace, "workload": workload, "lastTime": time,
            "registry": "undeclared", "count": u64::MAX,
            "destination": {"host": host, "ip": ip, "port": port}});
        if let Ok(flow) = flows::parse(line.to_string().as_bytes()) {
            let settings = EntrySettings { include_addresses: true, ..EntrySettings::default() };
            let mut observer = Observer::new(&settings, None);
            observer.add(&flow);
            observer.add(&flow);
            let found = suggest(&observer.finish(), &settings, None, false);
            prop_assert_eq!(read(&found.to_string()).len(), found.entries.len());
        }
    }
}
