//! A registry of a given size, to time.

use super::list::Linear;
use crate::{objects, registry::store::Registry};

/// A registry of a given size, and what it takes to time it.
#[derive(Debug)]
pub struct SampleRegistry {
    linear: Linear,
}

impl SampleRegistry {
    /// `n` ServiceEntries of two hosts each, every fifth of them with a wildcard, in a hundred
    /// namespaces, for HTTPS; every tenth with an address, every hundredth with a range.
    pub fn new(n: usize) -> Self {
        Self {
            linear: Linear {
                service_entries: (0..n).map(entry).collect(),
                ..Linear::default()
            },
        }
    }

    /// All of it, indexed.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        for entry in &self.linear.service_entries {
            registry.set_service_entry(entry);
        }
        registry
    }

    /// All of it, not indexed.
    pub fn linear(&self) -> &Linear {
        &self.linear
    }

    /// Takes one of its entries in again.
    pub fn replace(&self, registry: &mut Registry, i: usize) {
        registry.set_service_entry(&self.linear.service_entries[i]);
    }

    /// Shows every namespace only its own entries, by a Sidecar in the root namespace.
    pub fn restrict(&self, registry: &mut Registry) {
        registry.set_sidecar(&objects::Sidecar {
            metadata: objects::Metadata {
                name: "default".to_owned(),
                namespace: "istio-system".to_owned(),
                ..objects::Metadata::default()
            },
            spec: objects::SidecarSpec {
                egress: vec![objects::EgressListener {
                    hosts: vec!["./*".to_owned()],
                    ..objects::EgressListener::default()
                }],
                ..objects::SidecarSpec::default()
            },
        });
    }
}

fn entry(i: usize) -> objects::ServiceEntryObject {
    let second = if i.is_multiple_of(5) {
        "*.wild"
    } else {
        "second"
    };
    let addresses = match i {
        i if i.is_multiple_of(100) => vec![format!("10.{}.{}.0/24", i >> 8 & 255, i & 255)],
        i if i.is_multiple_of(10) => vec![format!("172.16.{}.{}", i >> 8 & 255, i & 255)],
        _ => Vec::new(),
    };
    objects::ServiceEntryObject {
        metadata: objects::Metadata {
            name: format!("entry-{i}"),
            namespace: format!("team-{}", i % 100),
            creation_timestamp: format!("2025-01-01T00:{:02}:{:02}Z", i / 60 % 60, i % 60),
            ..objects::Metadata::default()
        },
        spec: objects::ServiceEntrySpec {
            hosts: vec![
                format!("first-{i}.example.com"),
                format!("{second}-{i}.example.com"),
            ],
            addresses,
            ports: vec![objects::ServicePort {
                number: 443,
                name: "tls".to_owned(),
                protocol: "TLS".to_owned(),
                target_port: 0,
            }],
            ..objects::ServiceEntrySpec::default()
        },
        status: objects::ServiceEntryStatus::default(),
    }
}
