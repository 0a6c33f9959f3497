//! Who sees what.

use std::collections::BTreeMap;

use super::{super::Why, *};

fn tls(hosts: &[&str], export_to: &[&str]) -> Value {
    json!({
        "hosts": hosts, "exportTo": export_to,
        "ports": [{"number": 443, "protocol": "TLS"}],
    })
}

#[test]
fn an_entry_is_seen_where_it_is_exported_to() {
    let cases: [(&str, &[&str], bool); 8] = [
        ("other", &[], true),
        ("other", &["*"], true),
        ("other", &["."], false),
        ("shop", &["."], true),
        ("shop", &["~"], false),
        ("other", &["shop"], true),
        ("other", &[".", "third"], false),
        ("shop", &["other"], false),
    ];
    for (namespace, export_to, seen) in cases {
        let registry = registry(&[(namespace, "e", tls(&["a.test"], export_to))]);
        let found = ask(&registry, &SHOP, "a.test:443");
        assert_eq!(found != "no", seen, "{namespace} {export_to:?}");
        let by_address = ask(&registry, &SHOP, "192.0.2.1:443");
        assert_eq!(by_address != "no", seen, "{namespace} {export_to:?}");
    }
}

#[test]
fn the_mesh_says_where_entries_go_that_do_not_say_so() {
    let mut registry = registry(&[
        ("other", "silent", tls(&["a.test"], &[])),
        ("other", "public", tls(&["b.test"], &["*"])),
    ]);
    registry.set_defaults(exported_by_default(&["."]));
    expect(
        &registry,
        &[
            ("a.test:443", "no"),
            ("b.test:443", "other/public b.test sni"),
        ],
    );
    registry.set_defaults(exported_by_default(&["shop"]));
    expect(&registry, &[("a.test:443", "other/silent a.test sni")]);
    registry.set_defaults(RegistryDefaults::default());
    expect(&registry, &[("a.test:443", "other/silent a.test sni")]);
}

#[test]
fn of_one_host_in_several_namespaces_the_own_counts_then_the_oldest() {
    let entries = [
        ("b", "e", tls(&["a.test"], &[])),
        ("a", "e", tls(&["a.test"], &[])),
        ("shop", "e", tls(&["a.test"], &[])),
    ];
    expect(&registry(&entries), &[("a.test:443", "shop/e a.test sni")]);
    expect(
        &registry(&entries[..2]),
        &[("a.test:443", "b/e a.test sni")],
    );
    let mut same_age = Registry::default();
    for (namespace, name, spec) in &entries[..2] {
        same_age.set_service_entry(&service_entry(namespace, name, spec.clone()));
    }
    expect(&same_age, &[("a.test:443", "a/e a.test sni")]);
}

fn egress(hosts: &[&str]) -> Value {
    json!({"egress": [{"hosts": hosts}]})
}

