//! Ports that two objects treat differently.
//!
//! - HTTP of all hosts has one listener at a port of every address, and so has TCP without an
//!   address or with a range. What is plaintext HTTP goes by host then, also where TCP was meant; the
//!   rest waits for its first bytes to be told apart. With MySQL and MongoDB, where the server speaks
//!   first, the one that comes second gets nothing at all (`buildSidecarOutboundListener` and
//!   `isConflictWithWellKnownPort` in `pilot/pkg/networking/core/listener.go`).
//! - One host at one port has one protocol: that of the object that comes first
//!   (`appendSidecarServices` in `pilot/pkg/model/sidecar.go`).

use std::collections::HashMap;

use super::{
    code::LintCode,
    declared::{Declarer, declarers},
    entry::{PlacedEntry, protocol, range},
    finding::LintFinding,
    scene::Scene,
    sharers::{Owner, Sharers},
};
use egress_observer_istio::vocabulary::PortProtocol;

/// TCP at every address, or at a range, beside HTTP on the same port.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let mut http: HashMap<u16, Vec<Declarer<'_>>> = HashMap::new();
    for declarer in declarers(scene) {
        for (port, protocol) in declarer.ports() {
            if protocol == PortProtocol::Http {
                http.entry(port).or_default().push(declarer);
            }
        }
    }
    let mut findings = Vec::new();
    for entry in scene.entries.iter().filter(|entry| is_shared(entry)) {
        for (at, port) in entry.object.spec.ports.iter().enumerate() {
            let number = port.number;
            let known = http
                .get(&number)
                .filter(|_| protocol(port) == PortProtocol::Tcp);
            let own = Declarer::Entry(entry);
            let mut others = known.into_iter().flatten();
            let Some(other) = others.find(|other| own.meets(**other, scene)) else {
                continue;
            };
            let what = match port.protocol.to_ascii_lowercase().as_str() {
                "mysql" | "mongo" => "the one that comes second gets no listener",
                _ => {
                    "plaintext HTTP goes by host and never to this entry, and other clients wait for \
                     their first bytes to be told apart"
                }
            };
            let message = format!(
                "{other} has HTTP on port {number}, and {} shares the listener at every address: {what}",
                port.protocol
            );
            let fix = "give this entry single addresses, or a port of its own";
            findings.push(finding(entry, at, number, message, fix));
        }
    }
    findings
}

/// Whether the TCP of an entry has no listener of its own: it has no address, or a range.
fn is_shared(entry: &PlacedEntry<'_>) -> bool {
    let mut ranges = entry
        .object
        .spec
        .addresses
        .iter()
        .filter_map(|text| range(text));
    !entry.has_addresses() || ranges.any(|range| range.prefix_len() < range.max_prefix_len())
}

/// One host at one port of two objects, as different protocols. The older objects come first.
pub(super) fn of_host(scene: &Scene<'_>, owners: &[Owner<'_>]) -> Vec<LintFinding> {
    const ALL: [PortProtocol; 4] = [
        PortProtocol::Http,
        PortProtocol::Tls,
        PortProtocol::Tcp,
        PortProtocol::Sniffed,
    ];
    let mut before: HashMap<(u16, PortProtocol), Sharers<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for owner in owners {
        let ports = owner.declarer.ports();
        for (port, own) in &ports {
            for theirs in ALL.into_iter().filter(|theirs| theirs != own) {
                let known = before.get(&(*port, theirs)).into_iter();
                let mut known = known.flat_map(|known| known.seen_with(owner, scene));
                let other = known.find(|other| owner.declarer.meets(other.declarer, scene));
                if let Some(other) = other {
                    let (second, first) = (owner.declarer, other.declarer);
                    findings.extend(differs(second, (*port, *own), first, theirs));
                }
            }
        }
        // Not before: a port that an entry has twice is told of elsewhere.
        for known in ports {
            before.entry(known).or_default().add(*owner, scene);
        }
    }
    findings
}

/// Told of the entry that comes second, or of an entry before a Service.
fn differs(
    second: Declarer<'_>,
    (number, own): (u16, PortProtocol),
    first: Declarer<'_>,
    theirs: PortProtocol,
) -> Option<LintFinding> {
    let (entry, other, (own, theirs)) = match (second, first) {
        (Declarer::Entry(entry), other) => (entry, other, (own, theirs)),
        (other, Declarer::Entry(entry)) => (entry, other, (theirs, own)),
        (Declarer::Service(..), Declarer::Service(..)) => return None,
    };
    let mut ports = entry.object.spec.ports.iter();
    let at = ports.position(|port| port.number == number)?;
    let (own, theirs) = (own.as_str(), theirs.as_str());
    let message = format!(
        "port {number} is {own} here and {theirs} in {other}, which has a host of this entry, too: a \
         sidecar treats it as one of the two, by which of the objects comes first for a pod"
    );
    let fix = "write the same protocol in both, or declare the port once";
    Some(finding(entry, at, number, message, fix))
}

fn finding(
    entry: &PlacedEntry<'_>,
    at: usize,
    number: u16,
    message: String,
    fix: &str,
) -> LintFinding {
    let field = format!("spec.ports[{at}]");
    entry
        .place
        .finding(LintCode::MixedPort, field, number, message, fix)
}
