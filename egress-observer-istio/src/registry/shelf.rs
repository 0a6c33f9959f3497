//! Claims by a key and by who may see them, oldest first: what a client does not see is not walked
//! over to find what it sees.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use super::claim::Claim;
use crate::vocabulary::Export;

/// A namespace that some object has mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NamespaceId(u32);

/// The namespaces that objects have mentioned. None is ever forgotten; there are not many.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    by_name: HashMap<Arc<str>, NamespaceId>,
}

impl Namespaces {
    pub(super) fn get(&self, name: &str) -> Option<NamespaceId> {
        self.by_name.get(name).copied()
    }

    /// The namespace, and its name in the one place where that is kept.
    pub(super) fn intern(&mut self, name: &str) -> (NamespaceId, Arc<str>) {
        if let Some((name, id)) = self.by_name.get_key_value(name) {
            return (*id, Arc::clone(name));
        }
        let id = NamespaceId(u32::try_from(self.by_name.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        (id, name)
    }
}

/// Who may see a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reader {
    /// The claim's own namespace.
    Own(NamespaceId),
    /// Another one that `exportTo` names.
    Granted(NamespaceId),
    /// Every namespace.
    Everyone,
    /// Nobody in the mesh, but whoever asks why something does not match.
    Curious,
}

impl Reader {
    /// Those to whom an object of the namespace `own` is exported. A namespace that no object
    /// mentions has nobody who could read.
    pub(super) fn all(
        export: Export<'_>,
        (own, name): (NamespaceId, &str),
        namespaces: &Namespaces,
    ) -> Vec<Self> {
        if export.is_to_everyone() {
            return vec![Self::Own(own), Self::Everyone];
        }
        let mut readers = Vec::new();
        for id in export
            .namespaces(name)
            .filter_map(|name| namespaces.get(name))
        {
            let reader = if id == own {
                Self::Own(id)
            } else {
                Self::Granted(id)
            };
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        readers
    }
}

/// Claims by a small key and by reader, oldest first. A tree, since every entry of a mesh may have
/// the same port.
#[derive(Debug)]
pub(super) struct Ranked<K> {
    /// Every claim is there; none is what a search starts from.
    claims: BTreeSet<(K, Reader, Option<Arc<Claim>>)>,
}

impl<K> Default for Ranked<K> {
    fn default() -> Self {
        Self {
            claims: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord> Ranked<K> {
    pub(super) fn insert(&mut self, key: K, readers: &[Reader], claim: &Arc<Claim>) {
        for reader in readers {
            self.claims.insert((key, *reader, Some(Arc::clone(claim))));
        }
    }

    pub(super) fn remove(&mut self, key: K, readers: &[Reader], claim: &Arc<Claim>) {
        for reader in readers {
            self.claims.remove(&(key, *reader, Some(Arc::clone(claim))));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// What one kind of reader sees.
    pub(super) fn of(&self, key: K, reader: Reader) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims
            .range((key, reader, None)..)
            .take_while(move |item| (item.0, item.1) == (key, reader))
            .filter_map(|(_, _, claim)| claim.as_ref())
    }

    /// The oldest that a client in `namespace` sees and that is `fit`.
    pub(super) fn oldest(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&Arc<Claim>> {
        let first = |reader| self.of(key, reader).find(|claim| fit(claim));
        let own = namespace.and_then(|id| first(Reader::Own(id)));
        let granted = namespace.and_then(|id| first(Reader::Granted(id)));
        [own, granted, first(Reader::Everyone)]
            .into_iter()
            .flatten()
            .min()
    }

    /// The same, but its own namespace's before others'.
    pub(super) fn preferred(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&Arc<Claim>> {
        let own = namespace.and_then(|id| self.of(key, Reader::Own(id)).find(|claim| fit(claim)));
        own.or_else(|| self.oldest(key, namespace, fit))
    }
}

/// Claims by a key that has many values.
#[derive(Debug)]
pub(super) struct Shelf<K> {
    by_key: HashMap<K, Ranked<()>>,
}

impl<K> Default for Shelf<K> {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> Shelf<K> {
    pub(super) fn insert(&mut self, key: K, readers: &[Reader], claim: &Arc<Claim>) {
        if !readers.is_empty() {
            self.by_key
                .entry(key)
                .or_default()
                .insert((), readers, claim);
        }
    }

    pub(super) fn remove(&mut self, key: K, readers: &[Reader], claim: &Arc<Claim>) {
        if let Some(claims) = self.by_key.get_mut(&key) {
            claims.remove((), readers, claim);
            if claims.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// See [`Ranked::of`].
    pub(super) fn of(&self, key: K, reader: Reader) -> impl Iterator<Item = &Arc<Claim>> {
        let claims = self.by_key.get(&key).into_iter();
        claims.flat_map(move |claims| claims.of((), reader))
    }

    /// See [`Ranked::oldest`].
    pub(super) fn oldest(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&Arc<Claim>> {
        self.by_key.get(&key)?.oldest((), namespace, fit)
    }

    /// See [`Ranked::preferred`].
    pub(super) fn preferred(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&Arc<Claim>> {
        self.by_key.get(&key)?.preferred((), namespace, fit)
    }
}
