//! Which entry takes a connection.

use std::collections::BTreeMap;

use super::*;

fn entry(protocol: &str, port: u16, host: &str, addresses: &[&str]) -> Value {
    json!({
        "hosts": [host], "addresses": addresses,
        "ports": [{"number": port, "protocol": protocol}],
    })
}

#[test]
fn udp_never_matches() {
    let registry = registry(&[
        ("shop", "dns", entry("UDP", 53, "a.test", &["192.0.2.1"])),
        ("shop", "tcp", entry("TCP", 54, "b.test", &["192.0.2.1"])),
    ]);
    expect(&registry, &[("192.0.2.1:53", "no"), ("a.test:53", "no")]);
    let to = RegistryQuery {
        protocol: Protocol::Udp,
        ..destination("192.0.2.1:54")
    };
    assert_eq!(
        registry.lookup(&SHOP, &to),
        Match::Undeclared {
            http: false,
            headless: false,
        }
    );
}

#[test]
fn http_goes_by_host_wherever_it_goes_to() {
    for protocol in ["HTTP", "HTTP2", "GRPC", "GRPC-Web"] {
        let registry = registry(&[("shop", "e", entry(protocol, 80, "a.test", &["192.0.2.1"]))]);
        expect(
            &registry,
            &[
                ("a.test:80", "shop/e a.test host"),
                ("a.test=203.0.113.9:80", "shop/e a.test host"),
                ("b.test=192.0.2.1:80", "no, http"),
                ("A.TEST.:80", "shop/e a.test host"),
                ("a.test:81", "no"),
            ],
        );
    }
}

#[test]
fn an_address_of_an_http_entry_stands_for_its_host() {
    let with_endpoints = json!({
        "hosts": ["b.test"], "resolution": "STATIC",
        "ports": [{"number": 80, "protocol": "HTTP", "targetPort": 8080}],
        "endpoints": [{"address": "192.0.2.9"}, {"address": "elsewhere.test"}],
    });
    let registry = registry(&[
        ("shop", "a", entry("HTTP", 80, "a.test", &["192.0.2.1"])),
        ("shop", "b", with_endpoints),
        (
            "shop",
            "c",
            entry("HTTP", 80, "c.test", &["198.51.100.0/24"]),
        ),
    ]);
    expect(
        &registry,
        &[
            ("192.0.2.1:80", "shop/a a.test address"),
            // The client asks for the host, or for the address, which is no name of it.
            ("198.51.100.7:80", "name, http true, tls false"),
            ("192.0.2.9:80", "name, http true, tls false"),
            ("c.test=198.51.100.7:80", "shop/c c.test host"),
            ("192.0.2.2:80", "no, http"),
            // The port of the endpoint is not one that clients dial.
            ("192.0.2.9:8080", "no"),
        ],
    );
    let literal = RegistryQuery {
        host: Some("192.0.2.1"),
        ..destination("192.0.2.1:80")
    };
    assert_eq!(
        words(registry.lookup(&SHOP, &literal)),
        "shop/a a.test address"
    );
}

#[test]
fn http_and_tls_without_addresses_need_a_name() {
    let registry = registry(&[
        ("shop", "h", entry("HTTP", 80, "a.test", &[])),
        ("shop", "t", entry("TLS", 443, "a.test", &[])),
    ]);
    expect(
        &registry,
        &[
            ("192.0.2.1:80", "name, http true, tls false"),
            ("192.0.2.1:443", "name, http false, tls true"),
            ("192.0.2.1:81", "no"),
        ],
    );
}

#[test]
fn tls_without_addresses_goes_by_sni() {
    for protocol in ["TLS", "HTTPS"] {
        let registry = registry(&[("shop", "e", entry(protocol, 443, "a.test", &[]))]);
        expect(
            &registry,
            &[
                ("a.test=192.0.2.1:443", "shop/e a.test sni"),
                ("a.test:443", "shop/e a.test sni"),
                ("b.test=192.0.2.1:443", "no"),
            ],
        );
    }
}

#[test]
fn tls_with_an_address_goes_by_the_address_and_asks_for_no_name() {
    let registry = registry(&[("shop", "e", entry("TLS", 443, "a.test", &["192.0.2.1/32"]))]);
    expect(
        &registry,
        &[
            ("192.0.2.1:443", "shop/e a.test address"),
            ("other.test=192.0.2.1:443", "shop/e a.test address"),
            ("a.test=192.0.2.2:443", "no"),
            ("a.test:443", "address of a.test"),
        ],
    );
}

