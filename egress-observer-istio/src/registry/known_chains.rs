//! What was found out of the listeners of clients, as long as nothing changes: visibility is worked out
//! once for all pods of a namespace that have the same Sidecar.

use std::{collections::HashMap, sync::RwLock};

use super::{
    chains::Chains, claim::Claim, listener::ConflictKind, reader::NamespaceId, view::ClientView,
};
use crate::rules::Release;

/// So many are remembered: a client may try every port.
const MOST: usize = 4_096;

/// Whose listener at every address of which port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ListenerKey {
    namespace: Option<NamespaceId>,
    /// Where the Sidecar is: nothing moves as long as nothing changes.
    sidecar: Option<usize>,
    allocated: bool,
    version: Option<u16>,
    release: Option<(u16, u16)>,
    port: u16,
}

/// The listeners that were asked for since the last change.
#[derive(Debug, Default)]
pub(super) struct KnownChains {
    by_key: RwLock<HashMap<ListenerKey, Option<KeptChains>>>,
}

/// [`Chains`] without a borrow.
#[derive(Clone, Debug)]
struct KeptChains {
    nth_egress: usize,
    http: Option<Claim>,
    tcp: Option<Claim>,
    by_host: bool,
    only: Option<ConflictKind>,
    sniffed: Option<Claim>,
}

/// Nothing of one is true of the other.
impl Clone for KnownChains {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl KnownChains {
    /// Forgets everything: something changes.
    pub(super) fn clear(&mut self) {
        // One that panicked while it held the lock left nothing half-done.
        self.by_key
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clear();
    }
}

impl<'r> ClientView<'r, '_> {
    /// The listener at every address of a port, if there is one.
    pub(super) fn at_any_address(&self, port: u16) -> Option<Chains<'r>> {
        let key = ListenerKey {
            namespace: self.namespace,
            sidecar: self
                .viewer
                .sidecar
                .map(|own| std::ptr::from_ref(own).addr()),
            allocated: self.allocated,
            version: self.viewer.version.map(|version| version.0),
            release: self
                .viewer
                .release
                .map(|Release(minor, patch)| (minor, patch)),
            port,
        };
        let known = &self.registry.known_chains.by_key;
        if let Ok(known) = known.read()
            && let Some(kept) = known.get(&key)
        {
            return kept.as_ref().and_then(|kept| self.taken_up(kept));
        }
        let found = self.find_at_any_address(port);
        let kept = found.map(|chains| self.kept_for_later(&chains));
        if let Ok(mut known) = known.write() {
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(key, kept);
        }
        found
    }

    fn kept_for_later(&self, chains: &Chains<'_>) -> KeptChains {
        let mut egresses = self.egresses().iter();
        KeptChains {
            nth_egress: egresses
                .position(|own| std::ptr::eq(own, chains.egress))
                .unwrap_or_default(),
            http: chains.http.cloned(),
            tcp: chains.tcp.cloned(),
            by_host: chains.by_host,
            only: chains.only,
            sniffed: chains.sniffed.cloned(),
        }
    }

    fn taken_up(&self, kept: &KeptChains) -> Option<Chains<'r>> {
        Some(Chains {
            egress: self.egresses().get(kept.nth_egress)?,
            http: kept.http.as_ref().and_then(|claim| self.own(claim)),
            tcp: kept.tcp.as_ref().and_then(|claim| self.own(claim)),
            by_host: kept.by_host,
            only: kept.only,
            sniffed: kept.sniffed.as_ref().and_then(|claim| self.own(claim)),
        })
    }

    /// A claim as the registry has it.
    fn own(&self, claim: &Claim) -> Option<&'r Claim> {
        let rivals = self.registry.index.by_host.get(&claim.of.host)?;
        rivals.own(claim)
    }
}
