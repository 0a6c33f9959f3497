//! ServiceEntries by themselves: what Istio takes, and reads otherwise than meant.

use super::{
    code::LintCode,
    entry::{PlacedEntry, protocol},
    finding::LintFinding,
    scene::Scene,
};
use egress_observer_istio::{objects::ServicePort, vocabulary::PortProtocol};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    scene
        .entries
        .iter()
        .flat_map(|entry| {
            let ports = entry.object.spec.ports.iter().enumerate();
            ports
                .flat_map(|(at, port)| of_port(entry, at, port))
                .chain(no_ports(entry))
                .chain(nobody(scene, entry))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn of_port(entry: &PlacedEntry<'_>, at: usize, port: &ServicePort) -> Option<LintFinding> {
    let (number, word) = (port.number, &port.protocol);
    let (code, message, fix) = match protocol(port) {
        PortProtocol::Tcp => return tcp_port(entry, at, port),
        PortProtocol::Udp => (
            LintCode::UdpPort,
            format!("UDP is never captured: port {number} of this entry does nothing"),
            "remove the port; to stop the traffic, use a NetworkPolicy",
        ),
        PortProtocol::Http if number == 443 => (
            LintCode::PlainOnTlsPort,
            format!(
                "the sidecar expects plaintext {word} on port 443; clients that speak TLS are \
                 cut off in the handshake"
            ),
            "write TLS; for TLS made by the sidecar, declare port 80 with targetPort 443 and a \
             DestinationRule",
        ),
        PortProtocol::Sniffed if word.is_empty() => (
            LintCode::NoProtocol,
            format!(
                "the sidecar guesses the protocol of port {number} from the first bytes; where the \
                 server speaks first, it waits for bytes that do not come"
            ),
            "write the protocol",
        ),
        PortProtocol::Http | PortProtocol::Tls | PortProtocol::Sniffed => return None,
    };
    let field = format!("spec.ports[{at}].protocol");
    Some(entry.place.finding(code, field, word, message, fix))
}

fn tcp_port(entry: &PlacedEntry<'_>, at: usize, port: &ServicePort) -> Option<LintFinding> {
    let spec = &entry.object.spec;
    // Several hosts are refused, which is said elsewhere.
    let refused = spec.hosts.len() > 1 && !["", "NONE"].contains(&spec.resolution.as_str());
    if entry.has_addresses() || refused {
        return None;
    }
    let (number, protocol) = (port.number, &port.protocol);
    let field = format!("spec.ports[{at}]");
    let fix = "give the entry addresses; for TLS, write protocol TLS, which goes by server name";
    let message = format!(
        "a {protocol} port goes by address, and there is none: every captured connection to port \
         {number}, whatever the destination, is taken for {}",
        spec.hosts.first().map_or("this entry", String::as_str)
    );
    Some(
        entry
            .place
            .finding(LintCode::TakesWholePort, field, number, message, fix),
    )
}

fn no_ports(entry: &PlacedEntry<'_>) -> Option<LintFinding> {
    entry.object.spec.ports.is_empty().then(|| {
        let message =
            "without ports the sidecar has no listener for these hosts: they stay unknown";
        let fix = "add the ports that clients dial";
        entry
            .place
            .finding(LintCode::NoPorts, "spec.ports", "", message, fix)
    })
}

fn nobody(scene: &Scene<'_>, entry: &PlacedEntry<'_>) -> Option<LintFinding> {
    let export = scene.snapshot.registry.export_of(entry.object);
    export.is_to_nobody().then(|| {
        let message = if entry.object.spec.export_to.is_empty() {
            "without exportTo the mesh's defaultServiceExportTo counts, and `~` exports the entry \
             to no namespace: no sidecar knows its hosts"
        } else {
            "`~` exports the entry to no namespace: no sidecar knows its hosts"
        };
        let fix = "write `.` for the own namespace, or `*`";
        let (code, field) = (LintCode::ExportedToNobody, "spec.exportTo");
        entry.place.finding(code, field, "~", message, fix)
    })
}
