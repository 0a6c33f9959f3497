//! The listener at every address of a port, which is worked out once as long as nothing changes.

use super::{
    chain_set::Chains,
    claim::Claim,
    known_chains::{KeptChains, ListenerKey},
    view::ClientView,
};

impl<'r> ClientView<'r, '_> {
    /// The listener at every address of a port, if there is one.
    pub(super) fn at_any_address(&self, port: u16) -> Option<Chains<'r>> {
        if let Some((own, known)) = self.listener.get()
            && own == port
        {
            return known;
        }
        let found = self.known_or_found(port);
        self.listener.set(Some((port, found)));
        found
    }

    fn known_or_found(&self, port: u16) -> Option<Chains<'r>> {
        let key = ListenerKey {
            namespace: self.namespace,
            sidecar: self
                .viewer
                .sidecar
                .map(|own| std::ptr::from_ref(own).addr()),
            allocated: self.allocated,
            version: self.viewer.version,
            release: self.viewer.release,
            port,
        };
        let known = &self.registry.known_chains;
        if let Some(known) = known.get(&key, |kept| self.taken_up(kept?)) {
            return known;
        }
        let found = self.find_at_any_address(port);
        known.insert(key, found.map(|chains| self.kept_for_later(&chains)));
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
