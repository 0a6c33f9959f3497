//! The writer and the matcher on cases whose answers are those of Istio's own simulations of sidecars
//! (`sidecar_simulation_test.go` and `serviceentry_simulation_test.go` in `pilot/pkg/networking/core`), and on
//! conflicts of listeners (`listener_test.go`). `*.yaml` here: manifests, a client, and calls.
#![cfg(test)]

mod routes;

use std::net::SocketAddr;
use std::path::Path;

use egress_observer_pilot::matcher::{Envoy, Fate, Says};
use egress_observer_pilot::{Client, Order, Version, objects, write};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    #[serde(default = "default_namespace")]
    namespace: String,
    #[serde(default = "latest")]
    version: String,
    #[serde(default)]
    dns_capture: bool,
    #[serde(default)]
    labels: objects::Labels,
    objects: Vec<Value>,
    calls: Vec<String>,
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn latest() -> String {
    "latest".to_owned()
}

/// `http NAME`, `tls NAME`, `tls`, `bytes`, `nothing`.
fn says(text: &str) -> Says {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("http", host) => Says::Http(host.to_owned()),
        ("tls", "") => Says::Tls(None),
        ("tls", name) => Says::Tls(Some(name.to_owned())),
        ("bytes", "") => Says::Bytes,
        ("nothing", "") => Says::Nothing,
        _ => panic!("{text}: no way to begin"),
    }
}

fn short(fate: &Fate) -> String {
    match fate {
        Fate::To(clusters) => clusters
            .iter()
            .map(|cluster| cluster.trim_start_matches("outbound|").to_owned())
            .collect::<Vec<_>>()
            .join(" or "),
        Fate::Missing(cluster) => format!("no {}", cluster.trim_start_matches("outbound|")),
        Fate::Answer(status) => status.to_string(),
        Fate::Waits => "waits".to_owned(),
    }
}

fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/rules")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Case> = serde_saphyr::from_multiple(&text).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let mut client = Client::new(&case.namespace, Version::parse(&case.version).unwrap());
        client.dns_capture = case.dns_capture;
        client.labels = case.labels;
        for order in [Order::Forward, Order::Backward] {
            let config = write(&case.objects, &client, order);
            let envoy = Envoy::new(&config);
            for call in &case.calls {
                let (asked, expected) = call.split_once(" => ").unwrap();
                let (to, begin) = asked.split_once(' ').unwrap();
                let to: SocketAddr = to.parse().unwrap();
                let outcome = envoy.ask(to, &says(begin));
                assert_eq!(
                    short(&outcome.fate),
                    expected,
                    "{}: {asked} ({outcome})",
                    case.what
                );
            }
        }
    }
}

#[test]
fn services_of_kubernetes_are_reached_as_in_istios_simulation() {
    check("services.yaml");
}

#[test]
fn unknown_traffic_goes_where_istios_simulation_has_it() {
    check("unknown.yaml");
}

#[test]
fn addresses_of_entries_decide_as_in_istios_simulation() {
    check("entries.yaml");
}

#[test]
fn conflicts_of_listeners_end_as_in_istio() {
    check("conflicts.yaml");
}

#[test]
fn what_is_seen_and_in_which_order_is_as_in_istio() {
    check("scopes.yaml");
}