#[test]
fn tls_with_ranges_goes_by_the_longest_and_the_name() {
    let registry = registry(&[
        (
            "shop",
            "wide",
            entry("TLS", 443, "wide.test", &["192.0.0.0/16"]),
        ),
        (
            "shop",
            "narrow",
            entry("TLS", 443, "narrow.test", &["192.0.2.0/24"]),
        ),
        ("shop", "anywhere", entry("TLS", 443, "anywhere.test", &[])),
    ]);
    expect(
        &registry,
        &[
            ("192.0.2.1:443", "name, http false, tls true"),
            ("wide.test=192.0.3.1:443", "shop/wide wide.test range"),
            ("narrow.test=192.0.2.1:443", "shop/narrow narrow.test range"),
            // No way back from an address to another name.
            ("wide.test=192.0.2.1:443", "no"),
            ("anywhere.test=192.0.2.1:443", "no"),
            (
                "anywhere.test=203.0.113.1:443",
                "shop/anywhere anywhere.test sni",
            ),
        ],
    );
}

#[test]
fn tcp_goes_by_address_then_by_the_longest_range_then_by_port() {
    let registry = registry(&[
        ("shop", "any", entry("TCP", 5432, "any.test", &[])),
        (
            "shop",
            "wide",
            entry("TCP", 5432, "wide.test", &["192.0.0.0/16"]),
        ),
        (
            "shop",
            "narrow",
            entry("TCP", 5432, "narrow.test", &["192.0.2.0/24"]),
        ),
        (
            "shop",
            "one",
            entry("TCP", 5432, "one.test", &["192.0.2.1"]),
        ),
    ]);
    expect(
        &registry,
        &[
            ("192.0.2.1:5432", "shop/one one.test address"),
            ("192.0.2.2:5432", "shop/narrow narrow.test range"),
            ("192.0.3.1:5432", "shop/wide wide.test range"),
            ("203.0.113.1:5432", "shop/any any.test port"),
            ("2001:db8::1:5432", "shop/any any.test port"),
            ("one.test=192.0.2.2:5432", "shop/narrow narrow.test range"),
        ],
    );
}

#[test]
fn tcp_without_addresses_takes_every_destination_on_its_port() {
    for protocol in ["TCP", "MONGO", "MYSQL", "REDIS"] {
        let registry = registry(&[
            ("shop", "first", entry(protocol, 9000, "first.test", &[])),
            ("shop", "second", entry(protocol, 9000, "second.test", &[])),
        ]);
        expect(
            &registry,
            &[
                ("203.0.113.7:9000", "shop/first first.test port"),
                (
                    "elsewhere.test=203.0.113.7:9000",
                    "shop/first first.test port",
                ),
                ("second.test:9000", "shop/first first.test port"),
                ("203.0.113.7:9001", "no"),
            ],
        );
    }
}

#[test]
fn tcp_and_http_share_a_port_and_the_first_bytes_tell() {
    let tcp = ("shop", "tcp", entry("TCP", 80, "tcp.test", &[]));
    let http = ("shop", "http", entry("HTTP", 80, "http.test", &[]));
    for both in [[tcp.clone(), http.clone()], [http, tcp]] {
        expect(
            &registry(&both),
            &[
                ("http.test:80", "shop/http http.test host"),
                ("192.0.2.1:80", "name, http true, tls false"),
                // On port 80 clients speak HTTP.
                ("other.test:80", "no, http"),
                ("tcp.test:80", "name, http true, tls true"),
            ],
        );
    }
}

#[test]
fn a_sniffed_port_goes_by_name_and_takes_what_has_none_as_tcp() {
    let registry = registry(&[
        ("shop", "any", entry("", 7000, "any.test", &[])),
        ("shop", "one", entry("", 7001, "one.test", &["192.0.2.1"])),
    ]);
    expect(
        &registry,
        &[
            ("192.0.2.1:7000", "name, http true, tls false"),
            ("any.test:7000", "shop/any any.test host"),
            ("other.test=192.0.2.1:7000", "name, http true, tls true"),
            ("192.0.2.1:7001", "shop/one one.test address"),
            ("one.test=192.0.2.2:7001", "no"),
        ],
    );
}

#[test]
fn a_listener_at_an_address_comes_before_http_on_the_port() {
    let registry = registry(&[
        (
            "shop",
            "http",
            entry("HTTP", 80, "http.test", &["192.0.2.1"]),
        ),
        (
            "shop",
            "range",
            entry("TCP", 80, "range.test", &["192.0.2.0/24"]),
        ),
        ("shop", "tcp", entry("TCP", 80, "tcp.test", &["192.0.2.1"])),
    ]);
    expect(
        &registry,
        &[
            ("http.test=192.0.2.1:80", "shop/tcp tcp.test address"),
            ("http.test=192.0.2.2:80", "shop/range range.test range"),
            ("http.test=192.0.3.1:80", "shop/http http.test host"),
        ],
    );
}

