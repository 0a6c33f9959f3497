//! What a client sees of the registry.

use std::{cell::Cell, sync::Arc};

use super::{
    chain_set::Chains,
    claim::Claim,
    egress::{EVERYTHING, Egress},
    host_entry::{HostEntry, Place},
    query::Viewer,
    reader::{Audience, NamespaceId},
    rivals::Rivals,
    store::Registry,
};
use crate::rules::Release;

/// What a client sees of the registry.
pub(super) struct ClientView<'r, 'v> {
    pub(super) registry: &'r Registry,
    pub(super) viewer: &'v Viewer<'r>,
    /// None, if no object mentions it.
    pub(super) namespace: Option<NamespaceId>,
    /// Whether its proxy uses allocated addresses.
    pub(super) allocated: bool,
    /// The listener at every address of the port that was asked about last.
    pub(super) listener: Cell<Option<(u16, Option<Chains<'r>>)>>,
}

impl<'r, 'v> ClientView<'r, 'v> {
    pub(super) fn new(registry: &'r Registry, viewer: &'v Viewer<'r>) -> Self {
        Self {
            registry,
            viewer,
            namespace: registry.namespaces.get(viewer.namespace),
            allocated: viewer.uses_allocated(),
            listener: Cell::new(None),
        }
    }

    pub(super) fn is_own(&self, of: &HostEntry) -> bool {
        self.namespace == Some(of.entry.namespace)
    }

    /// Which lists of services its sidecar gets.
    pub(super) fn audience(&self) -> Audience {
        Audience::new(self.namespace, self.viewer.is_since(31))
    }

    /// Whether an entry is exported to the client.
    pub(super) fn is_exported(&self, of: &HostEntry) -> bool {
        let readers = self.registry.readers(&of.entry);
        readers
            .iter()
            .any(|reader| reader.is_met_by(self.namespace))
    }

    /// The egress listeners of its Sidecar, or what stands for them.
    pub(super) fn egresses(&self) -> &'r [Egress] {
        self.viewer
            .sidecar
            .map_or(&EVERYTHING, |scope| scope.egress())
    }

