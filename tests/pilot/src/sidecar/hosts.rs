//! `hosts` of an egress listener (`hostClassification`).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::host::{is_subset, is_wildcard, matches};
use crate::mesh::Client;
use crate::push::Push;
use crate::service::Service;

/// What is imported from one namespace, or from all of them.
#[derive(Debug, Default)]
pub(super) struct FromNamespace {
    hosts: Vec<String>,
    excluded: Vec<String>,
}

impl FromNamespace {
    pub(super) fn excludes(&self, host: &str) -> bool {
        self.excluded.iter().any(|of| is_subset(host, of))
    }

    /// `Matches`.
    pub(super) fn has(&self, host: &str) -> bool {
        self.hosts.iter().any(|imported| is_subset(host, imported))
    }

    /// `VSMatches`: a wildcard VirtualService comes with any host below it.
    pub(super) fn has_virtual_service(&self, host: &str) -> bool {
        self.hosts.iter().any(|imported| matches(host, imported))
    }
}

/// `hostsByNamespace`.
#[derive(Debug, Default)]
pub(super) struct Imports {
    by_namespace: BTreeMap<String, FromNamespace>,
    has_wildcards: bool,
}

impl Imports {
    pub(super) fn read(hosts: &[String], client: &Client) -> Self {
        let mut imports = Self::default();
        for written in hosts {
            let Some((mut namespace, host)) = written.split_once('/') else {
                continue;
            };
            let mut is_excluded = false;
            if client.version.has_excluded_hosts()
                && let Some(rest) = namespace.strip_prefix('~')
            {
                is_excluded = true;
                namespace = if rest.is_empty() { "*" } else { rest };
            }
            if namespace == "." {
                namespace = &client.namespace;
            }
            let of_namespace = imports
                .by_namespace
                .entry(namespace.to_owned())
                .or_default();
            if is_excluded {
                of_namespace.excluded.push(host.to_owned());
                continue;
            }
            of_namespace.hosts.push(host.to_owned());
            imports.has_wildcards |= is_wildcard(host) || namespace == "*";
        }
        imports
    }

    pub(super) fn of(&self, namespace: &str) -> Option<&FromNamespace> {
        self.by_namespace.get(namespace)
    }

    /// What is imported from every namespace.
    pub(super) fn of_all(&self) -> Option<&FromNamespace> {
        self.by_namespace.get("*")
    }

    pub(super) fn excludes(&self, namespace: &str, host: &str) -> bool {
        [self.of(namespace), self.of_all()]
            .into_iter()
            .flatten()
            .any(|imported| imported.excludes(host))
    }

    /// Whether services are looked up instead of scanned.
    pub(super) fn is_exact(&self, client: &Client) -> bool {
        client.version.looks_up_exact_hosts() && !self.has_wildcards
    }

    /// `servicesForExactHosts`: of each host and namespace, only the one that the index has.
    pub(super) fn exact_services(&self, push: &Push, client: &Client) -> Vec<Rc<Service>> {
        let mut found: Vec<Rc<Service>> = self
            .by_namespace
            .iter()
            .flat_map(|(namespace, imported)| {
                let hosts: std::collections::BTreeSet<_> = imported.hosts.iter().collect();
                hosts
                    .into_iter()
                    .filter_map(|host| push.by_host.get(host)?.get(namespace).cloned())
            })
            .filter(|service| push.is_visible(service, client))
            .collect();
        found.sort_by_key(|service| {
            (
                service.created.clone(),
                service.name.clone(),
                service.namespace.clone(),
            )
        });
        found
    }
}
