//! Real connections through a real Envoy, and the product's answers, beside the oracle's.
//!
//! Part of `cargo xtask test`; `EGRESS_OBSERVER_ENVOY` and `EGRESS_OBSERVER_BIN` name the programs.
//! `cargo xtask differential --registry` runs the same with other seeds and more cases, and prints what
//! differs with the few objects that it needs.
#![cfg(test)]

use std::env;
use std::path::PathBuf;

use egress_observer_pilot::compare::{self, Report};
use egress_observer_pilot::generate::{self, Destination, World};
use egress_observer_pilot::real::{self, Compared};
use egress_observer_pilot::{Client, Order, Version, write};
use serde_json::json;

/// The seed of all tests here.
const SEED: u64 = 1;
/// Connections that are made at least.
const N_CONNECTIONS: usize = 5_000;
/// Connections that are made at most, for what seldom happens.
const MOST_CONNECTIONS: usize = 4 * N_CONNECTIONS;
/// How often each way of arriving comes up at least: a run in which something never happens does not
/// tell anything about it.
const N_OF_EACH: usize = 5;
/// Clusters of which the product is asked.
const N_CASES: u64 = 500;

fn program(variable: &str) -> PathBuf {
    env::var_os(variable)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{variable} is not set: see CONTRIBUTING.md"))
}

#[test]
fn real_connections_arrive_where_the_matcher_says() {
    let envoy = program("EGRESS_OBSERVER_ENVOY");
    let mut whole = Compared::default();
    let mut case = 0;
    while whole.n_connections < N_CONNECTIONS
        || (seldom(&whole).is_some() && whole.n_connections < MOST_CONNECTIONS)
    {
        let world = generate::world(SEED, case);
        let compared = real::case(&envoy, &world).unwrap();
        for difference in &compared.differences {
            println!("--seed {SEED} --case {case}: {difference}");
        }
        whole.add(compared);
        case += 1;
    }
    println!(
        "{} connections: {:?}",
        whole.n_connections, whole.n_by_arrival
    );
    assert!(whole.differences.is_empty());
    assert_eq!(seldom(&whole), None);
}

/// A way of arriving that came up less often than it has to.
fn seldom(compared: &Compared) -> Option<&'static str> {
    let mut all = ["cluster", "passthrough", "closed", "silence", "502", "503"].into_iter();
    all.find(|arrival| {
        let n = compared.n_by_arrival.get(*arrival).copied();
        n.unwrap_or_default() < N_OF_EACH
    })
}

/// What random clusters have too seldom: a listener that takes everything for HTTP, routes that take no
/// request.
#[test]
fn what_a_sidecar_answers_itself_is_what_the_matcher_says() {
    let envoy = program("EGRESS_OBSERVER_ENVOY");
    let manifests = json!([
        {
            "kind": "Sidecar", "metadata": {"name": "own", "namespace": "shop"},
            "spec": {"egress": [{"bind": "198.18.0.1", "hosts": ["*/*"]}]},
        },
        {
            "kind": "ServiceEntry", "metadata": {"name": "api", "namespace": "shop"},
            "spec": {
                "hosts": ["api.example.com"], "resolution": "DNS",
                "ports": [{"number": 8080, "name": "http", "protocol": "HTTP"}],
            },
        },
        {
            "kind": "VirtualService", "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"hosts": ["api.example.com"], "http": [{
                "match": [{"headers": {"x-user": {"exact": "me"}}}],
                "route": [{"destination": {"host": "api.example.com"}}],
            }]},
        },
    ]);
    let destinations = ["api.example.com", "other.example.com"].map(|name| Destination {
        name: Some(name.to_owned()),
        to: "198.18.0.1:8080".parse().unwrap(),
    });
    let world = World {
        manifests: manifests.as_array().unwrap().clone(),
        client: Client::new("shop", Version::LATEST),
        destinations: destinations.to_vec(),
    };
    let compared = real::case(&envoy, &world).unwrap();
    assert!(
        compared.differences.is_empty(),
        "{:?}",
        compared.differences
    );
    for arrival in ["400", "404", "passthrough", "silence"] {
        assert!(compared.n_by_arrival.contains_key(arrival), "{arrival}");
    }
}

#[test]
fn a_wrong_configuration_is_noticed() {
    let envoy = program("EGRESS_OBSERVER_ENVOY");
    let mut n_noticed = 0;
    for case in 0..8 {
        let mut world = generate::world(SEED, case);
        world.destinations.truncate(8);
        let sent = write(&world.manifests, &world.client, Order::Forward);
        let mut believed = sent.clone();
        believed.listeners.clear();
        let compared = real::compare(&envoy, &world, &sent, &believed).unwrap();
        n_noticed += usize::from(!compared.differences.is_empty());
        if n_noticed == 3 {
            return;
        }
    }
    panic!("noticed {n_noticed} times");
}

#[test]
fn the_product_says_what_the_oracle_says() {
    let binary = program("EGRESS_OBSERVER_BIN");
    let mut report = Report::default();
    for case in 0..N_CASES {
        compare::case(&binary, SEED, case, &mut report).unwrap();
    }
    for found in report.disagreements.iter().take(20) {
        println!(
            "--seed {SEED} --case {}: {}: {}",
            found.case, found.destination, found.why
        );
    }
    println!(
        "{} answers, {} unknown, {} right for some clients, {} disagree",
        report.n_answers,
        report.n_unknown,
        report.n_depends,
        report.disagreements.len()
    );
    assert!(report.disagreements.is_empty());
    // Whoever knows nothing is never wrong.
    assert!(report.n_unknown * 10 < report.n_answers);
}
