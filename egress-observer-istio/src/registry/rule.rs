//! A VirtualService or a DestinationRule.

use std::cmp::Ordering;

use super::{
    object_ref::ObjectRef,
    reader::{NamespaceId, Namespaces},
    virtual_service::RouteTable,
};
use crate::vocabulary::{Export, Host, host_name::service_name};

/// An object that says how to reach hosts. Ordered by age, then by name and namespace
/// (`sortConfigByCreationTime` in `pilot/pkg/model/config.go`).
#[derive(Debug)]
pub(super) struct RoutingRule {
    pub(super) created: String,
    pub(super) object: ObjectRef,
    /// Without those of one that is for gateways only.
    pub(super) hosts: Vec<Host>,
    pub(super) namespace: NamespaceId,
    pub(super) readers: Vec<NamespaceId>,
    pub(super) everyone: bool,
    /// Whether it says nothing of `exportTo`.
    pub(super) has_default_export: bool,
    /// Whether it has no hosts, so that it is nothing by itself.
    pub(super) is_delegate: bool,
    /// Of a VirtualService.
    pub(super) routes: RouteTable,
}

impl RoutingRule {
    /// Sets to whom it is exported.
    pub(super) fn export(&mut self, export: Export<'_>, namespaces: &mut Namespaces) {
        let own = &self.object.namespace;
        self.everyone = export.is_to_everyone();
        self.readers = export
            .namespaces(own)
            .map(|name| namespaces.intern(name).0)
            .collect();
    }

    /// Completes short names by another domain of the cluster.
    pub(super) fn rename(&mut self, before: &str, now: &str) {
        let ending = format!(".{}.svc.{before}", self.object.namespace);
        let renamed = |name: &str| {
            let short = name.strip_suffix(&ending).filter(|it| !it.contains('.'))?;
            Some(service_name(short, &self.object.namespace, now))
        };
        for host in self.hosts.iter_mut().filter(|host| !host.wildcard) {
            if let Some(name) = renamed(&host.name) {
                host.name = name.into();
            }
        }
        for to in self.routes.clusters_mut().filter(|to| to.is_completed) {
            if let Some(name) = renamed(&to.host) {
                to.host = name.into();
            }
        }
    }

    /// Whether it is exported to a client in `namespace`.
    pub(super) fn is_exported_to(&self, namespace: Option<NamespaceId>) -> bool {
        self.everyone || self.readers.iter().any(|reader| Some(*reader) == namespace)
    }

    /// Its place among those that a client sees (`SelectVirtualServices` in
    /// `pilot/pkg/model/virtualservice.go`): private ones first, then those that are exported to its
    /// namespace, then those for all.
    pub(super) fn rank(&self, namespace: Option<NamespaceId>) -> u8 {
        if self.everyone {
            2
        } else {
            u8::from(Some(self.namespace) != namespace)
        }
    }

    /// Whether one of its hosts is within another, or the other within it.
    pub(super) fn touches(&self, other: &Host) -> bool {
        let mut hosts = self.hosts.iter();
        hosts.any(|host| host.is_within(other) || other.is_within(host))
    }

    /// Whether one of its hosts takes in all that another stands for.
    pub(super) fn covers(&self, other: &Host) -> bool {
        self.hosts.iter().any(|host| other.is_within(host))
    }

    /// Whether one of its hosts stands for a name.
    pub(super) fn stands_for(&self, name: &str) -> bool {
        self.hosts.iter().any(|host| host.stands_for(name))
    }

    /// Namespace and name.
    pub(super) fn key(&self) -> (Box<str>, Box<str>) {
        (
            (&*self.object.namespace).into(),
            (&*self.object.name).into(),
        )
    }

    /// Whether it routes anything but HTTP.
    pub(super) fn has_streams(&self) -> bool {
        !(self.routes.tls.is_empty() && self.routes.tcp.is_empty())
    }

    /// Whether it tells TCP by ranges.
    pub(super) fn has_ranges(&self) -> bool {
        let mut matches = self.routes.tcp.iter().flat_map(|route| &route.matches);
        matches.any(|matcher| !matcher.subnets.is_empty())
    }

    fn order(&self) -> (&str, &str, &str, &ObjectRef) {
        let object = &self.object;
        (&self.created, &object.name, &object.namespace, object)
    }
}

impl Ord for RoutingRule {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for RoutingRule {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RoutingRule {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for RoutingRule {}
