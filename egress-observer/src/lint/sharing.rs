//! ServiceEntries that want the same listener: a port at every address (`0.0.0.0_<port>`).

use super::{
    code::Code,
    finding::Finding,
    protocol::Class,
    scene::{Entry, Scene},
};

/// An entry that takes all TCP on a port.
struct Claim<'a> {
    entry: &'a Entry<'a>,
    at: usize,
    number: u16,
}

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut claims: Vec<Claim<'_>> = scene.entries.iter().flat_map(claims).collect();
    // The first by creation wins; files that people write do not say, and then their order counts.
    claims.sort_by_key(|claim| {
        let created = &claim.entry.object.metadata.creation_timestamp;
        (created.is_empty(), created)
    });
    let mut findings = Vec::new();
    for (at, claim) in claims.iter().enumerate() {
        let mut before = claims.iter().take(at);
        let Some(first) = before.find(|first| first.excludes(claim)) else {
            continue;
        };
        let number = claim.number;
        findings.push(claim.entry.place.finding(
            Code::PortCollision,
            format!("spec.ports[{}]", claim.at),
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

fn claims<'a>(entry: &'a Entry<'a>) -> impl Iterator<Item = Claim<'a>> {
    let object = entry.object;
    let ports = object.spec.ports.iter().enumerate();
    let by_address = !object.spec.addresses.is_empty() || !object.status.addresses.is_empty();
    ports.filter_map(move |(at, port)| {
        let class = Class::of(port);
        // HTTP and TLS share a listener with whatever else is there, told by the first bytes.
        let claims = class == Class::Tcp && !by_address;
        let number = port.number;
        claims.then_some(Claim { entry, at, number })
    })
}

impl Claim<'_> {
    /// Whether this listener leaves no room for another.
    fn excludes(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.entry.place, &other.entry.place);
        let meet =
            self.entry.is_seen_in(&theirs.namespace) || other.entry.is_seen_in(&own.namespace);
        let differ = self.entry.object.spec.hosts != other.entry.object.spec.hosts;
        own != theirs && self.number == other.number && meet && differ
    }
}
