//! Claims by a key and by who may see them, oldest first: what a client does not see is not walked
//! over to find what it sees.

use std::{collections::BTreeSet, hash::Hash};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::{
    claim::Claim,
    listener::{Listener, Part},
    reader::{Audience, Reader, by_age},
};

/// Claims by a key that has many values, few claims at each.
#[derive(Clone, Debug)]
pub(super) struct Shelf<K> {
    by_key: HashMap<K, SmallVec<[(Reader, Claim); 1]>>,
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
        for reader in readers {
            let claims = self.by_key.entry(key).or_default();
            let item = (*reader, claim.clone());
            if let Err(at) = claims.binary_search(&item) {
                claims.insert(at, item);
            }
        }
    }

    pub(super) fn remove(&mut self, key: K, readers: &[Reader], claim: &Claim) {
        if let Some(claims) = self.by_key.get_mut(&key) {
            claims.retain(|(reader, own)| !(readers.contains(reader) && own == claim));
            if claims.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    fn at(&self, key: K) -> &[(Reader, Claim)] {
        self.by_key.get(&key).map_or(&[], SmallVec::as_slice)
    }

    /// What one kind of reader sees.
    pub(super) fn of(&self, key: K, reader: Reader) -> impl Iterator<Item = &Claim> {
        kept_by(self.at(key), reader)
    }

    /// What a client sees, in the order in which its sidecar gets to hear of it.
    pub(super) fn seen(
        &self,
        key: K,
        audience: Audience,
    ) -> impl Iterator<Item = (Reader, &Claim)> {
        let claims = self.at(key);
        audience.readers().flat_map(move |reader| {
            let (one, other) = reader.parts();
            let other = other.into_iter().flat_map(|other| kept_by(claims, other));
            by_age(kept_by(claims, one), other).map(move |claim| (reader, claim))
        })
    }
}

fn kept_by(claims: &[(Reader, Claim)], reader: Reader) -> impl Iterator<Item = &Claim> {
    let own = claims.iter().filter(move |(own, _)| *own == reader);
    own.map(|(_, claim)| claim)
}

/// Claims by what they are part of on a port. Every entry of a mesh may have the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct PortShelf {
    by_port: HashMap<u16, Vec<PartShelf>>,
}

/// What is part of a port in one way. A tree, and none is what a search starts from.
#[derive(Clone, Debug)]
pub(super) struct PartShelf {
    pub(super) part: Part,
    /// See [`Listener`].
    pub(super) is_moved: bool,
    claims: BTreeSet<(Reader, Option<Claim>)>,
}

impl PartShelf {
    fn is_of(&self, listener: Listener) -> bool {
        self.part == listener.part && self.is_moved == listener.is_moved
    }

    /// What a client sees, in the order in which its sidecar gets to hear of it.
    pub(super) fn seen(&self, audience: Audience) -> impl Iterator<Item = (Reader, &Claim)> {
        audience.readers().flat_map(move |reader| {
            let (one, other) = reader.parts();
            let other = other.into_iter().flat_map(|other| self.of(other));
            by_age(self.of(one), other).map(move |claim| (reader, claim))
        })
    }

    fn of(&self, reader: Reader) -> impl Iterator<Item = &Claim> {
        let claims = self.claims.range((reader, None)..);
        let own = claims.take_while(move |(own, _)| *own == reader);
        own.filter_map(|(_, claim)| claim.as_ref())
    }
}

impl PortShelf {
    pub(super) fn insert(&mut self, listener: Listener, readers: &[Reader], claim: &Claim) {
        if readers.is_empty() {
            return;
        }
        let parts = self.by_port.entry(listener.port).or_default();
        let at = parts.iter().position(|part| part.is_of(listener));
        let at = at.unwrap_or_else(|| {
            parts.push(PartShelf {
                part: listener.part,
                is_moved: listener.is_moved,
                claims: BTreeSet::new(),
            });
            parts.len() - 1
        });
        if let Some(part) = parts.get_mut(at) {
            let items = readers.iter().map(|reader| (*reader, Some(claim.clone())));
            part.claims.extend(items);
        }
    }

    pub(super) fn remove(&mut self, listener: Listener, readers: &[Reader], claim: &Claim) {
        let Some(parts) = self.by_port.get_mut(&listener.port) else {
            return;
        };
        if let Some(part) = parts.iter_mut().find(|part| part.is_of(listener)) {
            for reader in readers {
                part.claims.remove(&(*reader, Some(claim.clone())));
            }
        }
        parts.retain(|part| !part.claims.is_empty());
        if parts.is_empty() {
            self.by_port.remove(&listener.port);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_port.is_empty()
    }

    /// What a client sees, in the order in which its sidecar gets to hear of it.
    pub(super) fn seen(
        &self,
        listener: Listener,
        audience: Audience,
    ) -> impl Iterator<Item = (Reader, &Claim)> {
        let parts = self.parts(listener.port).iter();
        let own = parts.filter(move |part| part.is_of(listener));
        own.flat_map(move |part| part.seen(audience))
    }

    /// What there is on a port.
    pub(super) fn parts(&self, port: u16) -> &[PartShelf] {
        self.by_port.get(&port).map_or(&[], Vec::as_slice)
    }
}
