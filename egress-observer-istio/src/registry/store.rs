//! What the mesh knows, as it is kept.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    declared::Declaration,
    defaults::RegistryDefaults,
    discovery::Discovery,
    host_entry::RegistryEntry,
    index::Index,
    known_chains::KnownChains,
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    reader::{Namespaces, Reader},
    routing::Routing,
    sidecar::SidecarScope,
    waypoints::Waypoints,
};
use crate::vocabulary::Export;

/// What the mesh knows.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    pub(super) namespaces: Namespaces,
    /// By what an object is; the claims are also in `index`, and in the Sidecars.
    pub(super) declared: HashMap<ObjectRef, Declaration>,
    pub(super) index: Index,
    /// By namespace, in the order in which they are tried.
    pub(super) sidecars: HashMap<Arc<str>, Vec<SidecarScope>>,
    pub(super) routing: Routing,
    /// Of Sidecars and of rules; those of entries are in `declared`.
    pub(super) problems: BTreeMap<ObjectRef, Vec<UnreadableValue>>,
    pub(super) defaults: RegistryDefaults,
    pub(super) known_chains: KnownChains,
    /// Which namespaces istiod looks at.
    pub(super) discovery: Discovery,
    pub(super) waypoints: Waypoints,
    n_services: usize,
}

impl Registry {
    /// Values that could not be read, and were left out.
    pub fn problems(&self) -> impl Iterator<Item = &UnreadableValue> {
        let of_entries = self.declared.values().flat_map(|entry| &entry.problems);
        of_entries.chain(self.problems.values().flatten())
    }

    /// Whether it has Services at all. A cluster always has some: without any, nothing is known of
    /// what is inside it.
    pub fn has_services(&self) -> bool {
        self.n_services > 0
    }

    /// The Sidecar that applies to a pod: exactly one, nothing is merged (`getSidecarScope` in
    /// `pilot/pkg/model/push_context.go`).
    ///
    /// 1. In the pod's namespace, the oldest of those whose selector it has the labels of.
    /// 2. There, the oldest without a selector.
    /// 3. In the root namespace, the oldest without a selector.
    pub fn sidecar_for(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Option<&SidecarScope> {
        let mut own = self.sidecars_in(namespace);
        let mut root = self.sidecars_in(&self.defaults.root_namespace);
        own.find(|scope| scope.selects(labels))
            .or_else(|| root.find(|scope| scope.selects_all()))
    }

    fn sidecars_in<'s>(&'s self, namespace: &str) -> impl Iterator<Item = &'s SidecarScope> {
        let read = self.discovery.includes(namespace);
        let scopes = self.sidecars.get(namespace).filter(|_| read);
        scopes.into_iter().flatten()
    }

    /// Takes an object in, in place of an earlier state of it.
    pub(super) fn set(&mut self, declared: Declaration) {
        self.known_chains.clear();
        self.remove(&declared.object);
        self.n_services += usize::from(declared.object.kind == ObjectKind::Service);
        let readers = self.readers_of(&declared);
        for claim in declared.claims() {
            self.index.insert(&readers, &claim);
            for scope in self.sidecars.values_mut().flatten() {
                scope.insert(&readers, &claim);
            }
        }
        for host in &declared.hosts {
            self.index.insert_host(&readers, host);
        }
        self.declared.insert(declared.object.clone(), declared);
    }

    /// Forgets an object. Whether there was one.
    pub(super) fn remove(&mut self, object: &ObjectRef) -> bool {
        let Some(declared) = self.declared.remove(object) else {
            return false;
        };
        self.unindex(&declared);
        true
    }

    pub(super) fn unindex(&mut self, declared: &Declaration) {
        self.known_chains.clear();
        self.n_services -= usize::from(declared.object.kind == ObjectKind::Service);
        let readers = self.readers_of(declared);
        for claim in declared.claims() {
            self.index.remove(&readers, &claim);
            for scope in self.sidecars.values_mut().flatten() {
                scope.remove(&readers, &claim);
            }
        }
        for host in &declared.hosts {
            self.index.remove_host(host);
        }
    }

    /// Who sees an object's claims.
    fn readers_of(&self, declared: &Declaration) -> Vec<Reader> {
        let Some(host) = declared.hosts.first() else {
            return Vec::new();
        };
        self.readers(&host.entry)
    }

    /// Who sees the claims of an entry.
    pub(super) fn readers(&self, entry: &RegistryEntry) -> Vec<Reader> {
        let namespace = &entry.object.namespace;
        if entry.is_service() && !self.discovery.includes(namespace) {
            return Vec::new();
        }
        let export = Export::of(&entry.export_to, &self.defaults.service_export_to);
        let own = (entry.namespace, &*entry.object.namespace);
        Reader::all(export, own, &self.namespaces)
    }

    /// Takes a Sidecar in, in place of an earlier state of it.
    pub(super) fn set_scope(&mut self, mut scope: SidecarScope) {
        self.known_chains.clear();
        self.remove_scope(&scope.object);
        if scope.restricts() {
            for declared in self.declared.values() {
                let readers = self.readers_of(declared);
                for claim in declared.claims() {
                    scope.insert(&readers, &claim);
                }
            }
        }
        let namespace = Arc::clone(&scope.object.namespace);
        let scopes = self.sidecars.entry(namespace).or_default();
        let at = scopes.partition_point(|other| other.order() < scope.order());
        scopes.insert(at, scope);
    }

    /// Forgets a Sidecar. Whether there was one.
    pub(super) fn remove_scope(&mut self, object: &ObjectRef) -> bool {
        self.known_chains.clear();
        let Some(scopes) = self.sidecars.get_mut(&object.namespace) else {
            return false;
        };
        let n_before = scopes.len();
        scopes.retain(|scope| scope.object != *object);
        let found = scopes.len() < n_before;
        if scopes.is_empty() {
            self.sidecars.remove(&object.namespace);
        }
        found
    }
}
