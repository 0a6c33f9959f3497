//! Why a claim does not take a connection.

use super::{
    ambient::has_virtual_address,
    claim::Claim,
    host_entry::HostEntry,
    miss::Why,
    query::{Hit, RegistryQuery},
    sought::Sought,
    view::ClientView,
};
use crate::vocabulary::{PortProtocol, Protocol};

impl ClientView<'_, '_> {
    /// Why a claim on the very port does not take a connection, if it does not.
    pub(super) fn why_not(
        &self,
        claim: &Claim,
        to: &RegistryQuery<'_>,
        sought: &Sought<'_>,
        hit: Option<Hit<'_>>,
    ) -> Option<Why> {
        if hit.is_some_and(|hit| hit.is_of(&claim.of)) {
            return None;
        }
        if claim.protocol() == PortProtocol::Udp || to.protocol == Protocol::Udp {
            return Some(Why::Udp);
        }
        if let Some(why) = self.hidden(&claim.of) {
            return Some(why);
        }
        if self.viewer.is_ambient && !claim.of.entry.is_service() && !has_virtual_address(&claim.of)
        {
            return Some(Why::NoAddress);
        }
        let has_ip = sought.ip.map(|ip| claim.has_address(ip));
        if let Some(name) = &sought.host {
            let apex = claim.of.host.wildcard && *claim.of.host.name == **name;
            if apex && has_ip != Some(true) {
                return Some(Why::WildcardOnly);
            }
            if self.is_bound(claim) && has_ip == Some(false) {
                return Some(Why::OtherAddress);
            }
        }
        Some(match (hit, &sought.host) {
            (Some(hit), _) => Why::Yields(hit.entry.object.clone()),
            (None, Some(name)) if !self.may_mean(name, claim) && has_ip == Some(true) => {
                Why::OtherName
            }
            (None, Some(name)) if !self.may_mean(name, claim) => Why::OtherHost,
            (None, _) => Why::NameOnly,
        })
    }

    /// Whether an address decides, and not a name.
    fn is_bound(&self, claim: &Claim) -> bool {
        let egress = self.router(claim.port());
        egress.is_some_and(|egress| !self.is_at_any_address(egress, claim))
    }

    /// Whether the client may mean a claim's host by a name.
    fn may_mean(&self, name: &str, claim: &Claim) -> bool {
        self.spellings(name)
            .any(|name| claim.of.host.stands_for(&name))
    }

    /// Why a client does not even see an entry, if it does not.
    pub(super) fn hidden(&self, of: &HostEntry) -> Option<Why> {
        if self.viewer.is_ambient {
            return (!self.is_told(of)).then_some(Why::NotTold);
        }
        if !self.is_exported(of) {
            return Some(Why::NotExported);
        }
        let sidecar = self.viewer.sidecar?;
        (!self.lets_through(of, None)).then(|| Why::HiddenBySidecar(sidecar.object.clone()))
    }
}
