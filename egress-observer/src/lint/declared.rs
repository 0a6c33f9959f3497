//! Who declares a host or a port: ServiceEntries, and the Services beside them.

use std::fmt;

use super::{
    entry::{PlacedEntry, protocol},
    finding::ObjectPlace,
    scene::Scene,
};
use egress_observer_istio::{
    manifests::{Located, Object},
    objects::ServiceObject,
    vocabulary::{Export, PortProtocol, host_name::service_name},
};

/// An object that declares hosts.
#[derive(Clone, Copy)]
pub(super) enum Declarer<'s> {
    Entry(&'s PlacedEntry<'s>),
    Service(&'s Located, &'s ServiceObject),
}

/// Entries in the order of files, and Services.
pub(super) fn declarers<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = Declarer<'s>> {
    let objects = scene.objects.iter();
    let services = objects.filter_map(|located| {
        if let Object::Service(service) = &located.object {
            Some(Declarer::Service(located, service))
        } else {
            None
        }
    });
    scene.entries.iter().map(Declarer::Entry).chain(services)
}

impl<'s> Declarer<'s> {
    pub(super) fn namespace(self) -> &'s str {
        match self {
            Self::Entry(entry) => &entry.place.namespace,
            Self::Service(_, service) => match service.metadata.namespace.as_str() {
                "" => "default",
                own => own,
            },
        }
    }

    /// To whom it is shown; Services are taken to be for everyone.
    pub(super) fn export(self, scene: &'s Scene<'_>) -> Export<'s> {
        match self {
            Self::Entry(entry) => scene.snapshot.registry.export_of(entry.object),
            Self::Service(..) => Export::of(&[], &[]),
        }
    }

    /// Its ports that sidecars know, and how they treat each.
    pub(super) fn ports(self) -> Vec<(u16, PortProtocol)> {
        let ports: Vec<(u16, PortProtocol)> = match self {
            Self::Entry(entry) => {
                let ports = entry.object.spec.ports.iter();
                ports.map(|port| (port.number, protocol(port))).collect()
            }
            Self::Service(_, service) => {
                let ports = service.spec.ports.iter();
                ports
                    .map(|port| {
                        let (name, app) = (&port.name, &port.app_protocol);
                        let protocol =
                            PortProtocol::of_service(port.port, name, &port.protocol, app);
                        (port.port, protocol)
                    })
                    .collect()
            }
        };
        let known = ports.into_iter();
        known
            .filter(|(_, protocol)| *protocol != PortProtocol::Udp)
            .collect()
    }

    /// Its hosts, as they are written.
    pub(super) fn hosts(self, scene: &Scene<'_>) -> Vec<String> {
        match self {
            Self::Entry(entry) => entry.object.spec.hosts.clone(),
            Self::Service(_, service) => {
                let domain = scene.snapshot.registry.cluster_domain();
                vec![service_name(
                    &service.metadata.name,
                    self.namespace(),
                    domain,
                )]
            }
        }
    }

    /// When it was made; files that people write do not say, and then their order counts.
    pub(super) fn created(self) -> (bool, &'s str) {
        let created = match self {
            Self::Entry(entry) => entry.object.metadata.creation_timestamp.as_str(),
            Self::Service(_, service) => service.metadata.creation_timestamp.as_str(),
        };
        (created.is_empty(), created)
    }

    /// Whether some namespace sees both.
    pub(super) fn meets(self, other: Self, scene: &Scene<'_>) -> bool {
        let (own, theirs) = (self.export(scene), other.export(scene));
        own.meets(self.namespace(), theirs, other.namespace())
    }
}

impl fmt::Display for Declarer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(entry) => entry.place.fmt(f),
            Self::Service(located, service) => {
                ObjectPlace::of(located, "Service", &service.metadata).fmt(f)
            }
        }
    }
}
