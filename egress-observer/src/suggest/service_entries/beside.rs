//! Suggested entries beside those that there are for the same host.
//!
//! A namespace's own entry hides those of other namespaces for its host (`selectServices` in
//! `pilot/pkg/model/sidecar.go`), and two of one namespace are merged only if they are equal in
//! resolution, labels, selector and `exportTo` (`canMergeServices` there).

use std::collections::BTreeMap;

use super::{
    answer::{NotSuggested, SuggestedEntry, Suggestions, WhyNotSuggested},
    known::{EntryId, KnownMesh},
};
use crate::service_entry::{AppProtocol, EntryPort, Location, NewServiceEntry, Resolution};
use egress_observer_istio::{
    objects::{ServiceEntryObject, ServicePort},
    vocabulary::Protocol,
};

/// What `kubectl apply` itself writes.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What becomes of a suggestion.
enum Fit {
    /// It stays, with this to be said.
    Kept(Option<String>),
    /// An entry with endpoints of its own has the host.
    HasEndpoints,
}

/// Makes suggestions fit to what there is.
///
/// 1. Where the namespace has an entry for the host, it is that one with the new ports; where more would
///    change than its ports, one that Istio merges with it.
/// 2. Where the namespace sees an entry of another one for the host, it has the ports of that one, too.
/// 3. Endpoints are not copied: then there is no suggestion.
pub(super) fn fit(suggestions: &mut Suggestions, known: &KnownMesh) {
    let mut refused = Vec::new();
    let mut models: BTreeMap<(String, String), NewServiceEntry> = BTreeMap::new();
    suggestions.entries.retain_mut(|entry| {
        let manifest = &mut entry.manifest;
        let Some(host) = manifest.hosts.first().cloned() else {
            return true;
        };
        let key = (manifest.namespace.clone(), host.clone());
        if let Some(first) = models.get(&key) {
            // The second one of a host is for other ports, and has to be merged with the first.
            liken_to(manifest, first);
            return true;
        }
        let resolution = manifest.resolution;
        match fitted(manifest, &host, known) {
            Fit::Kept(note) => {
                if manifest.resolution != resolution {
                    entry.because = "that of the entry that there is for the host";
                }
                entry.notes.extend(note);
                models.insert(key, manifest.clone());
                true
            }
            Fit::HasEndpoints => {
                refused.extend(refusals(entry));
                false
            }
        }
    });
    suggestions.not_suggested.extend(refused);
}

fn fitted(manifest: &mut NewServiceEntry, host: &str, known: &KnownMesh) -> Fit {
    let (own, others): (Vec<_>, Vec<_>) = known
        .of_host(host)
        .partition(|(id, _)| *id.0 == *manifest.namespace);
    let kept = known.kept(&manifest.namespace, host);
    let first = own.iter().find(|(id, _)| kept.as_ref() == Some(*id));
    if let Some((id, object)) = first.or(own.first()) {
        return beside_own(manifest, id, object);
    }
    let seen: Vec<_> = others
        .into_iter()
        .filter(|(id, _)| known.shows(id, &manifest.namespace))
        .collect();
    beside_shared(manifest, &seen)
}

fn beside_own(manifest: &mut NewServiceEntry, id: &EntryId, object: &ServiceEntryObject) -> Fit {
    let (namespace, name) = id;
    if has_endpoints(object) {
        return Fit::HasEndpoints;
    }
    if manifest.addresses.is_empty()
        && let Some(whole) = whole(object, manifest)
    {
        *manifest = whole;
        let text = format!("ServiceEntry {namespace}/{name} as it is, with what is new");
        return Fit::Kept(Some(text));
    }
    if let Some(resolution) = Resolution::parse(&object.spec.resolution) {
        manifest.resolution = resolution;
    }
    manifest.labels.clone_from(&object.metadata.labels);
    manifest.export_to.clone_from(&object.spec.export_to);
    Fit::Kept(Some(format!(
        "equal to ServiceEntry {namespace}/{name} in resolution, labels and exportTo, so that Istio merges \
         both: keep them so"
    )))
}

