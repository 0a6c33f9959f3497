//! The ports that entries have, for whoever proposes a change of them.

use ipnet::IpNet;

use super::{
    host_entry::{Port, RegistryEntry},
    object_ref::{ObjectKind, ObjectRef},
    query::Viewer,
    store::Registry,
    view::ClientView,
};
use crate::vocabulary::{Host, PortProtocol, ServerFirst};

/// A port of an entry, as its object has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredPort {
    /// Its number.
    pub number: u16,
    /// `protocol` of a ServiceEntry in capital letters; nothing, if Istio does not know it or the object
    /// is a Service.
    pub protocol: &'static str,
    /// `targetPort` of a ServiceEntry, or nothing.
    pub target: u16,
}

impl DeclaredPort {
    /// One whose target is the port itself.
    pub fn new(number: u16, protocol: &str) -> Self {
        Self {
            number,
            protocol: PortProtocol::word(protocol),
            target: 0,
        }
    }

    pub(super) fn of(port: &Port) -> Self {
        Self {
            number: port.number,
            protocol: port.word,
            target: port.target,
        }
    }

    pub(super) fn port(self) -> Port {
        Port {
            number: self.number,
            protocol: PortProtocol::parse(self.protocol),
            server_first: ServerFirst::parse(self.protocol),
            word: self.protocol,
            target: self.target,
            is_behind_udp: false,
        }
    }
}

impl Registry {
    /// The ports of an object, in the order in which it has them; none, if it is not there.
    pub fn ports_of(&self, object: &ObjectRef) -> Vec<DeclaredPort> {
        let declared = self.declared.get(object);
        let first = declared.and_then(|declared| declared.hosts.first());
        let ports = first.into_iter().flat_map(|of| of.ports.iter());
        ports.map(DeclaredPort::of).collect()
    }

    /// An object, if it is there and has a host.
    pub fn entry(&self, object: &ObjectRef) -> Option<&RegistryEntry> {
        let declared = self.declared.get(object)?;
        declared.hosts.first().map(|of| &*of.entry)
    }

    /// The ServiceEntry of this name, if there is one.
    pub fn service_entry_ref(&self, namespace: &str, name: &str) -> Option<&ObjectRef> {
        let object = ObjectRef::new(ObjectKind::ServiceEntry, namespace, name);
        self.declared.get_key_value(&object).map(|(own, _)| own)
    }

    /// `exportTo` of entries that have none.
    pub fn default_export(&self) -> &[String] {
        &self.defaults.service_export_to
    }

    /// The entry that makes up a host's clusters for a client, or the first of those that do.
    pub fn kept_for<'r>(&'r self, viewer: &Viewer<'r>, host: &str) -> Option<&'r ObjectRef> {
        let host = Host::parse(host)?;
        let rivals = self.index.by_host.get(&host)?;
        let view = ClientView::new(self, viewer);
        let kept = rivals.all().filter_map(|of| {
            of.ports
                .iter()
                .find_map(|at| view.cluster_of(&host, at.number))
        });
        kept.map(|of| &of.entry.object).next()
    }

    /// The addresses of an object as text, in the order in which it has them.
    pub fn addresses_in(&self, object: &ObjectRef) -> Vec<String> {
        let declared = self.declared.get(object);
        let first = declared.and_then(|declared| declared.hosts.first());
        let addresses = first.into_iter().flat_map(|of| of.addresses.iter());
        addresses.map(text).collect()
    }

    /// The hosts of an object as written, in the order in which it has them.
    pub fn hosts_of(&self, object: &ObjectRef) -> Vec<&str> {
        let declared = self.declared.get(object);
        let hosts = declared.into_iter().flat_map(|declared| &declared.hosts);
        hosts.map(|of| &*of.host_as_written).collect()
    }
}

/// An address alone, where the range has only one.
fn text(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}
