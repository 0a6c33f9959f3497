//! What a sidecar is told about (`SidecarScope` in `pilot/pkg/model/sidecar.go`).

mod append;
mod hosts;
mod ports;
mod select;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use self::append::Merged;
use self::hosts::Imports;
use crate::host::{is_wildcard, most_specific};
use crate::mesh::{Client, Mode};
use crate::objects::{Labels, Object, selects};
use crate::protocol::Protocol;
use crate::push::Push;
use crate::service::Service;
use crate::virtual_service::{Destination, Shared};

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
    egress_proxy: Option<Destination>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EgressSpec {
    pub(crate) port: Option<EgressPort>,
    pub(crate) bind: String,
    pub(crate) capture_mode: String,
    hosts: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EgressPort {
    pub(crate) number: u16,
    pub(crate) name: String,
    protocol: String,
}

impl EgressPort {
    pub(crate) fn protocol(&self) -> Protocol {
        Protocol::parse(&self.protocol)
    }
}

/// One egress listener, with what it imports (`IstioEgressListenerWrapper`).
#[derive(Debug)]
pub(crate) struct Egress {
    pub(crate) spec: EgressSpec,
    pub(crate) services: Vec<Rc<Service>>,
    pub(crate) virtual_services: Shared,
    /// Which VirtualService has the most specific host for a service.
    pub(crate) most_specific: BTreeMap<String, (String, String)>,
}

impl EgressSpec {
    /// `needsPortMatch`.
    fn matching_port(&self) -> Option<u16> {
        self.port
            .as_ref()
            .filter(|port| port.number != 0 && port.protocol() != Protocol::HttpProxy)
            .map(|port| port.number)
    }
}

/// The scope of one sidecar.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) egress: Vec<Egress>,
    /// All services, for clusters.
    pub(crate) services: Vec<Rc<Service>>,
    pub(crate) by_host: BTreeMap<String, Rc<Service>>,
    pub(crate) allows_any: bool,
    pub(crate) egress_proxy: Option<Destination>,
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
    let root = || {
        all.iter().find(|(object, written)| {
            object.namespace() == push.mesh.root_namespace && written.workload_selector.is_none()
        })
    };
    let (_, written) = own.or_else(root)?;
    Some(written.clone())
}

impl Egress {
    /// `convertIstioListenerToWrapper`.
    fn new(spec: EgressSpec, push: &Push, client: &Client) -> Self {
        let imports = Imports::read(&spec.hosts, client);
        let virtual_services = select::virtual_services(push, client, &imports);
        let candidates = if imports.is_exact(client) {
            imports.exact_services(push, client)
        } else {
            push.seen_from(&client.namespace)
        };
        let services = select::services(&candidates, client, &imports, spec.matching_port());
        let mut egress = Self {
            spec,
            services,
            virtual_services,
            most_specific: BTreeMap::new(),
        };
        egress.most_specific = egress.index(&egress.services);
        egress
    }

    /// `computeWildcardHostVirtualServiceIndex`.
    fn index(&self, services: &[Rc<Service>]) -> BTreeMap<String, (String, String)> {
        let mut exact = BTreeMap::new();
        let mut wildcards = BTreeMap::new();
        for one in &self.virtual_services {
            for host in &one.spec.hosts {
                let map = if is_wildcard(host) {
                    &mut wildcards
                } else {
                    &mut exact
                };
                map.entry(host.clone()).or_insert_with(|| one.key());
            }
        }
        services
            .iter()
            .filter_map(|service| {
                let key = most_specific(&service.host, &exact, &wildcards)?;
                Some((service.host.clone(), key.clone()))
            })
            .collect()
    }
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
