//! What the mesh knows, as it is kept.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    claim::RegistryEntry,
    declared::Declaration,
    defaults::Defaults,
    index::Index,
    object_ref::{ObjectRef, UnreadableValue},
    reader::{Namespaces, Reader},
    routing::Routing,
    sidecar::SidecarScope,
};
use crate::vocabulary::Export;

/// What the mesh knows.
#[derive(Debug)]
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
    pub(super) defaults: Defaults,
}

/// An empty registry, with the defaults of Istio.
impl Default for Registry {
    fn default() -> Self {
        Self {
            namespaces: Namespaces::default(),
            declared: HashMap::new(),
            index: Index::default(),
            sidecars: HashMap::new(),
            routing: Routing::default(),
            problems: BTreeMap::new(),
            defaults: Defaults::new("", &[]),
        }
    }
}

impl Registry {
    /// Values that could not be read, and were left out.
    pub fn problems(&self) -> impl Iterator<Item = &UnreadableValue> {
        let of_entries = self.declared.values().flat_map(|entry| &entry.problems);
        of_entries.chain(self.problems.values().flatten())
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
        let mut own = self.sidecars.get(namespace).into_iter().flatten();
        let root = self.sidecars.get(&*self.defaults.root_namespace);
        own.find(|scope| scope.selects(labels))
            .or_else(|| root.into_iter().flatten().find(|scope| scope.selects_all()))
    }

    /// Takes an object in, in place of an earlier state of it.
    pub(super) fn set(&mut self, declared: Declaration) {
        self.remove(&declared.object);
        let readers = self.readers_of(&declared);
        for claim in &declared.claims {
            self.index.insert(&readers, claim);
            for scope in self.sidecars.values_mut().flatten() {
                scope.insert(&readers, claim);
            }
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
        let readers = self.readers_of(declared);
        for claim in &declared.claims {
            self.index.remove(&readers, claim);
            for scope in self.sidecars.values_mut().flatten() {
                scope.remove(&readers, claim);
            }
        }
    }

    /// Who sees an object's claims.
    fn readers_of(&self, declared: &Declaration) -> Vec<Reader> {
        let Some(claim) = declared.claims.first() else {
            return Vec::new();
        };
        self.readers(&claim.entry)
    }

    /// Who sees the claims of an entry.
    pub(super) fn readers(&self, entry: &RegistryEntry) -> Vec<Reader> {
        let export = Export::of(&entry.export_to, &self.defaults.service_export_to);
        let own = (entry.namespace, &*entry.object.namespace);
        Reader::all(export, own, &self.namespaces)
    }

    /// Takes a Sidecar in, in place of an earlier state of it.
    pub(super) fn set_scope(&mut self, mut scope: SidecarScope) {
        self.remove_scope(&scope.object);
        if scope.restricts() {
            for declared in self.declared.values() {
                let readers = self.readers_of(declared);
                for claim in &declared.claims {
                    scope.insert(&readers, claim);
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
