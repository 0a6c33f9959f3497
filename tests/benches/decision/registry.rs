//! A registry of a given size, and a plain scan over the same objects.

use std::net::{IpAddr, Ipv4Addr};

use egress_observer_istio::{
    objects::{ServiceEntryObject, ServiceObject, Sidecar, VirtualService},
    registry::Registry,
    vocabulary::host::covers,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Whose view is asked for.
pub(crate) const NAMESPACE: &str = "team-1";

/// `n` ServiceEntries of two hosts each, every fifth of them with a wildcard, in a hundred
/// namespaces, for HTTPS; every tenth with an address, every hundredth with a range. As many Services
/// with a cluster IP; a VirtualService for every fifth host; two Sidecars in each namespace but the
/// client's, up to two hundred.
pub(crate) struct SampleWorld {
    entries: Vec<ServiceEntryObject>,
    services: Vec<ServiceObject>,
    rules: Vec<VirtualService>,
    sidecars: Vec<Sidecar>,
}

impl SampleWorld {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            entries: (0..n).map(entry).collect(),
            services: (0..n).map(service).collect(),
            rules: (0..n / 5).map(rule).collect(),
            sidecars: (0..n / 50).map(sidecar).collect(),
        }
    }

    /// All of it, indexed.
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        self.sidecars.iter().for_each(|it| registry.set_sidecar(it));
        let entries = self.entries.iter();
        entries.for_each(|it| registry.set_service_entry(it));
        let services = self.services.iter();
        services.for_each(|it| registry.set_service(it, Vec::new()));
        let rules = self.rules.iter();
        rules.for_each(|it| registry.set_virtual_service(it));
        registry
    }

    /// Takes an entry, a Service and a rule in again.
    pub(crate) fn replace(&self, registry: &mut Registry, i: usize) {
        registry.set_service_entry(&self.entries[i]);
        registry.set_service(&self.services[i], Vec::new());
        registry.set_virtual_service(&self.rules[i % self.rules.len()]);
    }

    /// How many objects declare a name or an address on a port: every host of every object, one
    /// after the other.
    pub(crate) fn scan(&self, name: Option<&str>, ip: IpAddr, port: u16) -> usize {
        let of_entries = self.entries.iter().filter(|entry| {
            let spec = &entry.spec;
            let named = |name| spec.hosts.iter().any(|host| covers(host, name));
            let text = ip.to_string();
            let has_port = spec.ports.iter().any(|own| own.number == port);
            has_port && name.map_or_else(|| spec.addresses.contains(&text), named)
        });
        let of_services = self.services.iter().filter(|service| {
            let has_port = service.spec.ports.iter().any(|own| own.port == port);
            has_port && service.spec.cluster_ip == ip.to_string()
        });
        let named = |rule: &&VirtualService| {
            name.is_some_and(|name| rule.spec.hosts.iter().any(|host| covers(host, name)))
        };
        of_entries.count() + of_services.count() + self.rules.iter().filter(named).count()
    }
}

/// What is asked about.
pub(crate) fn address(i: usize) -> IpAddr {
    Ipv4Addr::new(172, 16, (i >> 8) as u8, i as u8).into()
}

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("a well-formed object")
}

fn metadata(kind: &str, i: usize) -> Value {
    let (minute, second) = (i / 60 % 60, i % 60);
    json!({
        "name": format!("{kind}-{i}"), "namespace": format!("team-{}", i % 100),
        "creationTimestamp": format!("2025-01-01T00:{minute:02}:{second:02}Z"),
    })
}

fn entry(i: usize) -> ServiceEntryObject {
    let second = if i.is_multiple_of(5) {
        "*.wild"
    } else {
        "second"
    };
    let (high, low) = (i >> 8 & 255, i & 255);
    let addresses = match i {
        i if i.is_multiple_of(100) => vec![format!("10.{high}.{low}.0/24")],
        i if i.is_multiple_of(10) => vec![format!("172.16.{high}.{low}")],
        _ => Vec::new(),
    };
    read(json!({
        "metadata": metadata("entry", i),
        "spec": {
            "hosts": [format!("first-{i}.example.com"), format!("{second}-{i}.example.com")],
            "addresses": addresses,
            "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
        },
    }))
}

fn service(i: usize) -> ServiceObject {
    read(json!({
        "metadata": metadata("service", i),
        "spec": {
            "clusterIP": format!("10.{}.{}.{}", 96 + (i >> 16), i >> 8 & 255, i & 255),
            "ports": [{"name": "https", "port": 443}, {"name": "http", "port": 80}],
        },
    }))
}

fn rule(i: usize) -> VirtualService {
    let host = format!("first-{}.example.com", i * 5);
    read(json!({
        "metadata": metadata("rule", i),
        "spec": {
            "hosts": [host],
            "tls": [{
                "match": [{"sniHosts": [host]}],
                "route": [{"destination": {"host": host, "port": {"number": 443}}}],
            }],
        },
    }))
}

fn sidecar(i: usize) -> Sidecar {
    let mut metadata = metadata("sidecar", i);
    metadata["namespace"] = json!(format!("team-{}", 2 + i % 98));
    read(json!({
        "metadata": metadata,
        "spec": {
            "workloadSelector": {"labels": {"app": format!("app-{i}")}},
            "egress": [{"hosts": ["./*", "istio-system/*"]}],
        },
    }))
}
