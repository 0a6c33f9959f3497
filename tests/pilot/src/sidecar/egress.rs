//! One egress listener of a sidecar.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use super::hosts::Imports;
use super::select;
use crate::host::{is_wildcard, most_specific};
use crate::mesh::Client;
use crate::protocol::Protocol;
use crate::push::Push;
use crate::service::Service;
use crate::virtual_service::Shared;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EgressSpec {
    pub(crate) port: Option<EgressPort>,
    pub(crate) bind: String,
    pub(crate) capture_mode: String,
    pub(super) hosts: Vec<String>,
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
    pub(super) fn matching_port(&self) -> Option<u16> {
        self.port
            .as_ref()
            .filter(|port| port.number != 0 && port.protocol() != Protocol::HttpProxy)
            .map(|port| port.number)
    }
}

impl Egress {
    /// `convertIstioListenerToWrapper`.
    pub(super) fn new(spec: EgressSpec, push: &Push, client: &Client) -> Self {
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
    pub(super) fn index(&self, services: &[Rc<Service>]) -> BTreeMap<String, (String, String)> {
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
