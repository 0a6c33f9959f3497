//! VirtualServices and Sidecars on a port of HTTP: the cases of `TestSidecarRoutes`.

use egress_observer_pilot::config::Action;
use egress_observer_pilot::{Client, Order, Version, write};
use serde_json::{Value, json};

const KNOWN: &str = "known.default.svc.cluster.local";
const ALT: &str = "alt-known.default.svc.cluster.local";
const NOT: &str = "not-default.not-default.svc.cluster.local";

/// Services that every case has.
fn services() -> Vec<Value> {
    let service = |name: &str, namespace: &str, address: &str| {
        json!({
            "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {"clusterIP": address, "ports": [
                {"port": 80, "name": "http-one"}, {"port": 8080, "name": "http-two"},
            ]},
        })
    };
    vec![
        service("known", "default", "2.0.0.0"),
        service("alt-known", "default", "2.0.0.1"),
        service("not-default", "not-default", "2.0.0.2"),
    ]
}

/// A VirtualService: namespace, hosts, destination. The first of a case is the oldest.
type Route = (&'static str, &'static [&'static str], &'static str);

struct Case {
    what: &'static str,
    from: &'static str,
    port: &'static str,
    routes: &'static [Route],
    /// The hosts of a Sidecar in the client's namespace.
    egress: &'static [&'static str],
    /// Domains and the cluster that they lead to; nothing if there is no such domain.
    expected: &'static [(&'static str, Option<&'static str>)],
}

const CASES: &[Case] = &[
    Case {
        what: "a service's own",
        from: "default",
        port: "80",
        routes: &[("default", &[KNOWN], ALT)],
        egress: &[],
        expected: &[(
            KNOWN,
            Some("outbound|80||alt-known.default.svc.cluster.local"),
        )],
    },
    Case {
        what: "the port is the listener's",
        from: "default",
        port: "8080",
        routes: &[("default", &[KNOWN], ALT)],
        egress: &[],
        expected: &[(
            KNOWN,
            Some("outbound|8080||alt-known.default.svc.cluster.local"),
        )],
    },
    Case {
        what: "hosts that no service has are on port 80",
        from: "default",
        port: "80",
        routes: &[("default", &["foo.example"], "foo.example")],
        egress: &[],
        expected: &[("foo.example", Some("outbound|80||foo.example"))],
    },
    Case {
        what: "and nowhere else",
        from: "default",
        port: "8080",
        routes: &[("default", &["foo.example"], "foo.example")],
        egress: &[],
        expected: &[("foo.example", None)],
    },
    Case {
        what: "whoever's namespace it is in",
        from: "not-default",
        port: "8080",
        routes: &[("arbitrary", &[KNOWN], ALT)],
        egress: &[],
        expected: &[(
            KNOWN,
            Some("outbound|8080||alt-known.default.svc.cluster.local"),
        )],
    },
    Case {
        what: "the oldest wins, not the own",
        from: "not-default",
        port: "80",
        routes: &[
            ("arbitrary", &[KNOWN], "arbitrary.example"),
            ("default", &[KNOWN], "default.example"),
            ("not-default", &[KNOWN], "not-default.example"),
        ],
        egress: &[],
        expected: &[(KNOWN, Some("outbound|80||arbitrary.example"))],
    },
    Case {
        what: "a wildcard that no service is below",
        from: "default",
        port: "80",
        routes: &[("default", &["*.unknown.example"], "arbitrary.example")],
        egress: &[],
        expected: &[
            (
                ALT,
                Some("outbound|80||alt-known.default.svc.cluster.local"),
            ),
            (KNOWN, Some("outbound|80||known.default.svc.cluster.local")),
            ("*.unknown.example", Some("outbound|80||arbitrary.example")),
        ],
    },
    Case {
        what: "a wildcard that services are below is theirs alone",
        from: "default",
        port: "80",
        routes: &[("default", &["*.cluster.local"], "arbitrary.example")],
        egress: &["*/*.cluster.local"],
        expected: &[
            (ALT, Some("outbound|80||arbitrary.example")),
            (KNOWN, Some("outbound|80||arbitrary.example")),
            ("*.cluster.local", None),
        ],
    },
    Case {
        what: "the exact host before an older wildcard",
        from: "default",
        port: "80",
        routes: &[
            ("default", &["*.cluster.local"], "wild.example"),
            ("default", &[KNOWN], "explicit.example"),
        ],
        egress: &[],
        expected: &[
            (ALT, Some("outbound|80||wild.example")),
            (KNOWN, Some("outbound|80||explicit.example")),
            ("*.cluster.local", None),
        ],
    },
    Case {
        what: "and before a younger one",
        from: "default",
        port: "80",
        routes: &[
            ("default", &[KNOWN], "explicit.example"),
            ("default", &["*.cluster.local"], "wild.example"),
        ],
        egress: &[],
        expected: &[
            (ALT, Some("outbound|80||wild.example")),
            (KNOWN, Some("outbound|80||explicit.example")),
        ],
    },
    Case {
        what: "a wildcard comes with any host below it",
        from: "default",
        port: "80",
        routes: &[
            ("default", &["*.cluster.local"], "wild.example"),
            ("default", &[KNOWN], "explicit.example"),
        ],
        egress: &[
            "default/known.default.svc.cluster.local",
            "default/alt-known.default.svc.cluster.local",
        ],
        expected: &[
            (ALT, Some("outbound|80||wild.example")),
            (KNOWN, Some("outbound|80||explicit.example")),
            ("*.cluster.local", None),
        ],
    },
    Case {
        what: "but not from a namespace that is not imported",
        from: "default",
        port: "80",
        routes: &[
            ("not-default", &["*.cluster.local"], "wild.example"),
            ("default", &[KNOWN], "explicit.example"),
        ],
        egress: &[
            "default/known.default.svc.cluster.local",
            "default/alt-known.default.svc.cluster.local",
        ],
        expected: &[
            (
                ALT,
                Some("outbound|80||alt-known.default.svc.cluster.local"),
            ),
            (KNOWN, Some("outbound|80||explicit.example")),
        ],
    },
    Case {
        what: "hosts that no service has are as they are written",
        from: "default",
        port: "80",
        routes: &[
            ("default", &["*.tld"], "wild.example"),
            ("default", &["example.tld"], "explicit.example"),
        ],
        egress: &[],
        expected: &[
            (KNOWN, Some("outbound|80||known.default.svc.cluster.local")),
            ("*.tld", Some("outbound|80||wild.example")),
            ("example.tld", Some("outbound|80||explicit.example")),
        ],
    },
    Case {
        what: "a wildcard of hosts that no service has, by an exact import",
        from: "default",
        port: "80",
        routes: &[("default", &["*.example.org"], "arbitrary.example")],
        egress: &[
            "*/explicit.example.org",
            "*/alt-known.default.svc.cluster.local",
        ],
        expected: &[
            (KNOWN, None),
            (
                ALT,
                Some("outbound|80||alt-known.default.svc.cluster.local"),
            ),
            ("*.example.org", Some("outbound|80||arbitrary.example")),
        ],
    },
    Case {
        what: "services below a wildcard that are not imported",
        from: "not-default",
        port: "80",
        routes: &[
            (
                "not-default",
                &["*.default.svc.cluster.local"],
                "arbitrary.example",
            ),
            (
                "default",
                &["explicit.default.svc.cluster.local"],
                "explicit.example",
            ),
        ],
        egress: &[
            "not-default/*.default.svc.cluster.local",
            "not-default/not-default.not-default.svc.cluster.local",
        ],
        expected: &[
            (
                "*.default.svc.cluster.local",
                Some("outbound|80||arbitrary.example"),
            ),
            ("explicit.default.svc.cluster.local", None),
            (
                NOT,
                Some("outbound|80||not-default.not-default.svc.cluster.local"),
            ),
        ],
    },
    Case {
        what: "no route without a service on the port",
        from: "default",
        port: "80",
        routes: &[("default", &["foo.default.svc.cluster.local"], "example.com")],
        egress: &["*/foo.default.svc.cluster.local"],
        expected: &[("foo.default.svc.cluster.local", None)],
    },
    Case {
        what: "a host that is not imported comes with one that is",
        from: "default",
        port: "80",
        routes: &[("default", &[KNOWN, ALT], "example.com")],
        egress: &["*/known.default.svc.cluster.local"],
        expected: &[
            (KNOWN, Some("outbound|80||example.com")),
            (ALT, Some("outbound|80||example.com")),
        ],
    },
];

