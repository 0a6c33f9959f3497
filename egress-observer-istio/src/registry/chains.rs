//! The filter chains of a listener at an address, or of one at every address.

use std::iter;

use super::{
    chain_set::Chains,
    claim::Claim,
    egress::Egress,
    listener::{ConflictKind, Listener, Part},
    reader::Reader,
    shelf::PartShelf,
    view::ClientView,
};
use crate::vocabulary::{PortProtocol, ServerFirst};

/// A claim with its place in the order in which the client's sidecar gets to hear of claims.
type Placed<'r> = (Reader, &'r Claim);

fn first_of<'r, const N: usize>(all: [Option<Placed<'r>>; N]) -> Option<Placed<'r>> {
    all.into_iter().flatten().min()
}

impl<'r> ClientView<'r, '_> {
    /// The listener at every address of a port, if there is one.
    pub(super) fn find_at_any_address(&self, port: u16) -> Option<Chains<'r>> {
        self.on_first_egress(port, |egress| self.chains(egress, port))
    }

    /// Plaintext HTTP goes to the routes of the port as soon as one claim is HTTP or sniffed; the
    /// first TCP claim takes the rest. A sniffed claim is passed over behind an HTTP or a sniffed one
    /// (up to 1.31), and a protocol whose server speaks first is on its own: it keeps others out, or
    /// is kept out (`isConflictWithWellKnownPort`).
    fn chains(&self, egress: &'r Egress, port: u16) -> Option<Chains<'r>> {
        if egress.is_proxy() {
            return self.chains_of_proxy(egress, port);
        }
        if egress.is_everywhere() {
            return self.bound(egress, port);
        }
        if let Some(protocol) = egress.protocol {
            return self.chains_of_one(egress, port, protocol);
        }
        let parts = self.parts(port);
        if parts.is_empty() {
            return None;
        }
        let part = |part| self.first(egress, parts, part);
        let http = part(Part::Http);
        let tcp = part(Part::Tcp);
        let anywhere = part(Part::Sniffed);
        let sniffed = first_of([anywhere, part(Part::Ranged(ConflictKind::Sniffed))]);
        let others = first_of([
            http,
            tcp,
            sniffed,
            part(Part::Tls),
            part(Part::Ranged(ConflictKind::Stream)),
        ]);
        let (protocol, own) = self.server_first(egress, parts);
        if let Some(own) = own
            && others.is_none_or(|first| own < first)
        {
            let (_, tcp) = part(Part::ServerFirst(protocol)).unzip();
            return Some(Chains {
                egress,
                http: None,
                tcp,
                by_host: true,
                only: Some(ConflictKind::ServerFirst(protocol)),
                sniffed: None,
            });
        }
        others?;
        let one = !self.viewer.is_since(32);
        let sniffed = sniffed.filter(|own| !one || http.is_none_or(|it| *own < it));
        let anywhere = anywhere.filter(|own| !one || sniffed == Some(*own));
        let (_, tcp) = first_of([tcp, anywhere]).unzip();
        Some(Chains {
            egress,
            http: http.or(sniffed).map(|(_, claim)| claim),
            tcp,
            by_host: true,
            only: None,
            sniffed: sniffed.map(|(_, claim)| claim).filter(|_| one),
        })
    }

    /// The first claim at every address, or within ranges, whose server speaks first.
    fn server_first(
        &self,
        egress: &Egress,
        parts: &'r [PartShelf],
    ) -> (ServerFirst, Option<Placed<'r>>) {
        let [mongo, mysql] = [ServerFirst::Mongo, ServerFirst::MySql].map(|protocol| {
            let ranged = Part::Ranged(ConflictKind::ServerFirst(protocol));
            let both = [Part::ServerFirst(protocol), ranged];
            first_of(both.map(|part| self.first(egress, parts, part)))
        });
        match (mongo, mysql) {
            (Some(one), Some(other)) if other < one => (ServerFirst::MySql, mysql),
            (None, Some(_)) => (ServerFirst::MySql, mysql),
            _ => (ServerFirst::Mongo, mongo),
        }
    }

    /// Whether a claim with a range has a chain on a listener at every address.
    pub(super) fn is_part_of(&self, chains: &Chains<'_>, claim: &Claim) -> bool {
        if chains.egress.protocol.is_some() {
            return Self::protocol(chains.egress, claim) != PortProtocol::Http;
        }
        match (chains.only, ConflictKind::of(claim)) {
            (Some(only), kind) => only == kind,
            (None, ConflictKind::ServerFirst(_)) => false,
            (None, ConflictKind::Sniffed) => {
                self.viewer.is_since(32) || chains.sniffed.is_some_and(|own| own == claim)
            }
            (None, ConflictKind::Stream) => true,
        }
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
        let mut seen = shelf.seen(key, self.audience());
        let mut seen = seen.by_ref().map(|(_, claim)| claim).filter(|claim| {
            let ranged = claim.of.ranges().next().is_some();
            (ranged || self.is_at_any_address(egress, claim)) && self.counts(egress, claim)
        });
        let first = seen.next()?;
        let mut all = iter::once(first).chain(seen);
        let first = all.find(|claim| self.is_at_any_address(egress, claim));
        let [http, tcp] = match protocol {
            PortProtocol::Http => [first, None],
            PortProtocol::Tcp => [None, first],
            PortProtocol::Sniffed => [first, first],
            PortProtocol::Tls | PortProtocol::Udp => [None, None],
        };
        Some(Chains {
            egress,
            http,
            tcp,
            by_host: true,
            only: None,
            sniffed: None,
        })
    }

    /// The listener of an egress listener that is a proxy for HTTP: it takes every connection on its
    /// port for a request.
    pub(super) fn chains_of_proxy(&self, egress: &'r Egress, port: u16) -> Option<Chains<'r>> {
        let any = self.parts(port).iter().find(|own| own.part == Part::Any)?;
        let mut seen = any.seen(self.audience()).map(|(_, claim)| claim);
        let first = seen.find(|claim| self.counts(egress, claim))?;
        Some(Chains {
            egress,
            http: Some(first),
            tcp: None,
            by_host: true,
            only: None,
            sniffed: None,
        })
    }

    /// What there is on a port, for this client's Sidecar.
    pub(super) fn parts(&self, port: u16) -> &'r [PartShelf] {
        match self.viewer.sidecar {
            Some(scope) if scope.restricts() => scope.listeners.parts(port),
            _ => self.registry.index.listeners.parts(port),
        }
    }

    /// The first claim that is part of a listener in this way.
    fn first(&self, egress: &Egress, parts: &'r [PartShelf], part: Part) -> Option<Placed<'r>> {
        let own = parts.iter().filter(|own| own.part == part);
        let there = own.filter(|own| !(own.is_moved && self.allocated));
        let firsts = there.filter_map(|own| {
            let mut seen = own.seen(self.audience());
            seen.find(|(_, claim)| self.counts(egress, claim))
        });
        firsts.min()
    }

    /// Whether the client sees a claim that is part of a port in this way.
    pub(super) fn has_part(&self, port: u16, part: Part) -> bool {
        let parts = self.parts(port);
        let mut egresses = self.egresses().iter();
        egresses.any(|egress| egress.is_for(port) && self.first(egress, parts, part).is_some())
    }
}
