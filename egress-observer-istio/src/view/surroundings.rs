//! What pods depend on, besides the mesh's configuration.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use crate::{
    injection::{desired::Today, pod::Pod},
    mesh::Mesh,
    objects::{self, Kind, Metadata, PodTemplate, ServiceObject, Workload, name::ObjectName},
};

/// Namespaces, templates, and so on.
#[derive(Debug, Default)]
pub(super) struct PodSurroundings {
    pub(super) namespaces: HashMap<String, Metadata>,
    pub(super) proxy_configs: Vec<objects::ProxyConfig>,
    /// Addresses of the cluster's DNS: those that were given, else those of its Services. A pod may have
    /// a cache on the node instead of the Service: what a resolver is really given says which.
    cluster_dns: Vec<IpAddr>,
    given_dns: Vec<IpAddr>,
    dns_services: BTreeMap<ObjectName, Vec<IpAddr>>,
    templates: HashMap<(Kind, ObjectName), PodTemplate>,
}

impl PodSurroundings {
    /// Nothing but these addresses of the cluster's DNS.
    pub(super) fn new(cluster_dns: Vec<IpAddr>) -> Self {
        Self {
            given_dns: cluster_dns.clone(),
            cluster_dns,
            ..Self::default()
        }
    }

    /// A pod, and what it would be set up to today.
    pub(super) fn pod(&self, object: &objects::PodObject, mesh: &Mesh) -> Pod {
        let today = Today {
            mesh,
            namespaces: &self.namespaces,
            proxy_configs: &self.proxy_configs,
            cluster_dns: &self.cluster_dns,
        };
        Pod::new(object, |owner| self.template(owner), today)
    }

    /// Takes a Service in. Whether that changes the addresses of the cluster's DNS.
    pub(super) fn set_service(&mut self, name: &ObjectName, object: &ServiceObject) -> bool {
        if !is_dns(object) {
            return self.remove_service(name);
        }
        let spec = &object.spec;
        let addresses = spec.cluster_ips.iter().chain([&spec.cluster_ip]);
        let addresses = addresses.filter_map(|ip| ip.parse().ok()).collect();
        self.dns_services.insert(name.clone(), addresses);
        self.dns_changed()
    }

    /// Forgets a Service. Whether that changes the addresses of the cluster's DNS.
    pub(super) fn remove_service(&mut self, name: &ObjectName) -> bool {
        self.dns_services.remove(name).is_some() && self.dns_changed()
    }

    fn dns_changed(&mut self) -> bool {
        if !self.given_dns.is_empty() {
            return false;
        }
        let mut all = Vec::new();
        for ip in self.dns_services.values().flatten() {
            if !all.contains(ip) {
                all.push(*ip);
            }
        }
        let changed = all != self.cluster_dns;
        self.cluster_dns = all;
        changed
    }

    pub(super) fn set_workload(&mut self, kind: Kind, name: ObjectName, object: &Workload) {
        match object.template() {
            Some(template) => drop(self.templates.insert((kind, name), template.clone())),
            None => self.remove_workload(kind, name),
        }
    }

    pub(super) fn remove_workload(&mut self, kind: Kind, name: ObjectName) {
        self.templates.remove(&(kind, name));
    }

    fn template(&self, (namespace, kind, name): (&str, &str, &str)) -> Option<&PodTemplate> {
        let name = ObjectName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.templates.get(&(Kind::find(kind, None)?, name))
    }
}

/// `kube-dns`, as the DNS Service is called by its label whatever serves it.
fn is_dns(object: &ServiceObject) -> bool {
    let metadata = &object.metadata;
    let label = metadata.labels.get("k8s-app").map(String::as_str);
    metadata.namespace == "kube-system"
        && (metadata.name == "kube-dns" || label == Some("kube-dns"))
}
