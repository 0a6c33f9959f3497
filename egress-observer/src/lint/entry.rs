//! A ServiceEntry, and what clients reach by it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::finding::ObjectPlace;
use egress_observer_istio::{
    objects::{ServiceEntryObject, ServicePort},
    rules::prefix,
    vocabulary::{PortProtocol, host},
};

/// A ServiceEntry.
pub(super) struct PlacedEntry<'a> {
    pub(super) place: ObjectPlace,
    pub(super) object: &'a ServiceEntryObject,
}

impl PlacedEntry<'_> {
    /// The ports that may be captured.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.object.spec.ports.iter();
        ports
            .filter(|port| protocol(port) != PortProtocol::Udp)
            .map(|port| port.number)
    }

    /// The addresses that people declare, with field and text of each: endpoints only where there
    /// is nothing before them.
    pub(super) fn declared(&self) -> Vec<(String, &str, IpNet)> {
        let object = self.object;
        let addresses = object.spec.addresses.iter().map(String::as_str).enumerate();
        let addresses = addresses
            .map(|(at, text)| (format!("spec.addresses[{at}]"), text))
            .filter_map(|(field, text)| Some((field, text, range(text)?)));
        let addresses: Vec<_> = addresses.collect();
        if !addresses.is_empty() || !object.status.addresses.is_empty() {
            return addresses;
        }
        let endpoints = object.spec.endpoints.iter().enumerate();
        endpoints
            .map(|(at, endpoint)| (format!("spec.endpoints[{at}].address"), &*endpoint.address))
            .filter_map(|(field, text)| Some((field, text, range(text)?)))
            .collect()
    }

    /// The addresses that clients dial, as far as they are known.
    pub(super) fn reached(&self) -> Vec<IpNet> {
        let allocated = self.object.status.addresses.iter();
        let allocated = allocated.filter_map(|address| range(&address.value));
        let declared = self.declared().into_iter().map(|(_, _, range)| range);
        declared.chain(allocated).collect()
    }

    /// Whether it goes by address, and not by what is dialled alone.
    pub(super) fn has_addresses(&self) -> bool {
        !self.object.spec.addresses.is_empty() || !self.object.status.addresses.is_empty()
    }

    /// Whether one of its hosts and another host have a name in common.
    pub(super) fn is_about(&self, host: &str) -> bool {
        let mut hosts = self.object.spec.hosts.iter();
        hosts.any(|own| host::overlap(own, host))
    }
}

/// How a sidecar treats a port.
pub(super) fn protocol(port: &ServicePort) -> PortProtocol {
    PortProtocol::parse(&port.protocol)
}

/// An address, or a range in CIDR form.
pub(super) fn range(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().ok();
    address.map(IpNet::from).or_else(|| prefix(text))
}
