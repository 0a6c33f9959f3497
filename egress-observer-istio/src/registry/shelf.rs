//! Claims by a key and by who may see them, oldest first: what a client does not see is not walked
//! over to find what it sees.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use super::{
    claim::Claim,
    reader::{NamespaceId, Reader},
};

/// Claims by a small key and by reader, oldest first. A tree, since every entry of a mesh may have
/// the same port.
#[derive(Clone, Debug)]
pub(super) struct Ranked<K> {
    /// Every claim is there; none is what a search starts from.
    claims: BTreeSet<(K, Reader, Option<Claim>)>,
}

impl<K> Default for Ranked<K> {
    fn default() -> Self {
        Self {
            claims: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord> Ranked<K> {
    pub(super) fn insert(&mut self, key: K, readers: &[Reader], claim: &Claim) {
        for reader in readers {
            self.claims.insert((key, *reader, Some(claim.clone())));
        }
    }

    pub(super) fn remove(&mut self, key: K, readers: &[Reader], claim: &Claim) {
        for reader in readers {
            self.claims.remove(&(key, *reader, Some(claim.clone())));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// What one kind of reader sees.
    pub(super) fn of(&self, key: K, reader: Reader) -> impl Iterator<Item = &Claim> {
        self.claims
            .range((key, reader, None)..)
            .take_while(move |item| (item.0, item.1) == (key, reader))
            .filter_map(|(_, _, claim)| claim.as_ref())
    }

    /// What a client in `namespace` sees, in the order in which its sidecar gets to hear of it.
    pub(super) fn seen(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
    ) -> impl Iterator<Item = (Reader, &Claim)> {
        Reader::of(namespace).flat_map(move |reader| {
            let claims = self.of(key, reader);
            claims.map(move |claim| (reader, claim))
        })
    }
}

/// Claims by a key that has many values.
#[derive(Clone, Debug)]
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
    pub(super) fn insert(&mut self, key: K, readers: &[Reader], claim: &Claim) {
        if !readers.is_empty() {
            self.by_key
                .entry(key)
                .or_default()
                .insert((), readers, claim);
        }
    }

    pub(super) fn remove(&mut self, key: K, readers: &[Reader], claim: &Claim) {
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
    pub(super) fn of(&self, key: K, reader: Reader) -> impl Iterator<Item = &Claim> {
        let claims = self.by_key.get(&key).into_iter();
        claims.flat_map(move |claims| claims.of((), reader))
    }

    /// See [`Ranked::seen`].
    pub(super) fn seen(
        &self,
        key: K,
        namespace: Option<NamespaceId>,
    ) -> impl Iterator<Item = (Reader, &Claim)> {
        let claims = self.by_key.get(&key).into_iter();
        claims.flat_map(move |claims| claims.seen((), namespace))
    }
}
