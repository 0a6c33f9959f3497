//! Letting a host through a Sidecar, to see what becomes of connections.

use std::sync::Arc;

use super::{
    claim::Claim,
    edit::{Before, Undo},
    egress::{Egress, EgressHost},
    object_ref::ObjectRef,
    reader::Reader,
    rivals::Rivals,
    sidecar::SidecarScope,
    store::Registry,
};
use crate::vocabulary::Host;

/// Where in a Sidecar a host is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressPlace {
    /// The egress listener in this place.
    Listener(usize),
    /// A new one, which comes last.
    New,
}

impl SidecarScope {
    /// Where to let a host through for connections to a port: the egress listener for that port, which
    /// hides others there (`GetEgressListenerForRDS` in `pilot/pkg/model/sidecar.go`), else the one for
    /// all ports, of which there can be one, in the last place
    /// (`ValidateSidecar` in `pkg/config/validation/validation.go`).
    pub fn place_for(&self, port: u16) -> EgressPlace {
        let found = self.listener_at(Some(port));
        let found = found.or_else(|| self.listener_at(None));
        found.map_or(EgressPlace::New, EgressPlace::Listener)
    }

    fn listener_at(&self, port: Option<u16>) -> Option<usize> {
        let mut all = self.egress.iter();
        all.position(|egress| !egress.has_bind && egress.listens_on() == port && !egress.is_proxy())
    }
}

impl Registry {
    /// Lets a host through that is written as in `spec.egress[].hosts`, if the Sidecar is there and the
    /// text can be read.
    pub fn let_through(
        &mut self,
        sidecar: &ObjectRef,
        place: EgressPlace,
        text: &str,
    ) -> Option<Undo> {
        let host = EgressHost::parse(text, &mut self.namespaces)?;
        let claims = self.claims_of(text);
        let scope = self.scope_mut(sidecar)?;
        let nth = match place {
            EgressPlace::Listener(nth) if nth < scope.egress.len() => nth,
            EgressPlace::Listener(_) | EgressPlace::New => scope.egress.len(),
        };
        let is_new = nth == scope.egress.len();
        for (readers, claim) in &claims {
            scope.remove(readers, claim);
        }
        if is_new {
            scope.egress.push(Egress::of_nothing());
        }
        scope.egress.get_mut(nth)?.admit(host);
        for (readers, claim) in &claims {
            scope.insert(readers, claim);
        }
        let (object, host) = (sidecar.clone(), text.into());
        Some(Undo(if is_new {
            Before::NoListener(object, host)
        } else {
            Before::Hidden(object, nth, host)
        }))
    }

    /// Forgets all Sidecars but one, for whoever asks for one client only.
    pub fn keep_sidecar(&mut self, kept: Option<&ObjectRef>) {
        self.sidecars.retain(|_, scopes| {
            scopes.retain(|scope| Some(&scope.object) == kept);
            !scopes.is_empty()
        });
    }

    /// Hides again what the last host of an egress listener let through; without a place, what the last
    /// egress listener did.
    pub(super) fn hide_again(&mut self, sidecar: &ObjectRef, nth: Option<usize>, text: &str) {
        let claims = self.claims_of(text);
        let Some(scope) = self.scope_mut(sidecar) else {
            return;
        };
        for (readers, claim) in &claims {
            scope.remove(readers, claim);
        }
        match nth.and_then(|nth| scope.egress.get_mut(nth)) {
            Some(egress) => egress.dismiss(),
            None => drop(scope.egress.pop()),
        }
        for (readers, claim) in &claims {
            scope.insert(readers, claim);
        }
    }

    fn scope_mut(&mut self, sidecar: &ObjectRef) -> Option<&mut SidecarScope> {
        self.known_chains.clear();
        let scopes = self.sidecars.get_mut(&sidecar.namespace)?;
        scopes.iter_mut().find(|scope| scope.object == *sidecar)
    }

    /// The claims of a host, and of those below it if it is a wildcard, with those who may see them.
    fn claims_of(&self, text: &str) -> Vec<(Vec<Reader>, Claim)> {
        let host = text.split_once('/').and_then(|(_, host)| Host::parse(host));
        let Some(host) = host else {
            return Vec::new();
        };
        let own = self.index.by_host.get(&host).into_iter();
        let all = own.chain(self.index.below(&host));
        let entries: Vec<_> = all.flat_map(Rivals::all).map(Arc::clone).collect();
        let claims = entries.iter().flat_map(|of| {
            let readers = self.readers(&of.entry);
            Claim::all(of).map(move |claim| (readers.clone(), claim))
        });
        claims.collect()
    }
}
