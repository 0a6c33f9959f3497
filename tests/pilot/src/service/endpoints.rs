//! Where the endpoints of headless services are (`ServiceEndpointsByPort`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Port, Registry, Service};
use crate::objects::{Labels, Object, selects};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Addresses of endpoints, by namespace and host or by the ServiceEntry's name.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    objects: Vec<Object>,
}

impl Endpoints {
    pub(crate) fn new(objects: &[Object]) -> Self {
        let kinds = ["EndpointSlice", "Pod", "WorkloadEntry"];
        Self {
            objects: objects
                .iter()
                .filter(|object| kinds.contains(&object.reference.kind.as_str()))
                .cloned()
                .collect(),
        }
    }

    /// Those of a service's port: of each endpoint its addresses. EndpointSlices say it; without any of the
    /// service, the pods that it selects.
    pub(crate) fn of(&self, service: &Service, port: &Port) -> Vec<Vec<String>> {
        if service.registry == Registry::Kubernetes {
            let slices: Vec<&Object> = self
                .objects
                .iter()
                .filter(|object| object.is("EndpointSlice"))
                .filter(|object| object.namespace() == service.namespace)
                .filter(|object| object.labels.get(SERVICE_NAME) == Some(&service.name))
                .collect();
            if !slices.is_empty() {
                return of_slices(&slices, port);
            }
        }
        service
            .selector
            .iter()
            .flat_map(|selector| selected(&self.objects, &service.namespace, selector))
            .filter(|endpoint| service.registry == Registry::External || endpoint.0 == Kind::Pod)
            .map(|(_, addresses)| addresses)
            .collect()
    }
}

fn of_slices(slices: &[&Object], port: &Port) -> Vec<Vec<String>> {
    let mut found = BTreeMap::new();
    for slice in slices {
        let has_port = slice.value["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|of_slice| of_slice["name"].as_str().unwrap_or_default() == port.name);
        let endpoints = slice.value["endpoints"].as_array();
        for endpoint in endpoints.into_iter().flatten().filter(|_| has_port) {
            if endpoint["conditions"]["ready"] == false {
                continue;
            }
            let addresses = super::kube::texts(&endpoint["addresses"]);
            if let Some(first) = addresses.first() {
                found.insert(first.clone(), addresses);
            }
        }
    }
    found.into_values().collect()
}

/// What an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pod,
    WorkloadEntry,
}

/// The pods and WorkloadEntries of a namespace with those labels, and their addresses.
pub(super) fn selected(
    objects: &[Object],
    namespace: &str,
    selector: &Labels,
) -> Vec<(Kind, Vec<String>)> {
    objects
        .iter()
        .filter(|object| object.namespace() == namespace && !selector.is_empty())
        .filter_map(|object| {
            let of_pod = object.is("Pod");
            if !of_pod && !object.is("WorkloadEntry") {
                return None;
            }
            let mut labels = object.labels.clone();
            labels.extend(crate::objects::labels(&object.value["spec"]["labels"]));
            if !selects(selector, &labels) {
                return None;
            }
            let (kind, addresses) = if of_pod {
                (Kind::Pod, pod_addresses(&object.value["status"]))
            } else {
                let address = object.value["spec"]["address"].as_str()?;
                (Kind::WorkloadEntry, vec![address.to_owned()])
            };
            (!addresses.is_empty()).then_some((kind, addresses))
        })
        .collect()
}

fn pod_addresses(status: &Value) -> Vec<String> {
    let all: Vec<String> = status["podIPs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|address| Some(address["ip"].as_str()?.to_owned()))
        .collect();
    if all.is_empty() {
        return status["podIP"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect();
    }
    all
}