fn manifests(case: &Case) -> Vec<Value> {
    let mut manifests = services();
    for (age, (namespace, hosts, to)) in case.routes.iter().enumerate() {
        manifests.push(json!({
            "kind": "VirtualService",
            "metadata": {
                "name": format!("route-{age}"), "namespace": namespace,
                "creationTimestamp": format!("2026-01-01T00:00:0{age}Z"),
            },
            "spec": {"hosts": hosts, "http": [{"route": [{"destination": {"host": to}}]}]},
        }));
    }
    if !case.egress.is_empty() {
        manifests.push(json!({
            "kind": "Sidecar", "metadata": {"name": "own", "namespace": case.from},
            "spec": {"egress": [{"hosts": case.egress}]},
        }));
    }
    manifests
}

#[test]
fn hosts_lead_where_istios_simulation_has_them() {
    for case in CASES {
        for order in [Order::Forward, Order::Backward] {
            let client = Client::new(case.from, Version::LATEST);
            let config = write(&manifests(case), &client, order);
            let hosts = config
                .routes
                .get(case.port)
                .map(|routes| routes.virtual_hosts.as_slice())
                .unwrap_or_default();
            for (domain, expected) in case.expected {
                let of_domain = hosts
                    .iter()
                    .find(|host| host.domains.iter().any(|own| own == domain));
                let found = of_domain.map(|host| match &host.routes[0].action {
                    Action::Clusters(clusters) => clusters[0].0.clone(),
                    Action::Answer(status) => status.to_string(),
                });
                assert_eq!(found.as_deref(), *expected, "{}: {domain}", case.what);
            }
        }
    }
}
