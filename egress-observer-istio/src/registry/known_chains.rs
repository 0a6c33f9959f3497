//! What was found out of the listeners of clients, as long as nothing changes: visibility is worked out
//! once for all pods of a namespace that have the same Sidecar.

use std::sync::RwLock;

use hashbrown::HashMap;

use super::{claim::Claim, listener::ConflictKind, reader::NamespaceId};
use crate::rules::{Release, Version};

/// So many are remembered: a client may try every port.
const MOST: usize = 4_096;

/// Whose listener at every address of which port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ListenerKey {
    pub(super) namespace: Option<NamespaceId>,
    /// Where the Sidecar is: nothing moves as long as nothing changes.
    pub(super) sidecar: Option<usize>,
    pub(super) allocated: bool,
    pub(super) version: Option<Version>,
    pub(super) release: Option<Release>,
    pub(super) port: u16,
}

/// The listeners that were asked for since the last change.
#[derive(Debug, Default)]
pub(super) struct KnownChains {
    by_key: RwLock<HashMap<ListenerKey, Option<KeptChains>>>,
}

/// The chains of a listener without a borrow.
#[derive(Clone, Debug)]
pub(super) struct KeptChains {
    pub(super) nth_egress: usize,
    pub(super) http: Option<Claim>,
    pub(super) tcp: Option<Claim>,
    pub(super) by_host: bool,
    pub(super) only: Option<ConflictKind>,
    pub(super) sniffed: Option<Claim>,
}

/// Nothing of one is true of the other.
impl Clone for KnownChains {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl KnownChains {
    /// What is known of a listener: whether there is one, and what it has.
    pub(super) fn get<T>(
        &self,
        key: &ListenerKey,
        take: impl FnOnce(Option<&KeptChains>) -> T,
    ) -> Option<T> {
        let known = self.by_key.read().ok()?;
        known.get(key).map(|kept| take(kept.as_ref()))
    }

    pub(super) fn insert(&self, key: ListenerKey, kept: Option<KeptChains>) {
        if let Ok(mut known) = self.by_key.write() {
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(key, kept);
        }
    }

    /// Forgets everything: something changes.
    pub(super) fn clear(&mut self) {
        // One that panicked while it held the lock left nothing half-done.
        self.by_key
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clear();
    }
}