    /// The egress listener whose hosts are routed by name on a port (`GetEgressListenerForRDS` in
    /// `pilot/pkg/model/sidecar.go`).
    pub(super) fn router(&self, port: u16) -> Option<&'r Egress> {
        let mut all = self.egresses().iter();
        all.find(|egress| egress.is_for(port))
    }

    /// What the first of the egress listeners makes that makes anything on a port. One for the port
    /// comes before one for all, which adds nothing to what it made (`buildSidecarOutboundListeners`
    /// in `pilot/pkg/networking/core/listener.go`: `locked`).
    pub(super) fn on_first_egress<T>(
        &self,
        port: u16,
        make: impl Fn(&'r Egress) -> Option<T>,
    ) -> Option<T> {
        let all = self.egresses().iter();
        let all = all.filter(|egress| !egress.has_bind || egress.is_everywhere());
        let for_port = all
            .clone()
            .filter(|egress| egress.listens_on() == Some(port));
        let for_all = all.filter(|egress| egress.listens_on().is_none());
        for_port.chain(for_all).find_map(make)
    }

    /// Whether a namespace is the client's own, and whether its version knows of hosts that a Sidecar
    /// takes away.
    pub(super) fn sight(&self, namespace: NamespaceId) -> (bool, bool) {
        (self.namespace == Some(namespace), self.viewer.is_since(31))
    }

    /// Whether an entry that is exported to the client exists for its version: before 1.22, a
    /// ServiceEntry does in every namespace.
    pub(super) fn is_there(&self, of: &HostEntry) -> bool {
        let namespace = &of.entry.object.namespace;
        let discovered = !self.viewer.is_since(22) || self.registry.discovery.includes(namespace);
        discovered && self.is_exported_by_default(of)
    }

    /// Whether an entry is exported to the client by what its version makes of the default.
    fn is_exported_by_default(&self, of: &HostEntry) -> bool {
        let words = &self.registry.defaults.service_export_to;
        !of.entry.export_to.is_empty() || self.admits_default(words, self.is_own(of))
    }

    /// Before 1.30.3 an object without `exportTo` is private where the default has a dot, else for all
    /// where it has a star, and for nobody else (`initServiceRegistry`, `initVirtualServices` in
    /// `pilot/pkg/model/push_context.go`).
    pub(super) fn admits_default(&self, words: &[String], own: bool) -> bool {
        let has = |word: &str| words.iter().any(|it| it == word);
        self.viewer.is_since_release(Release(30, 3)) || if has(".") { own } else { has("*") }
    }

    /// Whether an egress listener lets an entry through that is exported to the client
    /// (`selectServices` in `pilot/pkg/model/sidecar.go`).
    pub(super) fn imports(&self, egress: &Egress, of: &HostEntry) -> bool {
        egress.lets_through(of.entry.namespace, self.sight(of.entry.namespace), &of.host)
            && self.is_there(of)
            && self.is_looked_up(egress, of)
            && egress.port.is_none_or(|port| of.port(port).is_some())
    }

    /// Whether an entry is the one of its host and namespace that an egress listener finds, where it
    /// looks for that alone.
    fn is_looked_up(&self, egress: &Egress, of: &HostEntry) -> bool {
        if !self.looks_up(egress) {
            return true;
        }
        let rivals = self.registry.index.by_host.get(&of.host);
        let found = rivals.and_then(|all| self.first_in(all, Some(of.entry.namespace)));
        found.is_some_and(|found| found.order() == of.order())
    }

    /// Whether an egress listener looks up its hosts by name, since 1.31.
    pub(super) fn looks_up(&self, egress: &Egress) -> bool {
        self.viewer.is_since(31) && egress.has_names_only()
    }

    /// Whether any egress listener lets an entry through, at this port if one is given.
    pub(super) fn lets_through(&self, of: &HostEntry, port: Option<u16>) -> bool {
        self.egresses().iter().any(|egress| {
            let fits = |own: u16| port.is_none_or(|port| own == port);
            egress.port.is_none_or(fits) && self.imports(egress, of)
        })
    }

    /// Whether an entry is one by itself, and not just another name of one (`ENABLE_EXTERNAL_NAME_ALIAS`,
    /// since 1.21).
    pub(super) fn is_concrete(&self, of: &HostEntry) -> bool {
        !matches!(of.place, Place::Alias(_)) || !self.viewer.is_since(21)
    }

    /// Whether a claim that is exported to the client counts for an egress listener.
    pub(super) fn counts(&self, egress: &Egress, claim: &Claim) -> bool {
        self.may_count(egress, claim) && self.is_chosen(egress, &claim.of)
    }

    /// The same where the entries with its host are known.
    pub(super) fn counts_among(&self, rivals: &'r Rivals, egress: &Egress, claim: &Claim) -> bool {
        self.may_count(egress, claim) && self.is_chosen_of(rivals, egress, &claim.of)
    }

    fn may_count(&self, egress: &Egress, claim: &Claim) -> bool {
        egress.port.is_none_or(|port| port == claim.port())
            && self.is_concrete(&claim.of)
            && self.imports(egress, &claim.of)
    }

    /// The entries with a host that an egress listener lets through, in their order.
    pub(super) fn imported<'s>(
        &'s self,
        egress: &'s Egress,
        rivals: &'r Rivals,
    ) -> impl Iterator<Item = &'r Arc<HostEntry>> + use<'r, 's, 'v> {
        let seen = rivals.seen(self.audience());
        seen.filter(|of| self.is_concrete(of) && self.imports(egress, of))
    }

    /// Whether an entry's namespace is the one whose entries count for its host.
    pub(super) fn is_chosen(&self, egress: &Egress, of: &HostEntry) -> bool {
        let rivals = self.registry.index.by_host.get(&of.host);
        rivals.is_none_or(|rivals| self.is_chosen_of(rivals, egress, of))
    }

    fn is_chosen_of(&self, rivals: &'r Rivals, egress: &Egress, of: &HostEntry) -> bool {
        if rivals.only().is_some() {
            return true;
        }
        let mut all = self.imported(egress, rivals).peekable();
        let Some(first) = all.next() else {
            return true;
        };
        if all.peek().is_none() {
            return true;
        }
        let legacy = !self.viewer.is_since(24) && self.viewer.sidecar.is_none();
        if legacy {
            return self.is_one_of_the_first(first, all, of);
        }
        let chosen = all.fold(first, |chosen, next| {
            if self.takes_over(chosen, next) {
                next
            } else {
                chosen
            }
        });
        chosen.entry.namespace == of.entry.namespace
    }

    /// Whether an entry takes a host over from one that was listed before: one of the client's own
    /// namespace, or, since 1.24, a Service from a ServiceEntry of another namespace
    /// (`selectServices` in `pilot/pkg/model/sidecar.go`).
    fn takes_over(&self, chosen: &HostEntry, next: &HostEntry) -> bool {
        self.is_own(next)
            || (self.viewer.is_since(24)
                && next.entry.is_service()
                && !chosen.entry.is_service()
                && !self.is_own(chosen))
    }

    /// Whether entries are merged by host where there is no Sidecar (1.22 and 1.23).
    pub(super) fn is_merged_by_default(&self) -> bool {
        self.viewer.sidecar.is_none() && self.viewer.is_since(22) && !self.viewer.is_since(24)
    }

    /// Before 1.24, pods without a Sidecar see every entry of a host up to 1.21, then the first and
    /// those that are merged with it (`DefaultSidecarScopeForNamespace` in
    /// `pilot/pkg/model/sidecar.go`).
    fn is_one_of_the_first<'a>(
        &self,
        first: &'a Arc<HostEntry>,
        others: impl Iterator<Item = &'a Arc<HostEntry>>,
        of: &HostEntry,
    ) -> bool {
        if !self.is_merged_by_default() {
            return true;
        }
        let mut others = others.filter(|_| !first.entry.is_service());
        let first = others.find(|of| of.entry.is_service()).unwrap_or(first);
        first.entry.object == of.entry.object || first.merges_with(of)
    }
}
