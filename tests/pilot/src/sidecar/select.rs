//! What an egress listener imports (`selectServices`, `SelectVirtualServices`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::hosts::{FromNamespace, Imports};
use super::ports;
use crate::mesh::Client;
use crate::push::Push;
use crate::service::{Registry, Service};
use crate::virtual_service::Shared;

/// The services that it imports, of each host those of one namespace.
pub(super) fn services(
    candidates: &[Rc<Service>],
    client: &Client,
    imports: &Imports,
    matching_port: Option<u16>,
) -> Vec<Rc<Service>> {
    let mut imported = Vec::new();
    for service in candidates {
        if imports.excludes(&service.namespace, &service.host) {
            continue;
        }
        let found = [imports.of(&service.namespace), imports.of_all()]
            .into_iter()
            .flatten()
            .find_map(|from| matching(from, service, matching_port));
        imported.extend(found);
    }
    let namespaces = chosen_namespaces(&imported, client);
    imported.retain(|service| namespaces[&service.host] == service.namespace);
    imported
}

/// `matchingService`, `matchingAliasService`.
fn matching(
    from: &FromNamespace,
    service: &Rc<Service>,
    matching_port: Option<u16>,
) -> Option<Rc<Service>> {
    if !from.has(&service.host) {
        return None;
    }
    let service = match matching_port {
        Some(port) => ports::only(service, port)?,
        None => Rc::clone(service),
    };
    if service.aliases.iter().all(|alias| from.has(alias)) {
        return Some(service);
    }
    let mut trimmed = Service::clone(&service);
    trimmed.aliases.retain(|alias| from.has(alias));
    Some(Rc::new(trimmed))
}

/// Of several namespaces with a host: the client's own, else one with a Kubernetes Service, else the first.
/// Before scopes were unified: the own, else the first.
fn chosen_namespaces(imported: &[Rc<Service>], client: &Client) -> BTreeMap<String, String> {
    let mut chosen: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for service in imported {
        let is_kubernetes = service.registry == Registry::Kubernetes;
        let this = (service.namespace.clone(), is_kubernetes);
        let takes = match chosen.get(&service.host) {
            None => true,
            Some(_) if service.namespace == client.namespace => true,
            Some((existing, existing_is_kubernetes)) => {
                client.version.has_unified_scope()
                    && !existing_is_kubernetes
                    && is_kubernetes
                    && *existing != client.namespace
            }
        };
        if takes {
            chosen.insert(service.host.clone(), this);
        }
    }
    chosen
        .into_iter()
        .map(|(host, (namespace, _))| (host, namespace))
        .collect()
}

/// The VirtualServices that it imports.
pub(super) fn virtual_services(push: &Push, client: &Client, imports: &Imports) -> Shared {
    let mut selected = Shared::new();
    for one in push.virtual_services.seen_from(&client.namespace) {
        let namespace = &one.object.namespace;
        let is_imported = [imports.of(namespace), imports.of_all()]
            .into_iter()
            .flatten()
            .any(|from| {
                one.spec.hosts.iter().any(|host| {
                    from.has_virtual_service(host) && !imports.excludes(namespace, host)
                })
            });
        let is_known = selected.iter().any(|known| known.object == one.object);
        if is_imported && !is_known {
            selected.push(Rc::clone(one));
        }
    }
    selected
}

/// The service that a VirtualService leads to: the own namespace's, else the best that is visible
/// (`pickBestVisibleNamespace`), before 1.30 that of the first namespace by name.
pub(super) fn destination(push: &Push, client: &Client, host: &str) -> Option<Rc<Service>> {
    let by_namespace = push.by_host.get(host)?;
    if let Some(own) = by_namespace.get(&client.namespace) {
        return Some(Rc::clone(own));
    }
    let mut visible = by_namespace
        .values()
        .filter(|service| push.is_visible(service, client));
    if !client.version.picks_best_namespace() {
        return visible.next().cloned();
    }
    visible
        .min_by_key(|service| {
            (
                service.registry != Registry::Kubernetes,
                service.created.clone(),
            )
        })
        .cloned()
}