#[test]
fn every_host_counts_and_the_nearest_wins() {
    let spec = json!({
        "hosts": ["a.foo.com", "*.foo.com", "*.b.foo.com"],
        "ports": [{"number": 443, "protocol": "TLS"}],
    });
    let wide = entry("TLS", 443, "*.com", &[]);
    let registry = registry(&[("shop", "wide", wide), ("shop", "e", spec)]);
    expect(
        &registry,
        &[
            ("A.Foo.Com:443", "shop/e a.foo.com sni"),
            ("x.foo.com:443", "shop/e *.foo.com sni"),
            ("b.foo.com:443", "shop/e *.foo.com sni"),
            ("x.b.foo.com:443", "shop/e *.b.foo.com sni"),
            ("foo.com:443", "shop/wide *.com sni"),
            ("foo.org:443", "no"),
        ],
    );
}

#[test]
fn wildcards_match_by_name_whatever_the_resolution() {
    for resolution in ["", "NONE", "DYNAMIC_DNS"] {
        let spec = json!({
            "hosts": ["*.foo.com"], "resolution": resolution,
            "ports": [{"number": 80, "protocol": "HTTP"}],
        });
        let registry = registry(&[("shop", "e", spec)]);
        let cases = [
            ("a.foo.com:80", "shop/e *.foo.com host"),
            ("foo.com:80", "no, http"),
        ];
        expect(&registry, &cases);
    }
}

#[test]
fn an_allocated_address_belongs_to_its_host_alone() {
    let mut object = service_entry(
        "shop",
        "e",
        json!({
            "hosts": ["a.test", "b.test"],
            "resolution": "DNS",
            "ports": [{"number": 443, "protocol": "TLS"}, {"number": 9000, "protocol": "TCP"}],
        }),
    );
    let addresses = json!({"addresses": [
        {"value": "240.240.0.1", "host": "a.test"}, {"value": "240.240.0.2", "host": "b.test"},
    ]});
    object.status = serde_json::from_value(addresses).unwrap();
    let mut registry = Registry::default();
    registry.set_service_entry(&object);
    expect(
        &registry,
        &[
            ("240.240.0.1:443", "name, http false, tls true"),
            ("a.test=240.240.0.1:443", "shop/e a.test sni"),
            ("203.0.113.1:443", "name, http false, tls true"),
            ("203.0.113.1:9000", "shop/e a.test port"),
        ],
    );
    // Where the proxy answers DNS, it listens at the allocated addresses and nowhere else.
    let capturing = Viewer {
        dns_capture: true,
        ..SHOP
    };
    let cases = [
        ("240.240.0.1:443", "shop/e a.test address"),
        ("203.0.113.1:443", "no"),
        ("203.0.113.1:9000", "no"),
        ("b.test:443", "shop/e b.test sni"),
        ("b.test=203.0.113.1:443", "no"),
    ];
    for (to, expected) in cases {
        assert_eq!(ask(&registry, &capturing, to), expected, "{to}");
    }
}

#[test]
fn services_are_known_by_name_and_cluster_ip() {
    let mut registry = Registry::default();
    add_service(
        &mut registry,
        "shop",
        "web",
        json!({
            "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "2001:db8::1"],
            "ports": [
                {"name": "http-web", "port": 80, "protocol": "TCP"},
                {"name": "raw", "port": 81, "protocol": "TCP", "appProtocol": "tcp"},
                {"name": "dns", "port": 53, "protocol": "UDP"},
            ],
        }),
    );
    let name = "shop/web web.shop.svc.cluster.local";
    expect(
        &registry,
        &[
            ("10.96.0.1:80", &format!("{name} address")),
            ("10.96.0.1:81", &format!("{name} address")),
            ("2001:db8::1:81", &format!("{name} address")),
            ("web:80", &format!("{name} host")),
            ("web.shop:81", &format!("{name} host")),
            ("web.shop.svc:80", &format!("{name} host")),
            ("203.0.113.1:80", "no, http"),
            ("203.0.113.1:81", "no"),
            ("10.96.0.1:53", "no"),
        ],
    );
}

#[test]
fn a_service_without_a_cluster_ip_is_known_by_name_only() {
    let mut registry = Registry::default();
    let port = |name: &str| json!([{"name": name, "port": 5432}]);
    let headless = json!({"clusterIP": "None", "ports": port("tcp-db")});
    add_service(&mut registry, "shop", "db", headless);
    let external = json!({"externalName": "db.example.com", "ports": port("http")});
    add_service(&mut registry, "shop", "ext", external);
    expect(
        &registry,
        &[
            ("db.shop:5432", "shop/db db.shop.svc.cluster.local host"),
            ("ext.shop:5432", "no"),
            ("203.0.113.1:5432", "no"),
            ("db.example.com:5432", "no"),
        ],
    );
}

