//! The VirtualServices and DestinationRules that a connection loses that goes past the proxy.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    by_host::ByHost, object_ref::ObjectRef, query::Viewer, reader::NamespaceId, rule::RoutingRule,
    store::Registry, view::ClientView,
};
use crate::vocabulary::{host::split, host_name::normal};

impl Registry {
    /// The rules that a sidecar applies to a host, which are void for a connection that goes past
    /// it. `host` is a name, or a wildcard as an entry has it.
    ///
    /// 1. VirtualServices for pods (`gateways` absent, or with `mesh`) that are exported to the
    ///    client and within the egress hosts of its Sidecar: all that name the host most nearly.
    /// 2. The DestinationRule that names it most nearly, from the first of these namespaces that
    ///    has one: the client's, that of the host's entry, the root (`destinationRule` in
    ///    `pilot/pkg/model/push_context.go`).
    pub fn routes<'r>(&'r self, viewer: &Viewer<'r>, host: &str) -> Vec<ObjectRef> {
        let view = ClientView::new(self, viewer);
        let name = normal(host);
        let (name, wildcard) = split(&name);
        let mut found = nearest(&self.routing.virtual_services, (name, wildcard), |rule| {
            rule.is_exported_to(view.namespace) && view.lets_rule_through(rule)
        });
        let root = self.namespaces.get(&self.defaults.root_namespace);
        let rule = view
            .destination_rule((name, wildcard), view.namespace)
            .or_else(|| {
                let of_entry = view.namespace_of(name, wildcard)?;
                view.destination_rule((name, wildcard), Some(of_entry))
            })
            .or_else(|| view.destination_rule((name, wildcard), root));
        found.extend(rule);
        found.into_iter().map(|rule| rule.object.clone()).collect()
    }
}

impl<'r> ClientView<'r, '_> {
    /// The DestinationRule of a namespace that names a host most nearly.
    fn destination_rule(
        &self,
        host: (&str, bool),
        namespace: Option<NamespaceId>,
    ) -> Option<&'r Arc<RoutingRule>> {
        let own = namespace == self.namespace;
        let found = nearest(&self.registry.routing.destination_rules, host, |rule| {
            Some(rule.namespace) == namespace && (own || rule.is_exported_to(self.namespace))
        });
        found.into_iter().next()
    }

    /// Whether the client's Sidecar lets a rule through.
    fn lets_rule_through(&self, rule: &RoutingRule) -> bool {
        let sight = self.sight(rule.namespace);
        self.egresses()
            .iter()
            .any(|egress| egress.lets_rule_through(rule.namespace, sight, &rule.hosts))
    }

    /// The namespace of the entry that has a host, at whatever port: the client's own before others.
    fn namespace_of(&self, name: &str, wildcard: bool) -> Option<NamespaceId> {
        let mut at_host = self.registry.index.by_host.nearest(name, wildcard);
        let first = at_host.find_map(|rivals| {
            rivals
                .seen(self.audience())
                .filter(|of| self.lets_through(of, None))
                .min_by_key(|of| !self.is_own(of))
        });
        first.map(|of| of.entry.namespace)
    }
}

/// The fit rules that name a host, or the wildcard below a name, most nearly.
fn nearest<'r>(
    rules: &'r ByHost<BTreeSet<Arc<RoutingRule>>>,
    (name, wildcard): (&str, bool),
    fit: impl Fn(&RoutingRule) -> bool,
) -> Vec<&'r Arc<RoutingRule>> {
    let at_host = rules.nearest(name, wildcard);
    at_host
        .map(|rules| rules.iter().filter(|rule| fit(rule)).collect())
        .find(|fit: &Vec<_>| !fit.is_empty())
        .unwrap_or_default()
}
