//! One test for each rule, and the index after random histories.

mod changes;
mod edits;
mod random;
mod rules;
mod shows;
mod visibility;

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Fate, Match, Registry, RegistryDefaults, RegistryQuery, Viewer};
use crate::{objects, rules::Version, vocabulary::Protocol};

fn service_entry(namespace: &str, name: &str, spec: Value) -> objects::ServiceEntryObject {
    let metadata = json!({"name": name, "namespace": namespace});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

/// A registry of ServiceEntries named by namespace and name, as old as they stand.
fn registry(entries: &[(&str, &str, Value)]) -> Registry {
    let mut registry = Registry::default();
    for (age, (namespace, name, spec)) in entries.iter().enumerate() {
        let mut object = service_entry(namespace, name, spec.clone());
        object.metadata.creation_timestamp = format!("2025-01-01T00:00:{age:02}Z");
        registry.set_service_entry(&object);
    }
    registry
}

fn sidecar(namespace: &str, name: &str, spec: Value) -> objects::Sidecar {
    let metadata = json!({"name": name, "namespace": namespace});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

/// Adds a Service without endpoints.
fn add_service(registry: &mut Registry, namespace: &str, name: &str, spec: Value) {
    registry.set_service(&service(namespace, name, spec), Vec::new());
}

/// Istio's own defaults, but for `defaultServiceExportTo`.
fn exported_by_default(words: &[&str]) -> RegistryDefaults {
    RegistryDefaults {
        service_export_to: words.iter().map(|word| (*word).to_owned()).collect(),
        ..RegistryDefaults::default()
    }
}

fn service(namespace: &str, name: &str, spec: Value) -> objects::ServiceObject {
    let metadata = json!({"name": name, "namespace": namespace});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

/// `192.0.2.1:80`, `a.test:443`, or both: `a.test=192.0.2.1:443`.
fn destination(text: &str) -> RegistryQuery<'_> {
    let (to, port) = text.rsplit_once(':').unwrap();
    let (host, ip) = match to.split_once('=') {
        Some((host, ip)) => (Some(host), Some(ip.parse().unwrap())),
        None => match to.parse::<IpAddr>() {
            Ok(ip) => (None, Some(ip)),
            Err(_) => (Some(to), None),
        },
    };
    RegistryQuery {
        ip,
        host,
        port: port.parse().unwrap(),
        protocol: Protocol::Tcp,
    }
}

/// The viewer of most tests.
const SHOP: Viewer<'static> = Viewer {
    namespace: "shop",
    labels: None,
    sidecar: None,
    dns_capture: false,
    auto_allocate: false,
    is_v6_only: false,
    is_ambient: false,
    version: None,
    release: None,
};

/// An answer in few words: `namespace/name host by`.
fn words(found: Match<'_>) -> String {
    match found {
        Match::Declared(hit) => {
            let object = &hit.entry.object;
            let (host, by) = (hit.host, hit.by.as_str());
            let mut text = format!("{}/{} {host} {by}", object.namespace, object.name);
            if let Some(rule) = hit.routed.via {
                text.push_str(&format!(" via {} to {}", rule.name, hit.routed.cluster()));
            }
            if hit.routed.fate != Fate::AsDialled {
                text.push_str(&format!(", {:?}", hit.routed.fate));
            }
            text
        }
        Match::AddressNeeded(hit) => format!("address of {}", hit.host),
        Match::Ruled(routed) => format!("only by a rule to {}", routed.cluster()),
        Match::Undeclared { http: false, .. } => "no".to_owned(),
        Match::Undeclared { http: true, .. } => "no, http".to_owned(),
        Match::Refused => "refused".to_owned(),
        Match::NameNeeded { http, tls } => format!("name, http {http}, tls {tls}"),
    }
}

fn ask(registry: &Registry, viewer: &Viewer<'_>, to: &str) -> String {
    words(registry.lookup(viewer, &destination(to)))
}

/// Asks as a client in the namespace `shop`.
fn expect(registry: &Registry, cases: &[(&str, &str)]) {
    for (to, expected) in cases {
        assert_eq!(ask(registry, &SHOP, to), *expected, "{to}");
    }
}
