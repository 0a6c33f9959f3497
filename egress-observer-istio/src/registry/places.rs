//! Where a client's proxy listens for a claim.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    claim::Claim,
    egress::Egress,
    host_entry::{HostEntry, Place},
    view::ClientView,
};
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
    /// does so, too, and for everything one that is bound to every address.
    pub(super) fn is_at_any_address(&self, egress: &Egress, claim: &Claim) -> bool {
        let of = &claim.of;
        match of.place {
            _ if egress.is_everywhere() => true,
            _ if Self::protocol(egress, claim) == PortProtocol::Http => true,
            Place::Endpoints => egress.port.is_some(),
            Place::Addresses | Place::Alias(_) => {
                of.addresses.is_empty() && !(self.allocated && of.is_moved())
            }
        }
    }

    /// Whether TLS for a claim on an egress listener is told by the name that it asks for, and not all
    /// for the claim: where it is bound to an address, only if the claim's own addresses are ranges;
    /// where to all, also if it has none (`buildSidecarOutboundTLSFilterChainOpts` in
    /// `pilot/pkg/networking/core/tls.go`).
    pub(super) fn is_told_by_name(&self, egress: &Egress, claim: &Claim) -> bool {
        let of = &claim.of;
        if egress.own_address().is_some() {
            return of.ranges().next().is_some();
        }
        if !egress.is_everywhere() {
            return self.is_at_any_address(egress, claim);
        }
        let has_none = of.place != Place::Addresses || of.addresses.is_empty();
        let moved = self.allocated && of.is_moved();
        has_none && !moved || of.ranges().next().is_some()
    }

    /// Whether a claim takes every connection on the listener of an egress listener that is bound to
    /// an address, or to all: TLS that is told by name does not.
    pub(super) fn takes_all(&self, egress: &Egress, claim: &Claim) -> bool {
        match Self::protocol(egress, claim) {
            PortProtocol::Tls => {
                let single = claim.of.single_addresses().next().is_some();
                single || !self.is_told_by_name(egress, claim)
            }
            PortProtocol::Tcp | PortProtocol::Sniffed => true,
            PortProtocol::Http | PortProtocol::Udp => false,
        }
    }

    /// Whether the proxy has a listener for a claim at this address.
    pub(super) fn listens_at(&self, egress: &Egress, claim: &Claim, ip: IpAddr) -> bool {
        let of = &claim.of;
        Self::protocol(egress, claim) != PortProtocol::Http
            && !egress.is_everywhere()
            && match of.place {
                Place::Endpoints => egress.port.is_none() && of.endpoints.contains(&ip),
                Place::Addresses if of.addresses.is_empty() => {
                    self.allocated && of.allocated.contains(&ip)
                }
                Place::Addresses => self.is_of(egress, of, IpNet::from(ip)),
                Place::Alias(_) => false,
            }
    }

    /// Whether an address, or a range, is one of an entry's that count. Each makes a service of its own,
    /// and only the first of those with one host is kept in 1.22 and 1.23 where there is no Sidecar
    /// (`DefaultSidecarScopeForNamespace` in `pilot/pkg/model/sidecar.go`), and since 1.31 where one
    /// looks up names.
    pub(super) fn is_of(&self, egress: &Egress, of: &HostEntry, net: IpNet) -> bool {
        let is_first_only = self.is_merged_by_default() || self.looks_up(egress);
        let is_first_only = is_first_only && !of.entry.is_service();
        let n = if is_first_only { 1 } else { usize::MAX };
        let mut all = of.addresses.iter().take(n);
        all.any(|own| own.trunc() == net)
    }
}
