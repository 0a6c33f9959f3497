//! The listener that a client's proxy has for a whole port.

use std::sync::Arc;

use super::{
    claim::Claim,
    listener::{Listener, Part},
    view::ClientView,
};
use crate::vocabulary::PortProtocol;

/// What takes part on the listener for a whole port.
pub(super) struct PortParts<'r> {
    pub(super) tcp: Option<&'r Arc<Claim>>,
    pub(super) http: Option<&'r Arc<Claim>>,
    pub(super) sniffed: Option<&'r Arc<Claim>>,
}

impl PortParts<'_> {
    /// Whether it answers HTTP.
    pub(super) fn has_http(&self) -> bool {
        self.http.is_some() || self.sniffed.is_some()
    }

    /// Whether there is something that could serve a claim.
    pub(super) fn serve(&self, claim: &Claim) -> bool {
        match claim.protocol {
            PortProtocol::Http => claim.only_by_name || self.http.is_some(),
            PortProtocol::Tls | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                true
            }
        }
    }
}

impl<'r> ClientView<'r, '_> {
    /// What takes part on a port.
    pub(super) fn parts(&self, port: u16) -> PortParts<'r> {
        PortParts {
            tcp: self.part(port, Part::Tcp),
            http: self.part(port, Part::Http),
            sniffed: self.part(port, Part::Sniffed),
        }
    }

    /// The oldest claim that is part of a port's listener in this way.
    pub(super) fn part(&self, port: u16, part: Part) -> Option<&'r Arc<Claim>> {
        let stays = self.oldest_part(Listener {
            port,
            part,
            moved_by_dns: false,
        });
        if self.viewer.dns_capture {
            return stays;
        }
        let moved = self.oldest_part(Listener {
            port,
            part,
            moved_by_dns: true,
        });
        stays.into_iter().chain(moved).min()
    }

    fn oldest_part(&self, listener: Listener) -> Option<&'r Arc<Claim>> {
        let shelf = match self.viewer.sidecar {
            Some(scope) if scope.restricts() => &scope.listeners,
            _ => &self.registry.index.listeners,
        };
        shelf.oldest(listener, self.namespace, |claim| self.counts(claim))
    }
}
