//! What can be tried: changes of single objects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::service_entry::NewServiceEntry;
use egress_observer_istio::registry::{
    DeclaredPort, EgressPlace, EntryEdit, ObjectRef, Registry, Undo,
};

/// The time of creation of what is not created yet: of several entries, the oldest counts.
const LATER: &str = "9999-12-31T23:59:59Z";

/// The dummy address (RFC 7600), which stands for addresses that are not known.
pub(crate) const DUMMY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);
/// Of the range that leads nowhere (RFC 6666).
const DUMMY_V6: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 8);

/// An address that nobody has, of a family that a pod with these addresses has.
pub(crate) fn stand_in(own: &[IpAddr]) -> IpAddr {
    if own.is_empty() || own.iter().any(IpAddr::is_ipv4) {
        DUMMY_V4.into()
    } else {
        DUMMY_V6.into()
    }
}

/// A change of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TriedChange {
    /// A new ServiceEntry. An address that cannot be read stands for one that is not known.
    Declare(NewServiceEntry),
    /// `exportTo` names one namespace more.
    Export { object: ObjectRef, to: String },
    /// It has these ports, too.
    Ports {
        object: ObjectRef,
        ports: Vec<DeclaredPort>,
    },
    /// It has this address, too.
    Address { object: ObjectRef, ip: IpAddr },
    /// It has the addresses of its host, whatever they are.
    OwnAddresses { object: ObjectRef },
    /// Istio allocates no address to its hosts.
    NotAllocated { object: ObjectRef },
    /// It is equal to another one, so that Istio merges them.
    Alike { object: ObjectRef, model: ObjectRef },
    /// A Sidecar lets a host through, written as in `spec.egress[].hosts`.
    LetThrough {
        sidecar: ObjectRef,
        place: EgressPlace,
        host: String,
        /// The ports that its entry has.
        ports: Vec<u16>,
    },
}

impl TriedChange {
    /// Makes it, if it can be made.
    pub(super) fn make(&self, registry: &mut Registry) -> Option<Undo> {
        let dummy = [IpNet::from(IpAddr::from(DUMMY_V4))];
        let (object, edit) = match self {
            Self::Declare(entry) => return Some(declare(entry, registry)),
            Self::LetThrough {
                sidecar,
                place,
                host,
                ..
            } => return registry.let_through(sidecar, *place, host),
            Self::Address { object, ip } => {
                let address = [IpNet::from(*ip)];
                return registry.edit(object, EntryEdit::Addresses(&address));
            }
            Self::Export { object, to } => (object, EntryEdit::Export(to)),
            Self::Ports { object, ports } => (object, EntryEdit::Ports(ports)),
            Self::OwnAddresses { object } => (object, EntryEdit::Addresses(&dummy)),
            Self::NotAllocated { object } => (object, EntryEdit::NotAllocated),
            Self::Alike { object, model } => (object, EntryEdit::Alike(model)),
        };
        registry.edit(object, edit)
    }

    /// The ports at which it may change anything.
    pub(super) fn ports(&self, registry: &Registry) -> Vec<u16> {
        let of = |object: &ObjectRef| {
            let ports = registry.ports_of(object).into_iter();
            ports.map(|port| port.number).collect()
        };
        match self {
            Self::Declare(entry) => entry.ports.iter().map(|port| port.number).collect(),
            Self::Ports { ports, .. } => ports.iter().map(|port| port.number).collect(),
            Self::LetThrough { ports, .. } => ports.clone(),
            Self::Export { object, .. }
            | Self::Address { object, .. }
            | Self::OwnAddresses { object }
            | Self::NotAllocated { object }
            | Self::Alike { object, .. } => of(object),
        }
    }

    /// The entry that has its addresses from now on, and is found by no others.
    pub(super) fn moved(&self) -> Option<&ObjectRef> {
        match self {
            Self::OwnAddresses { object } => Some(object),
            Self::Declare(_)
            | Self::Export { .. }
            | Self::Ports { .. }
            | Self::Address { .. }
            | Self::NotAllocated { .. }
            | Self::Alike { .. }
            | Self::LetThrough { .. } => None,
        }
    }
}

fn declare(entry: &NewServiceEntry, registry: &mut Registry) -> Undo {
    let mut object = entry.read(LATER);
    for address in &mut object.spec.addresses {
        if address.parse::<IpAddr>().is_err() && address.parse::<IpNet>().is_err() {
            *address = DUMMY_V4.to_string();
        }
    }
    registry.add(&object)
}
