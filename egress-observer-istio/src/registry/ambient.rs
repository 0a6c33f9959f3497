//! What ztunnel makes of a connection.

use super::{
    claim::Claim,
    query::{By, Fate, Hit, Match, Routed},
    reader::Reader,
    sought::Sought,
    view::ClientView,
};

impl<'r> ClientView<'r, '_> {
    /// ztunnel goes by the address alone, and knows the addresses of Services and ServiceEntries of all
    /// namespaces: `exportTo` and Sidecars are nothing to it (`find_upstream` in ztunnel's
    /// `src/proxy/outbound.rs`, `pkg/workloadapi`; istiod sends it every service, see
    /// `pilot/pkg/serviceregistry/kube/controller/ambient/services.go`). What it does not know it lets
    /// through.
    pub(super) fn by_ztunnel(&self, sought: &Sought<'_>) -> Match<'r> {
        let unknown = Match::Undeclared {
            http: false,
            headless: false,
        };
        let Some(ip) = sought.ip else {
            return unknown;
        };
        let shelf = &self.registry.index.by_address_alone;
        let mut known = shelf.of(ip, Reader::Curious);
        let found = known.find(|claim| claim.port() == sought.port && has_address(claim, sought));
        let Some(claim) = found else {
            return unknown;
        };
        let of = &claim.of;
        Match::Declared(Hit {
            entry: &of.entry,
            host: &of.host_as_written,
            protocol: claim.protocol(),
            by: By::Address,
            routed: Routed {
                host: &of.host_as_written,
                port: claim.port(),
                subset: "",
                object: Some(&of.entry.object),
                via: None,
                fate: Fate::AsDialled,
            },
        })
    }
}

/// Whether an address is one that the entry is called at, and not one of its endpoints.
fn has_address(claim: &Claim, sought: &Sought<'_>) -> bool {
    let mut own = claim.of.single_addresses();
    sought
        .ip
        .is_some_and(|ip| own.any(|own| own == ip) || claim.of.allocated.contains(&ip))
}
