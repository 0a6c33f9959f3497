//! The claims that names lead to.

use std::sync::Arc;

use super::{
    claim::Claim,
    object_ref::ObjectKind,
    query::{By, Hit, Match},
    reader::{NamespaceId, Reader},
    view::ClientView,
};
use crate::vocabulary::{PortProtocol, host_name};

impl<'r> ClientView<'r, '_> {
    /// Whether a host's name leads to a claim, wherever the connection goes to.
    pub(super) fn is_led_to_by_name(&self, claim: &Claim) -> bool {
        let moved = self.viewer.dns_capture && claim.is_moved_by_dns();
        match claim.protocol {
            PortProtocol::Http => true,
            PortProtocol::Tls | PortProtocol::Sniffed => {
                claim.only_by_name || (claim.is_at_any_address() && !moved)
            }
            PortProtocol::Tcp => claim.only_by_name,
            PortProtocol::Udp => false,
        }
    }

    /// Whether a client that asks for the claim's host gets an address of the claim: the cluster's
    /// DNS has those of Services, and the proxy's the allocated ones.
    fn is_led_to_by_dns(&self, claim: &Claim) -> bool {
        let allocated = self.viewer.dns_capture && claim.is_moved_by_dns();
        claim.entry.object.kind == ObjectKind::Service || allocated
    }

    /// The answer by a name.
    pub(super) fn by_name(
        &self,
        name: &str,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<Match<'r>> {
        let claim = self.named_or_meant(name, port, fit)?;
        let by = match claim.protocol {
            PortProtocol::Tls => By::Sni,
            PortProtocol::Http | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                By::Host
            }
        };
        let found = Hit::of(claim, by);
        if self.is_led_to_by_name(claim) || self.is_led_to_by_dns(claim) {
            Some(Match::Declared(found))
        } else {
            Some(Match::AddressNeeded(found))
        }
    }

    /// The fit claim for a name as the client said it, or as it may have meant it.
    pub(super) fn named_or_meant(
        &self,
        name: &str,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Arc<Claim>> {
        self.named(name, port, &fit).or_else(|| {
            let whole = host_name::unabbreviated(name, self.viewer.namespace)?;
            self.named(&whole, port, &fit)
        })
    }

    /// The fit claim with the host that is nearest to a name.
    pub(super) fn named(
        &self,
        name: &str,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Arc<Claim>> {
        let mut at_host = self.registry.index.by_host.covering(name);
        at_host.find_map(|claims| self.preferred(claims, port, &fit))
    }

    /// The namespace of the entry that has a host, at whatever port: the client's own before others.
    pub(super) fn namespace_of(&self, name: &str, wildcard: bool) -> Option<NamespaceId> {
        let mut at_host = self.registry.index.by_host.nearest(name, wildcard);
        let first = at_host.find_map(|claims| {
            claims
                .of(None, Reader::Curious)
                .filter(|claim| self.is_exported(claim) && self.lets_through(claim))
                .min_by_key(|claim| !self.is_own(claim))
        });
        first.map(|claim| claim.entry.namespace)
    }
}
