//! What a client sees of the registry.

use std::sync::Arc;

use super::{claim::Claim, query::Viewer, reader::NamespaceId, shelf::Ranked, store::Registry};

/// What a client sees of the registry.
pub(super) struct ClientView<'r, 'v> {
    pub(super) registry: &'r Registry,
    pub(super) viewer: &'v Viewer<'r>,
    /// None, if no object mentions it.
    pub(super) namespace: Option<NamespaceId>,
}

impl<'r, 'v> ClientView<'r, 'v> {
    pub(super) fn new(registry: &'r Registry, viewer: &'v Viewer<'r>) -> Self {
        Self {
            registry,
            viewer,
            namespace: registry.namespaces.get(viewer.namespace),
        }
    }

    pub(super) fn is_own(&self, claim: &Claim) -> bool {
        self.namespace == Some(claim.entry.namespace)
    }

    /// Whether a claim is exported to the client.
    pub(super) fn is_exported(&self, claim: &Claim) -> bool {
        let readers = self.registry.readers(&claim.entry);
        readers
            .iter()
            .any(|reader| reader.is_met_by(self.namespace))
    }

    /// Whether the client's Sidecar lets a claim through.
    pub(super) fn lets_through(&self, claim: &Claim) -> bool {
        match self.viewer.sidecar {
            Some(scope) => scope.lets_through(self.is_own(claim), claim),
            None => true,
        }
    }

    /// Whether a claim that is exported to the client counts for it.
    pub(super) fn counts(&self, claim: &Claim) -> bool {
        self.lets_through(claim) && (self.is_own(claim) || self.is_of_the_chosen(claim))
    }

    /// Whether a claim's namespace is the one whose claims count for this host and port.
    fn is_of_the_chosen(&self, claim: &Claim) -> bool {
        let rivals = self.registry.index.by_host.get(&claim.host);
        rivals.and_then(|rivals| self.chosen(rivals, claim.port)) == Some(claim.entry.namespace)
    }

    /// The namespace whose claims count for a host and port, where several have some: the client's
    /// own, else that of the oldest (`selectServices` in `pilot/pkg/model/sidecar.go`).
    fn chosen(&self, claims: &Ranked<Option<u16>>, port: u16) -> Option<NamespaceId> {
        let first =
            claims.preferred(Some(port), self.namespace, |claim| self.lets_through(claim))?;
        Some(first.entry.namespace)
    }

    /// Of the claims for one host, the fit one that counts at a port.
    pub(super) fn preferred(
        &self,
        claims: &'r Ranked<Option<u16>>,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Arc<Claim>> {
        let chosen = self.chosen(claims, port)?;
        claims.preferred(Some(port), self.namespace, |claim| {
            claim.entry.namespace == chosen && self.lets_through(claim) && fit(claim)
        })
    }
}
