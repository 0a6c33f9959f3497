//! Claims by a key and by who may see them, oldest first: what a client does not see is not walked
//! over to find what it sees.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use super::{
    claim::Claim,
    reader::{NamespaceId, Reader},
};

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

    /// The oldest that one kind of reader sees and that is `fit`.
    fn first(&self, key: K, reader: Reader, fit: impl Fn(&Claim) -> bool) -> Option<&Arc<Claim>> {
        self.of(key, reader).find(|claim| fit(claim))
    }

    /// The oldest that a client in `namespace` sees and that is `fit`.
    pub(super) fn oldest(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&Arc<Claim>> {
        let own = namespace.and_then(|id| self.first(key, Reader::Own(id), &fit));
        let granted = namespace.and_then(|id| self.first(key, Reader::Granted(id), &fit));
        let for_all = self.first(key, Reader::Everyone, &fit);
        [own, granted, for_all].into_iter().flatten().min()
    }

    /// The same, but its own namespace's before others'.
    pub(super) fn preferred(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&Arc<Claim>> {
        let own = namespace.and_then(|id| self.first(key, Reader::Own(id), &fit));
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
