//! The listeners at single addresses.

use std::{iter, net::IpAddr};

use super::{chain_set::Chains, claim::Claim, egress::Egress, listener::Part, view::ClientView};
use crate::vocabulary::PortProtocol;

impl<'r> ClientView<'r, '_> {
    /// The listener at an address. Of several claims there the first has it; one that is sniffed adds
    /// HTTP to an earlier one that is not (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`: `AutoOverTCP`).
    pub(super) fn at_address(&self, ip: IpAddr, port: u16) -> Option<Chains<'r>> {
        let mut egresses = self.egresses().iter();
        let bound = egresses
            .find(|egress| egress.bind == Some(ip) && egress.port.is_none_or(|own| own == port));
        if let Some(chains) = bound.and_then(|egress| self.bound(egress, port)) {
            return Some(chains);
        }
        self.on_first_egress(port, |egress| {
            let shelf = &self.registry.index.by_address;
            let seen = shelf.seen((ip, port), self.namespace);
            let mut fit = seen
                .map(|(_, claim)| claim)
                .filter(|claim| self.listens_at(egress, claim, ip) && self.counts(egress, claim));
            let first = fit.next()?;
            let http = match (Self::protocol(egress, first), first.at().server_first) {
                (PortProtocol::Sniffed, _) => Some(first),
                (_, Some(_)) => None,
                (_, None) => fit.find(|claim| is_sniffed(egress, claim)),
            };
            Some(Chains {
                egress,
                http,
                tcp: Some(first),
                by_host: false,
                only: None,
                sniffed: None,
            })
        })
    }

    /// The listener at the address that a Sidecar's egress listener is bound to, for all that it lets
    /// through, wherever that is. HTTP there is told by its `Host`, everything else goes to the first.
    fn bound(&self, egress: &'r Egress, port: u16) -> Option<Chains<'r>> {
        let any = self.parts(port).iter().find(|own| own.part == Part::Any)?;
        let seen = any.seen(self.namespace).map(|(_, claim)| claim);
        let mut fit = seen.filter(|claim| self.counts(egress, claim));
        let first = fit.next()?;
        // A sniffed one takes the place of HTTP that was there before it.
        let mut told = iter::once(first)
            .chain(fit)
            .filter(|claim| is_told(egress, claim));
        let http = match told.next() {
            Some(claim) if !is_sniffed(egress, claim) => {
                told.find(|claim| is_sniffed(egress, claim)).or(Some(claim))
            }
            other => other,
        };
        let by_host = http.is_some_and(|claim| !is_sniffed(egress, claim));
        let tcp = match Self::protocol(egress, first) {
            PortProtocol::Http if by_host => None,
            PortProtocol::Http => http,
            PortProtocol::Tls | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                Some(first)
            }
        };
        Some(Chains {
            egress,
            http,
            tcp,
            by_host,
            only: None,
            sniffed: None,
        })
    }

    /// The claim at an address that takes TLS which the rules about the others there leave: the first
    /// that no rule is about.
    pub(super) fn rest_at_address(
        &self,
        egress: &Egress,
        ip: IpAddr,
        port: u16,
    ) -> Option<&'r Claim> {
        let seen = self
            .registry
            .index
            .by_address
            .seen((ip, port), self.namespace);
        seen.map(|(_, claim)| claim).find(|claim| {
            self.listens_at(egress, claim, ip)
                && self.counts(egress, claim)
                && !self.is_replaced(egress, &claim.of, port)
        })
    }
}

fn is_sniffed(egress: &Egress, claim: &Claim) -> bool {
    ClientView::protocol(egress, claim) == PortProtocol::Sniffed
}

/// Whether HTTP is told from other bytes.
fn is_told(egress: &Egress, claim: &Claim) -> bool {
    ClientView::protocol(egress, claim) == PortProtocol::Http || is_sniffed(egress, claim)
}
