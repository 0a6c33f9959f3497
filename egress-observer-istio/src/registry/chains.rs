//! The filter chains of a listener at an address, or of one at every address.

use std::net::IpAddr;

use super::{
    claim::Claim,
    egress::Egress,
    listener::{Listener, Part},
    reader::Reader,
    view::ClientView,
};
use crate::vocabulary::{PortProtocol, ServerFirst};

/// What takes a connection on a listener, by what the client says first. What has a name or a range
/// to go by is asked before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chains<'r> {
    pub(super) egress: &'r Egress,
    /// Plaintext HTTP, if the listener tells it from the rest.
    pub(super) http: Option<&'r Claim>,
    /// What nothing else takes.
    pub(super) tcp: Option<&'r Claim>,
}

/// A claim with its place in the order in which the client's sidecar gets to hear of claims.
type Placed<'r> = (Reader, &'r Claim);

impl<'r> ClientView<'r, '_> {
    /// The listener at an address. Of several claims there the first has it; one that is sniffed adds
    /// HTTP to an earlier one that is not (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`: `AutoOverTCP`).
    pub(super) fn at_address(&self, ip: IpAddr, port: u16) -> Option<Chains<'r>> {
        self.on_first_egress(port, |egress| {
            let shelf = &self.registry.index.by_address;
            let seen = shelf.seen((ip, port), self.namespace);
            let mut fit = seen
                .map(|(_, claim)| claim)
                .filter(|claim| self.listens_at(egress, claim, ip) && self.counts(egress, claim));
            let first = fit.next()?;
            let protocol = |claim: &Claim| Self::protocol(egress, claim);
            let sniffed = |claim: &&Claim| protocol(claim) == PortProtocol::Sniffed;
            let http = match (protocol(first), first.at().server_first) {
                (PortProtocol::Sniffed, _) => Some(first),
                (_, Some(_)) => None,
                (_, None) => fit.find(sniffed),
            };
            Some(Chains {
                egress,
                http,
                tcp: Some(first),
            })
        })
    }

    /// The listener at every address of a port, if there is one.
    pub(super) fn at_any_address(&self, port: u16) -> Option<Chains<'r>> {
        self.on_first_egress(port, |egress| self.chains(egress, port))
    }

    /// Plaintext HTTP goes to the routes of the port as soon as one claim is HTTP or sniffed; the
    /// first TCP claim takes the rest. A sniffed claim is passed over behind an HTTP or a sniffed one
    /// (up to 1.30), and a protocol whose server speaks first is on its own: it keeps others out, or
    /// is kept out (`isConflictWithWellKnownPort`).
    fn chains(&self, egress: &'r Egress, port: u16) -> Option<Chains<'r>> {
        if let Some(protocol) = egress.protocol {
            return self.chains_of_one(egress, port, protocol);
        }
        let part = |part| self.first(egress, port, part);
        let http = part(Part::Http);
        let tls = part(Part::Tls);
        let tcp = part(Part::Tcp);
        let sniffed = part(Part::Sniffed);
        let server_first = [ServerFirst::Mongo, ServerFirst::MySql]
            .into_iter()
            .filter_map(|protocol| part(Part::ServerFirst(protocol)))
            .min();
        let others = [http, tls, tcp, sniffed];
        let first = others.into_iter().flatten().min();
        if let Some(own) = server_first
            && first.is_none_or(|first| own < first)
        {
            return Some(Chains {
                egress,
                http: None,
                tcp: Some(own.1),
            });
        }
        first?;
        let added =
            sniffed.filter(|own| self.viewer.is_since(31) || http.is_none_or(|it| *own < it));
        let tcp = [tcp, added].into_iter().flatten().min();
        Some(Chains {
            egress,
            http: http.or(sniffed).map(|(_, claim)| claim),
            tcp: tcp.map(|(_, claim)| claim),
        })
    }

    /// The listener that an egress listener for the port makes: of one protocol, whatever its hosts'
    /// ports say.
    fn chains_of_one(
        &self,
        egress: &'r Egress,
        port: u16,
        protocol: PortProtocol,
    ) -> Option<Chains<'r>> {
        let shelf = &self.viewer.sidecar?.listeners;
        let key = Listener {
            port,
            part: Part::Any,
            is_moved: false,
        };
        let mut seen = shelf.seen(key, self.namespace);
        let (_, first) = seen.find(|(_, claim)| {
            self.is_at_any_address(egress, claim) && self.counts(egress, claim)
        })?;
        let speaks = |protocols: &[PortProtocol]| protocols.contains(&protocol).then_some(first);
        Some(Chains {
            egress,
            http: speaks(&[PortProtocol::Http, PortProtocol::Sniffed]),
            tcp: speaks(&[PortProtocol::Tcp, PortProtocol::Sniffed]),
        })
    }

    /// The first claim that is part of the listener at every address in this way.
    pub(super) fn first(&self, egress: &Egress, port: u16, part: Part) -> Option<Placed<'r>> {
        let stays = self.first_at(
            egress,
            Listener {
                port,
                part,
                is_moved: false,
            },
        );
        if self.allocated {
            return stays;
        }
        let moved = self.first_at(
            egress,
            Listener {
                port,
                part,
                is_moved: true,
            },
        );
        stays.into_iter().chain(moved).min()
    }

    fn first_at(&self, egress: &Egress, listener: Listener) -> Option<Placed<'r>> {
        let shelf = match self.viewer.sidecar {
            Some(scope) if scope.restricts() => &scope.listeners,
            _ => &self.registry.index.listeners,
        };
        let mut seen = shelf.seen(listener, self.namespace);
        seen.find(|(_, claim)| self.counts(egress, claim))
    }

    /// Whether the client sees a claim that is part of a port in this way.
    pub(super) fn has_part(&self, port: u16, part: Part) -> bool {
        let any = |egress| self.first(egress, port, part);
        self.egresses().iter().any(|egress| any(egress).is_some())
    }
}