fn beside_shared(manifest: &mut NewServiceEntry, seen: &[(&EntryId, &ServiceEntryObject)]) -> Fit {
    let mut hidden = Vec::new();
    for ((namespace, name), object) in seen {
        let spec = &object.spec;
        let ports: Option<Vec<EntryPort>> = spec.ports.iter().map(written).collect();
        let (Some(ports), false) = (ports, has_endpoints(object)) else {
            return Fit::HasEndpoints;
        };
        if let Some(resolution) = Resolution::parse(&spec.resolution) {
            manifest.resolution = resolution;
        }
        for address in &spec.addresses {
            if !manifest.addresses.contains(address) {
                manifest.addresses.push(address.clone());
            }
        }
        add_ports(manifest, ports);
        let numbers = spec.ports.iter().map(|port| port.number.to_string());
        let numbers = numbers.collect::<Vec<_>>().join(", ");
        hidden.push(format!("ServiceEntry {namespace}/{name} (ports {numbers})"));
    }
    if hidden.is_empty() {
        return Fit::Kept(None);
    }
    manifest.ports.sort_by_key(|port| port.number);
    let hidden = hidden.join(", ");
    let own = &manifest.namespace;
    Fit::Kept(Some(format!(
        "in {own} it hides {hidden}, and has those ports, too: keep them equal, or add the new ports \
         there instead"
    )))
}

/// The whole of an entry with what is new; nothing, if it has more than can be written.
fn whole(object: &ServiceEntryObject, new: &NewServiceEntry) -> Option<NewServiceEntry> {
    let ServiceEntryObject { metadata, spec, .. } = object;
    let annotated = metadata.annotations.keys().any(|key| key != LAST_APPLIED);
    if annotated || !spec.subject_alt_names.is_empty() {
        return None;
    }
    let ports: Option<Vec<EntryPort>> = spec.ports.iter().map(written).collect();
    let mut whole = NewServiceEntry {
        version: new.version,
        name: metadata.name.clone(),
        namespace: new.namespace.clone(),
        labels: metadata.labels.clone(),
        hosts: spec.hosts.clone(),
        addresses: spec.addresses.clone(),
        ports: ports?,
        export_to: spec.export_to.clone(),
        resolution: Resolution::parse(&spec.resolution)?,
        location: Location::parse(&spec.location)?,
    };
    add_ports(&mut whole, new.ports.clone());
    Some(whole)
}

fn written(port: &ServicePort) -> Option<EntryPort> {
    let name = if port.name.is_empty() {
        format!("{}-{}", port.protocol.to_ascii_lowercase(), port.number)
    } else {
        port.name.clone()
    };
    Some(EntryPort {
        number: port.number,
        name,
        protocol: AppProtocol::parse(&port.protocol)?,
        target: port.target_port,
    })
}

/// Adds ports that are not there yet. Numbers and names are each unique (`ValidateServiceEntry` in
/// `pkg/config/validation/validation.go`).
fn add_ports(manifest: &mut NewServiceEntry, more: Vec<EntryPort>) {
    for mut port in more {
        let ports = &manifest.ports;
        if ports.iter().any(|known| known.number == port.number) {
            continue;
        }
        if ports.iter().any(|known| known.name == port.name) {
            port.name = format!("{}-{}", port.name, port.number);
        }
        manifest.ports.push(port);
    }
}

fn liken_to(manifest: &mut NewServiceEntry, first: &NewServiceEntry) {
    manifest.resolution = first.resolution;
    manifest.labels.clone_from(&first.labels);
    manifest.export_to.clone_from(&first.export_to);
}

fn has_endpoints(object: &ServiceEntryObject) -> bool {
    !object.spec.endpoints.is_empty() || object.spec.workload_selector.is_some()
}

/// A suggestion that is none, for each of its ports.
fn refusals(entry: &SuggestedEntry) -> Vec<NotSuggested> {
    let manifest = &entry.manifest;
    let refused = manifest.ports.iter().map(|port| NotSuggested {
        namespace: manifest.namespace.clone(),
        ip: None,
        names: manifest.hosts.clone(),
        port: port.number,
        protocol: Protocol::Tcp,
        reason: WhyNotSuggested::HasEndpoints,
        connections: entry.connections,
    });
    refused.collect()
}