#[test]
fn bad_values_are_remembered_and_left_out() {
    let spec = json!({
        "hosts": ["*", "a.test"], "addresses": ["a.test", "192.0.2.1", "192.0.2.0/40"],
        "ports": [{"number": 443, "protocol": "TLS"}],
    });
    let mut registry = registry(&[("shop", "e", spec)]);
    expect(&registry, &[("192.0.2.1:443", "shop/e a.test address")]);
    let egress = json!({"egress": [{"hosts": ["a.test", "./a*.test", "./*"]}]});
    registry.set_sidecar(&sidecar("shop", "s", egress));
    let problems: Vec<String> = registry.problems().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "ServiceEntry shop/e: spec.addresses: `a.test` is not an address or a CIDR",
            "ServiceEntry shop/e: spec.addresses: `192.0.2.0/40` is not an address or a CIDR",
            "ServiceEntry shop/e: spec.hosts: `*` is not a host, or `*.` and a host",
            "Sidecar shop/s: spec.egress.hosts: `a.test` is not `namespace/dnsName`",
            "Sidecar shop/s: spec.egress.hosts: `./a*.test` is not `namespace/dnsName`",
        ]
    );
}

fn virtual_service(name: &str, spec: Value) -> objects::VirtualService {
    let metadata = json!({"name": name, "namespace": "shop"});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

#[test]
fn a_tcp_rule_for_one_host_below_a_wildcard_misroutes_the_others() {
    let to = |host: &str, resolution: &str| {
        let mut spec = entry("TCP", 9000, host, &["192.0.2.9"]);
        spec["resolution"] = json!(resolution);
        spec
    };
    let wide = entry("TCP", 9000, "*.a.test", &["192.0.2.1"]);
    for (resolution, fate) in [("STATIC", ", Route"), ("NONE", "")] {
        let mut registry = registry(&[
            ("shop", "wide", wide.clone()),
            ("shop", "to", to("to.test", resolution)),
        ]);
        let route = json!({"destination": {"host": "to.test", "port": {"number": 9000}}});
        let spec = json!({"hosts": ["one.a.test"], "tcp": [{"route": [route]}]});
        registry.set_virtual_service(&virtual_service("rule", spec));
        let by_rule = "shop/wide *.a.test address via rule to outbound|9000||to.test";
        expect(
            &registry,
            &[
                ("one.a.test=192.0.2.1:9000", by_rule),
                ("two.a.test=192.0.2.1:9000", &format!("{by_rule}{fate}")),
            ],
        );
    }
}

#[test]
fn what_is_private_comes_before_what_is_exported_up_to_1_30_and_then_by_age() {
    let exported = |host: &str, to: &str| {
        let mut spec = entry("TCP", 9000, host, &[]);
        spec["exportTo"] = json!([to]);
        spec
    };
    let registry = registry(&[
        ("other", "older", exported("older.test", "shop")),
        ("shop", "younger", exported("younger.test", ".")),
    ]);
    for (minor, first) in [
        (30, "shop/younger younger.test"),
        (31, "other/older older.test"),
    ] {
        let viewer = Viewer {
            version: Some(Version(minor)),
            ..SHOP
        };
        let expected = format!("{first} port");
        assert_eq!(
            ask(&registry, &viewer, "192.0.2.7:9000"),
            expected,
            "{minor}"
        );
    }
}

#[test]
fn a_proxy_for_http_knows_hosts_at_their_port_80_and_takes_nothing_else_in() {
    let mut registry = registry(&[
        ("shop", "web", entry("HTTP", 80, "web.test", &[])),
        ("shop", "api", entry("HTTP", 8080, "api.test", &[])),
    ]);
    let proxy = json!({"port": {"number": 3128, "protocol": "HTTP_PROXY"}, "hosts": ["./*"]});
    registry.set_sidecar(&sidecar("shop", "s", json!({"egress": [proxy]})));
    let viewer = Viewer {
        sidecar: registry.sidecar_for("shop", &BTreeMap::new()),
        ..SHOP
    };
    for (to, expected) in [
        ("web.test:3128", "shop/web web.test host"),
        ("api.test:3128", "no, http"),
        ("192.0.2.7:3128", "name, http true, tls false"),
        ("web.test:80", "no"),
    ] {
        assert_eq!(ask(&registry, &viewer, to), expected, "{to}");
    }
}
