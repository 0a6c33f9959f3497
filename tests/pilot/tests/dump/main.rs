//! The writer against a real istiod: `sent.json` is what one sent to its sidecar, without what decides
//! nothing about where connections go. It was one of before 1.15, whose virtual hosts have ports.
#![cfg(test)]

use std::path::Path;

use egress_observer_pilot::config::{Action, Chain, Filter};
use egress_observer_pilot::{Client, Config, Order, Version, objects, write};
use serde_json::{Value, json};

fn read(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/dump")
        .join(name);
    objects::read_file(&path).unwrap()
}

fn written() -> Config {
    let client = Client::new("mesh", Version(14));
    write(&read("manifests.yaml"), &client, Order::Forward)
}

fn chain(chain: &Chain) -> Value {
    let mut matching = json!({});
    if !chain.matching.server_names.is_empty() {
        matching["server_names"] = json!(chain.matching.server_names);
    }
    if chain.matching.is_for_http {
        matching["transport_protocol"] = json!("raw_buffer");
        matching["application_protocols"] = json!(["http/1.1", "h2c"]);
    }
    let to = match &chain.filter {
        Filter::Tcp(clusters) => &clusters[0].0,
        Filter::Http(name) => name,
    };
    json!({"match": matching, "to": to})
}

#[test]
fn listeners_are_those_that_istiod_sent() {
    let config = written();
    let mut listeners: Vec<Value> = config
        .listeners
        .iter()
        .map(|listener| {
            json!({
                "name": format!("{}_{}", listener.address, listener.port),
                "chains": listener.chains.iter().map(chain).collect::<Vec<_>>(),
                "default": listener.default.as_ref().map(chain),
            })
        })
        .collect();
    listeners.sort_by_key(|listener| listener["name"].to_string());
    assert_eq!(json!(listeners), read("sent.json")[0]["listeners"]);
}

#[test]
fn routes_are_those_that_istiod_sent() {
    let config = written();
    let routes: Vec<Value> = config
        .routes
        .iter()
        .map(|(name, routes)| {
            let hosts: Vec<Value> = routes
                .virtual_hosts
                .iter()
                .map(|host| {
                    let to = match &host.routes[0].action {
                        Action::Clusters(clusters) => clusters[0].0.clone(),
                        Action::Answer(status) => status.to_string(),
                    };
                    json!({"name": host.name, "domains": host.domains, "to": to})
                })
                .collect();
            json!({"name": name, "virtual_hosts": hosts})
        })
        .collect();
    assert_eq!(json!(routes), read("sent.json")[0]["routes"]);
}

#[test]
fn clusters_are_those_that_istiod_sent() {
    let clusters: Vec<String> = written().clusters.into_keys().collect();
    assert_eq!(json!(clusters), read("sent.json")[0]["clusters"]);
}
