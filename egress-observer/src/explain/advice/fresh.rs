//! A new ServiceEntry for a destination.

use std::collections::BTreeMap;

use super::{
    case::AdviceCase,
    proposal::Proposal,
    target::{WantedTarget, is_for, is_inside},
};
use crate::{
    explain::answer::Method,
    service_entry::{
        ApiVersion, AppProtocol, EntryPort, Location, NewServiceEntry, Resolution, host_of,
    },
    trial::TriedChange,
};
use egress_observer_istio::registry::{DeclaredPort, NearMiss, ObjectKind, ObjectRef, Why};

/// An entry of the pod's namespace for the destination. It is like the one that the namespace has for
/// the host, so that Istio merges them; where it would hide one of another namespace, it has its ports,
/// too. None for what is inside the cluster, or where that one cannot be copied.
pub(super) fn entry(
    case: &AdviceCase<'_>,
    target: &WantedTarget<'_>,
    near: &[NearMiss<'_>],
) -> Option<Proposal> {
    if is_inside(case, target, near) {
        return None;
    }
    let mut manifest = plain(case, target);
    let mut what =
        "Declare the host. Istio's own recommendation: an allow-list, and routes, timeouts \
                    and telemetry work for it."
            .to_owned();
    let of_host: Vec<&ObjectRef> = near
        .iter()
        .filter(|miss| is_for(target, miss) && matches!(miss.why, Why::OtherPorts(_)))
        .map(|miss| &miss.entry.object)
        .collect();
    let is_own = |object: &&&ObjectRef| object.namespace == case.pod.namespace;
    let own = of_host.iter().find(is_own);
    if let Some(own) = own {
        liken(&mut manifest, case, own)?;
        what = format!("Declare the port in an entry that Istio merges with {own}.");
    } else if !of_host.is_empty() {
        for shared in &of_host {
            include(&mut manifest, case, shared)?;
        }
        let all = of_host.iter().map(ToString::to_string);
        let all = all.collect::<Vec<_>>().join(", ");
        let them = if of_host.len() == 1 {
            "it has its"
        } else {
            "it has their"
        };
        what = format!(
            "Declare the host in the pod's own namespace. The entry hides {all} there, so {them} \
             ports, too: keep them equal."
        );
        manifest.export_to = vec![".".to_owned()];
    }
    let ports = manifest.ports.iter().map(|port| port.number).collect();
    let import = manifest.hosts.first().map(|host| format!("./{host}"));
    let needs_address = manifest
        .addresses
        .iter()
        .any(|address| address.starts_with('<'));
    Some(Proposal {
        method: Method::ServiceEntry,
        what: Some(what),
        price: "One object for each host, to be kept up to date. Takes effect at once.".to_owned(),
        changes: vec![TriedChange::Declare(manifest)],
        import: import.map(|import| (import, ports)),
        at: needs_address.then(|| case.stand_in()),
    })
}

fn plain(case: &AdviceCase<'_>, target: &WantedTarget<'_>) -> NewServiceEntry {
    let protocol = AppProtocol::usual(target.port);
    let known = target.ip.map(|ip| ip.to_string());
    let address = vec![known.unwrap_or_else(|| "<its address>".to_owned())];
    let (host, addresses, resolution) = match (target.host, target.ip) {
        // Told by its name, whatever its address.
        (Some(host), _) if protocol.says_a_name() => (host.to_owned(), Vec::new(), Resolution::Dns),
        // Without an address it would take every connection to the port.
        (Some(host), _) => (host.to_owned(), address, Resolution::Dns),
        (None, Some(ip)) => (host_of(ip), address, Resolution::None),
        (None, None) => (".external".to_owned(), address, Resolution::None),
    };
    NewServiceEntry {
        version: ApiVersion::V1,
        name: name(case, &host, target.port),
        namespace: case.pod.namespace.to_string(),
        labels: BTreeMap::new(),
        hosts: vec![host],
        addresses,
        ports: vec![EntryPort {
            number: target.port,
            name: protocol.as_str().to_ascii_lowercase(),
            protocol,
            target: 0,
        }],
        export_to: Vec::new(),
        resolution,
        location: Location::External,
    }
}

/// A name that no other entry of the namespace has.
fn name(case: &AdviceCase<'_>, host: &str, port: u16) -> String {
    let base = format!(
        "{}-{port}",
        host.replace(['.', '_'], "-").replace('*', "all")
    );
    let taken = |name: &str| {
        let known = case.registry().service_entry_ref(&case.pod.namespace, name);
        known.is_some()
    };
    let mut name = base.clone();
    let mut n = 2_u32;
    while taken(&name) {
        name = format!("{base}-{n}");
        n += 1;
    }
    name
}

/// Makes an entry equal to another one in what Istio asks for to merge them, as far as it is known.
fn liken(manifest: &mut NewServiceEntry, case: &AdviceCase<'_>, own: &ObjectRef) -> Option<()> {
    let entry = case.registry().entry(own)?;
    manifest.resolution = Resolution::parse(&entry.resolution)?;
    manifest.location = Location::parse(&entry.location)?;
    manifest.export_to.clone_from(&entry.export_to);
    entry.has_no_endpoints.then_some(())
}

/// Gives an entry what another one has that it hides.
fn include(
    manifest: &mut NewServiceEntry,
    case: &AdviceCase<'_>,
    shared: &ObjectRef,
) -> Option<()> {
    let registry = case.registry();
    if shared.kind != ObjectKind::ServiceEntry {
        return None;
    }
    liken(manifest, case, shared)?;
    let addresses = registry.addresses_in(shared);
    let new = addresses
        .into_iter()
        .filter(|it| !manifest.addresses.contains(it));
    let new: Vec<String> = new.collect();
    manifest.addresses.extend(new);
    for port in registry.ports_of(shared) {
        if !manifest
            .ports
            .iter()
            .any(|known| known.number == port.number)
        {
            manifest.ports.push(written(port)?);
        }
    }
    manifest.ports.sort_by_key(|port| port.number);
    for port in &mut manifest.ports {
        let word = port.protocol.as_str().to_ascii_lowercase();
        port.name = format!("{word}-{}", port.number);
    }
    Some(())
}

fn written(port: DeclaredPort) -> Option<EntryPort> {
    Some(EntryPort {
        number: port.number,
        name: String::new(),
        protocol: AppProtocol::parse(port.protocol)?,
        target: port.target,
    })
}
