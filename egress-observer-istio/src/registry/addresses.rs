//! The addresses that a name leads to within the mesh.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{host_entry::HostEntry, query::Viewer, store::Registry, view::ClientView};
use crate::vocabulary::{host_name, name_reach::is_link_local};

/// What a name leads to, as far as the mesh itself says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameAnswer {
    /// The addresses; ranges are no answer.
    pub addresses: Vec<IpAddr>,
    /// Whether it is an address that istiod allocates, which the objects need not show yet.
    pub is_allocated: bool,
}

impl Registry {
    /// The addresses that a client gets for a name, as far as the mesh itself gives it some: those
    /// of a Service from the cluster's DNS, and those of a ServiceEntry where the proxy answers DNS,
    /// for every port, whether or not the entry has it (`BuildNameTable` in
    /// `pkg/dns/server/name_table.go`; `lookup` in ztunnel's `src/dns/server.rs`).
    pub fn addresses_of(&self, viewer: &Viewer<'_>, name: &str) -> NameAnswer {
        let view = ClientView::new(self, viewer);
        let name = host_name::normal(name);
        let named = if viewer.is_ambient {
            view.named_by_ztunnel(&name).map(AsRef::as_ref)
        } else {
            view.named_entry(&name)
        };
        let Some(of) = named else {
            return NameAnswer::default();
        };
        if !of.entry.is_service() && !viewer.dns_capture {
            return NameAnswer::default();
        }
        let addresses: Vec<IpAddr> = of.single_addresses().collect();
        if addresses.is_empty() && view.allocated && of.is_moved() {
            return NameAnswer {
                addresses: of.allocated.clone(),
                is_allocated: true,
            };
        }
        NameAnswer {
            addresses,
            is_allocated: false,
        }
    }

    /// Whether objects make a name one that may lead to a link-local address: an entry that has it there,
    /// or a Service, which may be another name of anything.
    pub fn may_be_link_local(&self, viewer: &Viewer<'_>, name: &str) -> bool {
        let view = ClientView::new(self, viewer);
        view.named_entry(name).is_some_and(|of| {
            let addresses = of.addresses.iter().map(IpNet::addr);
            let mut all = addresses.chain(of.endpoints.iter().copied());
            of.entry.is_service() || all.any(is_link_local)
        })
    }
}

impl<'r> ClientView<'r, '_> {
    /// The entry that DNS answers a name by. The cluster's own DNS knows every Service, whatever the
    /// mesh shows of it.
    fn named_entry(&self, name: &str) -> Option<&'r HostEntry> {
        let by_host = &self.registry.index.by_host;
        self.spellings(name).find_map(|whole| {
            by_host.covering(&whole).find_map(|rivals| {
                let mut services = rivals.all().map(|of| &**of);
                let service = services.find(|of| of.entry.is_service() && !of.host.wildcard);
                service.or_else(|| {
                    let mut egresses = self.egresses().iter();
                    egresses.find_map(|egress| {
                        let mut all = self.imported(egress, rivals);
                        all.find(|of| self.is_chosen(egress, of)).map(|of| &**of)
                    })
                })
            })
        })
    }
}
