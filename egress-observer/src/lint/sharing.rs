//! ServiceEntries that want the same listener: a port at every address (`0.0.0.0_<port>`).

use std::collections::HashMap;

use super::{
    code::LintCode,
    entry::{PlacedEntry, protocol},
    finding::LintFinding,
    scene::Scene,
};
use egress_observer_istio::{registry::Registry, vocabulary::PortProtocol};

/// A port that an entry takes at every address.
struct WholePort<'a> {
    entry: &'a PlacedEntry<'a>,
    at: usize,
    number: u16,
}

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let mut ports: Vec<WholePort<'_>> = scene.entries.iter().flat_map(whole_ports).collect();
    // The first by creation wins; files that people write do not say, and then their order counts.
    ports.sort_by_key(|port| {
        let created = &port.entry.object.metadata.creation_timestamp;
        (created.is_empty(), created)
    });
    let registry = &scene.snapshot.registry;
    let mut findings = Vec::new();
    let mut before: HashMap<u16, Vec<&WholePort<'_>>> = HashMap::new();
    for port in &ports {
        let before = before.entry(port.number).or_default();
        let first = before
            .iter()
            .find(|first| first.excludes(port, registry))
            .copied();
        before.push(port);
        let Some(first) = first else {
            continue;
        };
        let number = port.number;
        findings.push(port.entry.place.finding(
            LintCode::PortCollision,
            format!("spec.ports[{}]", port.at),
            number,
            format!(
                "{} has TCP on port {number} at every address, too: a sidecar has one such \
                 listener, the first entry by creation gets it, and the other one is dropped",
                first.entry.place,
            ),
            "give the entries addresses; for TLS, write protocol TLS, which goes by server name",
        ));
    }
    findings
}

fn whole_ports<'a>(entry: &'a PlacedEntry<'a>) -> impl Iterator<Item = WholePort<'a>> {
    let ports = entry.object.spec.ports.iter().enumerate();
    // HTTP and TLS share a listener with whatever else is there, told by the first bytes.
    ports
        .filter(move |(_, port)| protocol(port) == PortProtocol::Tcp && !entry.has_addresses())
        .map(move |(at, port)| WholePort {
            entry,
            at,
            number: port.number,
        })
}

impl WholePort<'_> {
    /// Whether this listener leaves no room for another of its port, in a namespace that sees both
    /// entries.
    fn excludes(&self, other: &Self, registry: &Registry) -> bool {
        let (own, theirs) = (self.entry, other.entry);
        own.place != theirs.place
            && own.object.spec.hosts != theirs.object.spec.hosts
            && registry.export_of(own.object).meets(
                &own.place.namespace,
                registry.export_of(theirs.object),
                &theirs.place.namespace,
            )
    }
}
