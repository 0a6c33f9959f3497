//! What a client says first on a connection, as far as name and port tell.

use super::{host_entry::HostEntry, rivals::Rivals, sought::Sought, view::ClientView};
use crate::vocabulary::{PortProtocol, host_name::parents};

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
    pub(super) fn speeches(&self, sought: &Sought<'_>) -> [Option<Speech>; 3] {
        let mut all = [None; 3];
        self.declared(sought, |protocol| match protocol {
            PortProtocol::Http => add(&mut all, &[Speech::Http]),
            PortProtocol::Tls => add(&mut all, &[Speech::Tls]),
            PortProtocol::Tcp => add(&mut all, &[Speech::Other]),
            PortProtocol::Sniffed => add(&mut all, &EVERY),
            PortProtocol::Udp => {}
        });
        match sought.port {
            80 => add(&mut all, &[Speech::Http]),
            443 => add(&mut all, &[Speech::Tls]),
            _ if all[0].is_none() => add(&mut all, &EVERY),
            _ => {}
        }
        all
    }

    /// The protocols of a port, by the entries that have the very name; else by those with a wildcard
    /// above it, or a headless Service whose pod it may be.
    fn declared(&self, sought: &Sought<'_>, mut tell: impl FnMut(PortProtocol)) {
        let Some(name) = sought.host.as_deref() else {
            return;
        };
        let by_host = &self.registry.index.by_host;
        for whole in self.spellings(name) {
            let host = self.alias_of(&whole).unwrap_or(&whole);
            let mut above = by_host.covering(host);
            if above.any(|rivals| tell_of(rivals, sought.port, |_| true, &mut tell)) {
                return;
            }
            let pods = HostEntry::has_names_of_pods;
            let mut services = parents(host).filter_map(|parent| by_host.at(parent, false));
            if services.any(|rivals| tell_of(rivals, sought.port, pods, &mut tell)) {
                return;
            }
        }
    }
}

const EVERY: [Speech; 3] = [Speech::Http, Speech::Tls, Speech::Other];

/// Adds what is not there yet.
fn add(all: &mut [Option<Speech>; 3], more: &[Speech]) {
    for speech in more {
        if !all.contains(&Some(*speech))
            && let Some(free) = all.iter_mut().find(|free| free.is_none())
        {
            *free = Some(*speech);
        }
    }
}

/// Tells the protocols of a port; whether there are any.
fn tell_of(
    rivals: &Rivals,
    port: u16,
    fit: impl Fn(&HostEntry) -> bool,
    tell: &mut impl FnMut(PortProtocol),
) -> bool {
    let fit = rivals.all().filter(|of| fit(of));
    let mut any = false;
    for port in fit.filter_map(|of| of.port(port)) {
        tell(port.protocol);
        any = true;
    }
    any
}
