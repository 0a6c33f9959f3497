//! What a sidecar is told about (`SidecarScope` in `pilot/pkg/model/sidecar.go`).

mod append;
pub(crate) mod egress;
mod hosts;
mod ports;
mod select;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use self::append::Merged;
use self::egress::{Egress, EgressSpec};
use crate::mesh::{Client, Mode};
use crate::objects::{Labels, Object, selects};
use crate::push::Push;
use crate::service::Service;
use crate::virtual_service::RouteDestination;

/// What the objects `Sidecar` say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    workload_selector: Option<Selector>,
    egress: Vec<EgressSpec>,
    outbound_traffic_policy: Option<PolicySpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Selector {
    labels: Labels,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PolicySpec {
    mode: Option<Mode>,
    egress_proxy: Option<RouteDestination>,
}

/// The scope of one sidecar.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) egress: Vec<Egress>,
    /// All services, for clusters.
    pub(crate) services: Vec<Rc<Service>>,
    pub(crate) by_host: BTreeMap<String, Rc<Service>>,
    pub(crate) allows_any: bool,
    pub(crate) egress_proxy: Option<RouteDestination>,
}

impl Scope {
    /// `convertToSidecarScope`.
    pub(crate) fn new(push: &Push, client: &Client) -> Self {
        let found = object_for(push, client);
        let is_default = found.is_none();
        let mut written = found.unwrap_or_default();
        if written.egress.is_empty() {
            written.egress.push(EgressSpec {
                hosts: vec!["*/*".to_owned()],
                ..EgressSpec::default()
            });
        }
        let mut egress: Vec<Egress> = written
            .egress
            .into_iter()
            .map(|spec| Egress::new(spec, push, client))
            .collect();
        let merged = if is_default && !client.version.has_unified_scope() {
            append::of_default(push, client, &mut egress[0])
        } else {
            collect(push, client, &egress)
        };
        let policy = written.outbound_traffic_policy;
        // A policy without a mode has the API's first one.
        let mode = policy.as_ref().map_or(push.mesh.mode, |policy| {
            policy.mode.unwrap_or(Mode::RegistryOnly)
        });
        Self {
            egress,
            by_host: merged.by_host,
            services: merged.services,
            allows_any: mode == Mode::AllowAny,
            egress_proxy: policy.and_then(|policy| policy.egress_proxy),
        }
    }
}

/// The Sidecar that counts (`initSidecarScopes`, `getSidecarScope`): of the own namespace one with a selector
/// for the pod, else one without; else the root namespace's without; by age.
fn object_for(push: &Push, client: &Client) -> Option<Written> {
    let mut all: Vec<(&Object, Written)> = push
        .objects
        .iter()
        .filter(|object| object.is("Sidecar"))
        .filter_map(|object| {
            let written = serde_json::from_value(object.value["spec"].clone());
            Some((object, written.ok()?))
        })
        .collect();
    all.sort_by_key(|(object, written): &(&Object, Written)| {
        (
            written.workload_selector.is_none(),
            object.created.clone(),
            object.name().to_owned(),
            object.namespace().to_owned(),
        )
    });
    let own = all.iter().find(|(object, written)| {
        let selector = written.workload_selector.as_ref();
        object.namespace() == client.namespace
            && selector.is_none_or(|selector| selects(&selector.labels, &client.labels))
    });
    let (_, written) = own.or_else(|| {
        all.iter().find(|(object, written)| {
            object.namespace() == push.mesh.root_namespace && written.workload_selector.is_none()
        })
    })?;
    Some(written.clone())
}

/// `collectImportedServices`: what is imported, then what VirtualServices lead to.
fn collect(push: &Push, client: &Client, egress: &[Egress]) -> Merged {
    let mut merged = Merged::new(client.version);
    for of_listener in egress {
        for service in &of_listener.services {
            merged.append(service);
        }
        let matching_port = of_listener.spec.matching_port();
        for one in &of_listener.virtual_services {
            for (host, numbers) in one.destinations(client) {
                let Some(service) = select::destination(push, client, &host) else {
                    continue;
                };
                let trimmed = match matching_port {
                    Some(port) => ports::only(&service, port),
                    None => ports::those(&service, &numbers),
                };
                if let Some(trimmed) = trimmed {
                    merged.append(&trimmed);
                }
            }
        }
    }
    merged
}
