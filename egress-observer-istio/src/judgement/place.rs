//! Which address a connection goes to, as far as that is known.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::asker::Asker;
use crate::view::Snapshot;

/// What istiod allocates addresses from (`PILOT_IP_AUTOALLOCATE_IPV4_PREFIX`, and the same for IPv6,
/// in `pilot/pkg/features/pilot.go`). Nobody has them.
const ALLOCATED: (Ipv4Net, Ipv6Net) = (
    Ipv4Net::new_assert(Ipv4Addr::new(240, 240, 0, 0), 16),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48),
);

/// The address that a connection goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct DialledPlace {
    /// The address, if it is known.
    pub(super) ip: Option<IpAddr>,
    /// Whether it is one that istiod allocates.
    pub(super) is_allocated: bool,
    /// One that stands for the address, where only that much is known of it.
    stand_in: Option<IpAddr>,
}

impl DialledPlace {
    /// The address that is given, else the one that the mesh itself gives to the name: a Service's,
    /// or, where the proxy answers DNS, a ServiceEntry's.
    pub(super) fn of(
        snapshot: &Snapshot,
        asker: &Asker<'_>,
        ip: Option<IpAddr>,
        name: Option<&str>,
    ) -> Self {
        if let Some(ip) = ip {
            return Self {
                ip: Some(ip),
                is_allocated: is_allocated(ip),
                stand_in: None,
            };
        }
        if name == Some("localhost") {
            return Self {
                ip: Some(Ipv4Addr::LOCALHOST.into()),
                is_allocated: false,
                stand_in: None,
            };
        }
        let own = &asker.pod.ips;
        let answer = name.map(|name| snapshot.registry.addresses_of(&asker.viewer, name));
        let answer = answer.unwrap_or_default();
        let ip = answer
            .addresses
            .into_iter()
            .find(|ip| is_of_family(own, ip));
        let any = [
            IpAddr::V4(ALLOCATED.0.network()),
            IpAddr::V6(ALLOCATED.1.network()),
        ];
        let stand_in = any.into_iter().find(|ip| is_of_family(own, ip));
        Self {
            ip,
            is_allocated: answer.is_allocated,
            stand_in: stand_in.filter(|_| answer.is_allocated && ip.is_none()),
        }
    }

    /// The address that the rules decide by.
    pub(super) fn decided_by(&self) -> Option<IpAddr> {
        self.ip.or(self.stand_in)
    }
}

/// Whether a pod has an address of the same family; one whose addresses are not known has both.
fn is_of_family(own: &[IpAddr], ip: &IpAddr) -> bool {
    own.is_empty() || own.iter().any(|own| own.is_ipv4() == ip.is_ipv4())
}

fn is_allocated(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ALLOCATED.0.contains(&ip),
        IpAddr::V6(ip) => ALLOCATED.1.contains(&ip),
    }
}
