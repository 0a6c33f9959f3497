//! Where a client's proxy listens for a claim.

use std::net::IpAddr;

use super::{claim::Claim, egress::Egress, host_entry::Place, view::ClientView};
use crate::vocabulary::PortProtocol;

impl ClientView<'_, '_> {
    /// How a claim's port is treated: an egress listener for the port says so for all its hosts.
    pub(super) fn protocol(egress: &Egress, claim: &Claim) -> PortProtocol {
        egress.protocol.unwrap_or_else(|| claim.protocol())
    }

    /// Whether the proxy listens for a claim on the port at every address (`0.0.0.0_port`), where what
    /// the client says decides, and not where it goes to. HTTP always; everything else only if the
    /// entry has no address (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`). For a headless one an egress listener for the port
    /// does so, too.
    pub(super) fn is_at_any_address(&self, egress: &Egress, claim: &Claim) -> bool {
        let of = &claim.of;
        match of.place {
            _ if Self::protocol(egress, claim) == PortProtocol::Http => true,
            Place::Endpoints => egress.port.is_some(),
            Place::Addresses | Place::Alias(_) => {
                of.addresses.is_empty() && !(self.allocated && of.is_moved())
            }
        }
    }

    /// Whether the proxy has a listener for a claim at this address.
    pub(super) fn listens_at(&self, egress: &Egress, claim: &Claim, ip: IpAddr) -> bool {
        let of = &claim.of;
        Self::protocol(egress, claim) != PortProtocol::Http
            && match of.place {
                Place::Endpoints => egress.port.is_none() && of.endpoints.contains(&ip),
                Place::Addresses if of.addresses.is_empty() => {
                    self.allocated && of.allocated.contains(&ip)
                }
                Place::Addresses => of.single_addresses().any(|own| own == ip),
                Place::Alias(_) => false,
            }
    }
}