/// Which of a fixed set of hosts a client in `shop` sees through a Sidecar.
fn seen_through(sidecar_namespace: &str, spec: Value) -> String {
    let mut registry = registry(&[
        ("shop", "own", tls(&["own.foo.com", "*.own.foo.com"], &[])),
        ("other", "other", tls(&["other.foo.com"], &[])),
        ("third", "third", tls(&["third.bar.com"], &[])),
    ]);
    registry.set_sidecar(&sidecar(sidecar_namespace, "s", spec));
    let sidecar = registry.sidecar_for("shop", &BTreeMap::new());
    let viewer = Viewer { sidecar, ..SHOP };
    let hosts = [
        "own.foo.com",
        "x.own.foo.com",
        "other.foo.com",
        "third.bar.com",
    ];
    let seen = hosts.iter().filter(|host| {
        let found = ask(&registry, &viewer, &format!("{host}:443"));
        found != "no"
    });
    seen.copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_sidecar_shows_what_its_egress_hosts_say() {
    let own = "own.foo.com x.own.foo.com";
    let all = "own.foo.com x.own.foo.com other.foo.com third.bar.com";
    let cases: [(&[&str], &str); 11] = [
        (&["*/*"], all),
        (&["./*"], own),
        (&["other/*"], "other.foo.com"),
        (&["~/*"], ""),
        (&[], ""),
        (&["*/*.foo.com"], "own.foo.com x.own.foo.com other.foo.com"),
        (&["*/*.own.foo.com"], "x.own.foo.com"),
        (
            &["*/third.bar.com", "./own.foo.com"],
            "own.foo.com third.bar.com",
        ),
        (&["other/third.bar.com"], ""),
        (
            &["*/*", "~other/other.foo.com"],
            "own.foo.com x.own.foo.com third.bar.com",
        ),
        (&["*/*", "~./*"], "other.foo.com third.bar.com"),
    ];
    for (hosts, expected) in cases {
        for namespace in ["shop", "istio-system"] {
            assert_eq!(
                seen_through(namespace, egress(hosts)),
                expected,
                "{hosts:?}"
            );
        }
    }
    assert_eq!(seen_through("shop", json!({})), all);
}

#[test]
fn an_egress_port_holds_for_that_port_and_locks_it() {
    let listeners = |port: u16| {
        json!({"egress": [
            {"port": {"number": port, "protocol": "TLS"}, "hosts": ["./*"]},
            {"hosts": ["other/*"]},
        ]})
    };
    assert_eq!(
        seen_through("shop", listeners(443)),
        "own.foo.com x.own.foo.com"
    );
    assert_eq!(seen_through("shop", listeners(80)), "other.foo.com");
}

#[test]
fn a_sidecar_keeps_out_what_only_a_port_leads_to() {
    let tcp = json!({"hosts": ["db.test"], "ports": [{"number": 5432, "protocol": "TCP"}]});
    let mut registry = registry(&[
        ("other", "db", tcp),
        ("other", "tls", tls(&["a.test"], &[])),
    ]);
    registry.set_sidecar(&sidecar("istio-system", "root", egress(&["./*"])));
    for (namespace, port, expected) in [
        ("shop", 5432, "no"),
        ("shop", 443, "no"),
        ("other", 5432, "other/db db.test port"),
        ("other", 443, "name, http false, tls true"),
    ] {
        let viewer = Viewer {
            namespace,
            sidecar: registry.sidecar_for(namespace, &BTreeMap::new()),
            ..Viewer::default()
        };
        let to = format!("203.0.113.1:{port}");
        assert_eq!(ask(&registry, &viewer, &to), expected, "{namespace} {port}");
    }
}

#[test]
fn exactly_one_sidecar_applies() {
    let mut registry = Registry::default();
    let selecting = |app: &str| json!({"workloadSelector": {"labels": {"app": app}}});
    let mut set = |namespace: &str, name: &str, age: u32, spec: Value| {
        let mut object = sidecar(namespace, name, spec);
        object.metadata.creation_timestamp = format!("2025-01-01T00:00:0{age}Z");
        registry.set_sidecar(&object);
    };
    set("istio-system", "root", 1, json!({}));
    set("istio-system", "root-web", 0, selecting("web"));
    set("shop", "all", 0, json!({}));
    set("shop", "young-web", 3, selecting("web"));
    set("shop", "old-web", 2, selecting("web"));
    set("cart", "web", 1, selecting("web"));
    let applies = |registry: &Registry, namespace: &str, app: &str| {
        let labels = BTreeMap::from([("app".to_owned(), app.to_owned())]);
        let scope = registry.sidecar_for(namespace, &labels);
        scope.map(|scope| scope.object.to_string())
    };
    let cases = [
        ("shop", "web", "Sidecar shop/old-web"),
        ("shop", "db", "Sidecar shop/all"),
        ("cart", "web", "Sidecar cart/web"),
        ("cart", "db", "Sidecar istio-system/root"),
    ];
    for (namespace, app, expected) in cases {
        let found = applies(&registry, namespace, app);
        assert_eq!(found.as_deref(), Some(expected), "{namespace} {app}");
    }
    assert!(registry.remove_sidecar("istio-system", "root"));
    assert!(!registry.remove_sidecar("istio-system", "root"));
    assert_eq!(applies(&registry, "cart", "db"), None);
}

#[test]
fn a_policy_that_is_there_without_a_mode_is_registry_only() {
    let policy = |spec: Value| {
        let mut registry = Registry::default();
        registry.set_sidecar(&sidecar("shop", "s", spec));
        let scope = registry.sidecar_for("shop", &BTreeMap::new()).unwrap();
        let policy = scope.outbound_traffic_policy.clone();
        policy.map(|policy| policy.mode)
    };
    assert_eq!(policy(json!({})), None);
    let empty = json!({"outboundTrafficPolicy": {}});
    assert_eq!(policy(empty).as_deref(), Some("REGISTRY_ONLY"));
    let any = json!({"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}});
    assert_eq!(policy(any).as_deref(), Some("ALLOW_ANY"));
}

#[test]
fn rules_that_a_bypass_voids_are_those_that_name_the_host_most_nearly() {
    let object = |namespace: &str, name: &str, spec: Value| json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec});
    let mut registry = registry(&[("other", "e", tls(&["a.foo.com"], &[]))]);
    let virtual_services = [
        ("shop", "exact", json!({"hosts": ["a.foo.com"]})),
        ("shop", "wide", json!({"hosts": ["*.foo.com"]})),
        (
            "other",
            "also",
            json!({"hosts": ["a.foo.com"], "gateways": ["gw", "mesh"]}),
        ),
        (
            "other",
            "gateway",
            json!({"hosts": ["a.foo.com"], "gateways": ["gw"]}),
        ),
        (
            "other",
            "private",
            json!({"hosts": ["a.foo.com"], "exportTo": ["."]}),
        ),
        ("shop", "short", json!({"hosts": ["web"]})),
    ];
    for (namespace, name, spec) in virtual_services {
        let object = object(namespace, name, spec);
        registry.set_virtual_service(&serde_json::from_value(object).unwrap());
    }
    let destination_rules = [
        ("istio-system", "root", json!({"host": "*.com"})),
        ("other", "theirs", json!({"host": "a.foo.com"})),
        ("third", "unrelated", json!({"host": "a.foo.com"})),
        (
            "shop",
            "some",
            json!({"host": "a.foo.com", "workloadSelector": {"matchLabels": {}}}),
        ),
    ];
    for (namespace, name, spec) in destination_rules {
        let object = object(namespace, name, spec);
        registry.set_destination_rule(&serde_json::from_value(object).unwrap());
    }
    let routes = |registry: &Registry, host: &str| {
        let routes = registry.routes(&SHOP, host);
        routes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        routes(&registry, "a.foo.com"),
        [
            "VirtualService other/also",
            "VirtualService shop/exact",
            "DestinationRule other/theirs",
        ]
    );
    assert_eq!(
        routes(&registry, "b.foo.com"),
        [
            "VirtualService shop/wide",
            "DestinationRule istio-system/root"
        ]
    );
    assert_eq!(
        routes(&registry, "web.shop.svc.cluster.local"),
        ["VirtualService shop/short"]
    );
    assert!(registry.remove_virtual_service("shop", "exact"));
    assert!(registry.remove_virtual_service("other", "also"));
    assert!(registry.remove_destination_rule("other", "theirs"));
    assert_eq!(
        routes(&registry, "a.foo.com"),
        [
            "VirtualService shop/wide",
            "DestinationRule istio-system/root"
        ]
    );
}

#[test]
fn near_misses_say_why() {
    let with = |protocol: &str, addresses: &[&str]| {
        json!({
            "hosts": ["a.foo.com"], "addresses": addresses,
            "ports": [{"number": 443, "protocol": protocol}],
        })
    };
    let why = |spec: Value, to: &str| {
        let registry = registry(&[("other", "e", spec)]);
        let to = destination(to);
        let misses = registry.near_misses(&SHOP, &to);
        misses.into_iter().map(|miss| miss.why).collect::<Vec<_>>()
    };
    assert_eq!(
        why(tls(&["a.foo.com"], &["."]), "a.foo.com:443"),
        [Why::NotExported]
    );
    assert_eq!(
        why(tls(&["a.foo.com"], &[]), "a.foo.com:80"),
        [Why::OtherPorts(vec![443])]
    );
    assert_eq!(
        why(tls(&["*.foo.com"], &[]), "foo.com:443"),
        [Why::WildcardOnly]
    );
    assert_eq!(why(with("UDP", &[]), "a.foo.com:443"), [Why::Udp]);
    let elsewhere = why(with("TLS", &["192.0.2.1"]), "a.foo.com=192.0.2.2:443");
    assert_eq!(elsewhere, [Why::OtherAddress]);
    let renamed = why(with("HTTP", &["192.0.2.1"]), "b.foo.com=192.0.2.1:443");
    assert_eq!(renamed, [Why::OtherName]);
    assert_eq!(why(tls(&["a.foo.com"], &[]), "a.foo.com:443"), []);
}

#[test]
fn near_misses_name_what_comes_first_and_what_hides() {
    let range = |host: &str, range: &str| {
        json!({
            "hosts": [host], "addresses": [range],
            "ports": [{"number": 443, "protocol": "TCP"}],
        })
    };
    let mut registry = registry(&[
        ("other", "wide", range("wide.test", "192.0.0.0/16")),
        ("shop", "narrow", range("narrow.test", "192.0.2.0/24")),
    ]);
    let reasons = |registry: &Registry, viewer: &Viewer<'_>| {
        let misses = registry.near_misses(viewer, &destination("192.0.2.1:443"));
        let said = misses
            .iter()
            .map(|miss| format!("{} {}", miss.host, miss.why));
        said.collect::<Vec<_>>()
    };
    let first = "wide.test ServiceEntry shop/narrow comes first";
    assert_eq!(reasons(&registry, &SHOP), [first]);
    registry.set_sidecar(&sidecar("shop", "s", egress(&["./*"])));
    let sidecar = registry.sidecar_for("shop", &BTreeMap::new());
    let hidden = "wide.test the egress hosts of Sidecar shop/s leave it out";
    assert_eq!(reasons(&registry, &Viewer { sidecar, ..SHOP }), [hidden]);
}

#[test]
fn there_are_at_most_eight_near_misses() {
    let names: Vec<String> = (0..20).map(|i| format!("e{i}")).collect();
    let entries: Vec<(&str, &str, Value)> = names
        .iter()
        .map(|name| ("other", name.as_str(), tls(&["a.test"], &["."])))
        .collect();
    let misses = registry(&entries);
    assert_eq!(
        misses.near_misses(&SHOP, &destination("a.test:443")).len(),
        8
    );
}
