//! The listeners at single addresses.

use std::net::IpAddr;

use super::{chain_set::Chains, claim::Claim, egress::Egress, view::ClientView};
use crate::vocabulary::PortProtocol;

impl<'r> ClientView<'r, '_> {
    /// The listener at an address. Of several claims there the first has it; one that is sniffed adds
    /// HTTP to an earlier one that is not (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`: `AutoOverTCP`).
    pub(super) fn at_address(&self, ip: IpAddr, port: u16) -> Option<Chains<'r>> {
        let mut egresses = self.egresses().iter();
        let bound = egresses.find(|egress| egress.own_address() == Some(ip) && egress.is_for(port));
        let chains = bound.and_then(|egress| match egress.is_proxy() {
            true => self.chains_of_proxy(egress, port),
            false => self.bound(egress, port),
        });
        if let Some(chains) = chains {
            return Some(chains);
        }
        self.on_first_egress(port, |egress| {
            let shelf = &self.registry.index.by_address;
            let seen = shelf.seen((ip, port), self.audience());
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
            .seen((ip, port), self.audience());
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
