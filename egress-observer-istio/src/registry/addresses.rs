//! The addresses that a name leads to within the mesh.

use std::net::IpAddr;

use super::{
    claim::single, object_ref::ObjectKind, query::Viewer, store::Registry, view::ClientView,
};
use crate::vocabulary::host_name;

impl Registry {
    /// The addresses that a client gets for a name, as far as the mesh itself gives it some: those
    /// of a Service from the cluster's DNS, and those of a ServiceEntry where the proxy answers DNS
    /// (`pkg/dns/server/name_table.go`). Ranges are no answer.
    pub fn addresses_of(&self, viewer: &Viewer<'_>, name: &str, port: u16) -> Vec<IpAddr> {
        let view = ClientView::new(self, viewer);
        let name = host_name::normal(name);
        let Some(claim) = view.named_or_meant(&name, port, |_| true) else {
            return Vec::new();
        };
        let service = claim.entry.object.kind == ObjectKind::Service;
        if !service && !viewer.dns_capture {
            return Vec::new();
        }
        let listed: Vec<IpAddr> = claim.addresses.iter().filter_map(single).collect();
        if listed.is_empty() {
            claim.allocated.clone()
        } else {
            listed
        }
    }
}
