//! What a client says first on a connection, as far as name and port tell.

use super::{
    host_entry::HostEntry,
    names::parents,
    reader::Reader,
    sought::Sought,
    view::{ClientView, Rivals},
};
use crate::vocabulary::PortProtocol;

/// What a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// A plaintext HTTP request, with the name as its `Host`.
    Http,
    /// A TLS handshake, with the name as its SNI.
    Tls,
    /// Other bytes, or nothing.
    Other,
}

impl ClientView<'_, '_> {
    /// What a client may say first, the likeliest before the others: what the entries of the name say
    /// of the port, seen by the client or not, and what is usual on ports 80 and 443. Anything, where
    /// nothing tells.
    pub(super) fn speeches(&self, sought: &Sought<'_>) -> Vec<Speech> {
        let mut all = Vec::new();
        for protocol in self.declared_protocols(sought) {
            let said: &[Speech] = match protocol {
                PortProtocol::Http => &[Speech::Http],
                PortProtocol::Tls => &[Speech::Tls],
                PortProtocol::Tcp => &[Speech::Other],
                PortProtocol::Sniffed => &[Speech::Http, Speech::Tls, Speech::Other],
                PortProtocol::Udp => &[],
            };
            all.extend(said);
        }
        match sought.port {
            80 => all.push(Speech::Http),
            443 => all.push(Speech::Tls),
            _ if all.is_empty() => all.extend([Speech::Http, Speech::Tls, Speech::Other]),
            _ => {}
        }
        let mut seen = Vec::new();
        all.retain(|speech| {
            let new = !seen.contains(speech);
            seen.push(*speech);
            new
        });
        all
    }

    /// The protocols of a port, by the entries that have the very name; else by those with a wildcard
    /// above it, or a headless Service whose pod it may be.
    fn declared_protocols(&self, sought: &Sought<'_>) -> Vec<PortProtocol> {
        let Some(name) = sought.host.as_deref() else {
            return Vec::new();
        };
        let by_host = &self.registry.index.by_host;
        for whole in self.spellings(name) {
            let host = self.alias_of(&whole).unwrap_or(&whole);
            let service = parents(host).find_map(|parent| by_host.at(parent, false));
            for rivals in by_host.covering(host) {
                let found = protocols(rivals, sought.port, |_| true);
                if !found.is_empty() {
                    return found;
                }
            }
            if let Some(rivals) = service {
                let found = protocols(rivals, sought.port, HostEntry::has_names_of_pods);
                if !found.is_empty() {
                    return found;
                }
            }
        }
        Vec::new()
    }
}

fn protocols(rivals: &Rivals, port: u16, fit: impl Fn(&HostEntry) -> bool) -> Vec<PortProtocol> {
    let hosts = rivals.of(None, Reader::Curious).map(|claim| &claim.of);
    let ports = hosts.filter(|of| fit(of)).filter_map(|of| of.port(port));
    ports.map(|port| port.protocol).collect()
}
