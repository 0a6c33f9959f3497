//! Whether a client sees what a ServiceEntry declares, for those who have the object and not a
//! connection.

use super::{query::Viewer, reader::NamespaceId, sidecar::SidecarScope, store::Registry};
use crate::{
    injection::pod,
    objects::ServiceEntryObject,
    vocabulary::{Export, Host, host_name::normal},
};

impl Registry {
    /// To whom an entry is exported: by its own words, or by the mesh's default.
    pub fn export_of<'s>(&'s self, entry: &'s ServiceEntryObject) -> Export<'s> {
        Export::of(&entry.spec.export_to, &self.defaults.service_export_to)
    }

    /// Whether a client sees an entry: it is exported to the client's namespace, and the client's
    /// Sidecar lets one of its hosts through on some port.
    pub fn shows(&self, viewer: &Viewer<'_>, entry: &ServiceEntryObject) -> bool {
        let own = pod::named_namespace(&entry.metadata.namespace);
        self.export_of(entry).shows_to(own, viewer.namespace)
            && viewer.sidecar.is_none_or(|scope| {
                let namespace = self.namespaces.get(own);
                let is_own = own == viewer.namespace;
                scope.lets_entry_through(namespace, is_own, entry)
            })
    }

    /// What the names of Services end in, behind `svc`.
    pub fn cluster_domain(&self) -> &str {
        &self.defaults.cluster_domain
    }

    /// The namespace whose Sidecar and DestinationRules are for all.
    pub fn root_namespace(&self) -> &str {
        &self.defaults.root_namespace
    }

    /// The Sidecar object with this name.
    pub fn sidecar(&self, namespace: &str, name: &str) -> Option<&SidecarScope> {
        let scopes = self.sidecars.get(namespace)?;
        scopes.iter().find(|scope| *scope.object.name == *name)
    }
}

impl SidecarScope {
    fn lets_entry_through(
        &self,
        namespace: Option<NamespaceId>,
        is_own: bool,
        entry: &ServiceEntryObject,
    ) -> bool {
        let mut hosts = entry.spec.hosts.iter().map(|text| read_or_as_it_is(text));
        !self.restricts()
            || namespace.is_some_and(|namespace| {
                hosts.any(|host| self.lets_host_through(namespace, is_own, &host))
            })
    }
}

/// The host; one that the registry does not read, such as `*-foo.com`, stands for itself.
fn read_or_as_it_is(text: &str) -> Host {
    Host::parse(text).unwrap_or_else(|| Host {
        name: normal(text).into(),
        wildcard: false,
    })
}
