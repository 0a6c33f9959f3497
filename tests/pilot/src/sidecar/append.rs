//! Services of a scope, one for each host (`appendSidecarServices`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::egress::Egress;
use crate::mesh::Client;
use crate::push::Push;
use crate::service::{Registry, Service};
use crate::version::Version;

/// The union of what listeners import.
#[derive(Debug)]
pub(super) struct Merged {
    version: Version,
    pub(super) services: Vec<Rc<Service>>,
    pub(super) by_host: BTreeMap<String, Rc<Service>>,
}

impl Merged {
    pub(super) const fn new(version: Version) -> Self {
        Self {
            version,
            services: Vec::new(),
            by_host: BTreeMap::new(),
        }
    }

    pub(super) fn append(&mut self, service: &Rc<Service>) {
        let Some(existing) = self.by_host.get(&service.host).cloned() else {
            self.services.push(Rc::clone(service));
            self.by_host
                .insert(service.host.clone(), Rc::clone(service));
            return;
        };
        if Rc::ptr_eq(&existing, service) {
            return;
        }
        let stands_for = if self.version.merges_services() {
            merged(&existing, service)
        } else {
            merged_by_namespace(&existing, service)
        };
        if let Some(stands_for) = stands_for {
            self.replace(&existing, stands_for);
        }
    }

    fn replace(&mut self, existing: &Rc<Service>, new: Rc<Service>) {
        for service in &mut self.services {
            if Rc::ptr_eq(service, existing) {
                *service = Rc::clone(&new);
            }
        }
        self.by_host.insert(new.host.clone(), new);
    }
}

/// What stands for two services of a host; nothing if the first one does.
fn merged(existing: &Rc<Service>, service: &Rc<Service>) -> Option<Rc<Service>> {
    match (existing.registry, service.registry) {
        (Registry::Kubernetes, Registry::External) => return None,
        (Registry::External, Registry::Kubernetes) => return Some(Rc::clone(service)),
        _ => {}
    }
    let can_merge = existing.namespace == service.namespace
        && existing.resolution == service.resolution
        && existing.labels == service.labels
        && existing.selector.clone().unwrap_or_default()
            == service.selector.clone().unwrap_or_default()
        && existing.export_to == service.export_to;
    (existing.ports != service.ports && can_merge).then(|| with_ports(existing, service))
}

/// The same before 1.22.
fn merged_by_namespace(existing: &Rc<Service>, service: &Rc<Service>) -> Option<Rc<Service>> {
    let can_merge = existing.namespace == service.namespace && !service.ports.is_empty();
    can_merge.then(|| with_ports(existing, service))
}

fn with_ports(existing: &Rc<Service>, service: &Rc<Service>) -> Rc<Service> {
    let mut both = Service::clone(existing);
    for port in &service.ports {
        if both.ports.iter().all(|known| known.number != port.number) {
            both.ports.push(port.clone());
        }
    }
    Rc::new(both)
}

/// The scope without a Sidecar, before scopes were unified (`DefaultSidecarScopeForNamespace`): everything
/// that is seen, of 1.22 and 1.23 merged by host.
pub(super) fn of_default(push: &Push, client: &Client, egress: &mut Egress) -> Merged {
    let seen = push.seen_from(&client.namespace);
    egress.most_specific = egress.index(&seen);
    let mut merged = Merged::new(client.version);
    if client.version.merges_services() {
        for service in &seen {
            merged.append(service);
        }
        egress.services.clone_from(&merged.services);
        return merged;
    }
    for service in &seen {
        let keeps = merged.by_host.get(&service.host).is_some_and(|existing| {
            existing.registry == Registry::Kubernetes || service.registry != Registry::Kubernetes
        });
        if !keeps {
            merged
                .by_host
                .insert(service.host.clone(), Rc::clone(service));
        }
    }
    merged.services.clone_from(&seen);
    egress.services = seen;
    merged
}
