//! The claims that addresses lead to.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    claim::Claim,
    port_listener::PortParts,
    query::{By, Hit, Match},
    sought::Sought,
    view::ClientView,
};
use crate::vocabulary::PortProtocol;

impl<'r> ClientView<'r, '_> {
    /// The listener at an address: of several entries there, the oldest has it.
    pub(super) fn at_address(&self, ip: IpAddr, port: u16) -> Option<&'r Arc<Claim>> {
        let shelf = &self.registry.index.by_address;
        shelf.oldest((ip, port), self.namespace, |claim| {
            claim.listens_at(ip) && self.counts(claim)
        })
    }

    /// The longest range. Envoy chooses by address before it chooses by name, and does not come back
    /// when the name does not fit.
    pub(super) fn in_range(&self, ip: IpAddr, sought: &Sought<'_>) -> Option<Match<'r>> {
        let mut ranges = self.registry.index.ranges(ip, sought.port);
        let (range, first) = ranges.find_map(|range| {
            let first = self.bound_to(range, sought.port, |_| true)?;
            Some((range, first))
        })?;
        let Some(name) = &sought.host else {
            return Some(Match::Declared(Hit::of(first, By::Range)));
        };
        let named = self.named(name, sought.port, |claim| {
            claim.protocol == PortProtocol::Tls && claim.known_ranges().any(|own| own == range)
        });
        let found = named.or_else(|| {
            self.bound_to(range, sought.port, |claim| {
                claim.protocol != PortProtocol::Tls
            })
        });
        Some(match found {
            Some(claim) => Match::Declared(Hit::of(claim, By::Range)),
            None => Match::Undeclared {
                http: self.parts(sought.port).has_http(),
            },
        })
    }

    /// The oldest fit claim that has a range on a port.
    fn bound_to(
        &self,
        range: IpNet,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Arc<Claim>> {
        let shelf = &self.registry.index.by_range;
        shelf.oldest((range, port), self.namespace, |claim| {
            fit(claim) && claim.is_bound() && self.counts(claim)
        })
    }

    /// The answer by an address that stands for the name of an entry.
    pub(super) fn by_known_address(
        &self,
        ip: IpAddr,
        port: u16,
        parts: &PortParts<'_>,
    ) -> Option<Match<'r>> {
        let index = &self.registry.index;
        let at_address = index
            .by_address
            .preferred((ip, port), self.namespace, |claim| {
                self.is_meant(claim, parts)
            });
        if let Some(claim) = at_address {
            return Some(Match::Declared(Hit::of(claim, By::Address)));
        }
        let claim = index.ranges(ip, port).find_map(|range| {
            let shelf = &index.by_range;
            shelf.preferred((range, port), self.namespace, |claim| {
                self.is_meant(claim, parts)
            })
        })?;
        Some(Match::Declared(Hit::of(claim, By::Range)))
    }

    /// Whether a claim is meant where nothing but one of its addresses is known.
    fn is_meant(&self, claim: &Claim, parts: &PortParts<'_>) -> bool {
        parts.serve(claim) && self.is_led_to_by_name(claim) && self.counts(claim)
    }
}
