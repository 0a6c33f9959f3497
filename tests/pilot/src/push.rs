//! What istiod knows before it looks at a proxy (`PushContext` in `pilot/pkg/model/push_context.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use crate::mesh::{Client, Mesh};
use crate::objects::{self, Object};
use crate::service::{self, Endpoints, Registry, Service};
use crate::virtual_service::VirtualServices;

/// Services and VirtualServices by who sees them.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) mesh: Mesh,
    pub(crate) objects: Vec<Object>,
    pub(crate) endpoints: Endpoints,
    pub(crate) virtual_services: VirtualServices,
    /// `HostnameAndNamespace`.
    pub(crate) by_host: BTreeMap<String, BTreeMap<String, Rc<Service>>>,
    private: BTreeMap<String, Vec<Rc<Service>>>,
    exported: BTreeMap<String, Vec<Rc<Service>>>,
    public: Vec<Rc<Service>>,
}

impl Push {
    pub(crate) fn new(manifests: &[Value], client: &Client) -> Self {
        let objects = objects::all(manifests);
        let mesh = Mesh::read(&objects);
        let mut push = Self {
            endpoints: Endpoints::new(&objects),
            virtual_services: VirtualServices::new(&objects, &mesh, client),
            by_host: BTreeMap::new(),
            private: BTreeMap::new(),
            exported: BTreeMap::new(),
            public: Vec::new(),
            objects: mesh.discovered(&objects, client.version),
            mesh,
        };
        for service in service::all(&objects, &push.mesh, client) {
            push.name(&service, client);
            push.show(service, client);
        }
        push
    }

    /// The oldest of a host in a namespace counts, but one of Kubernetes before all others.
    fn name(&mut self, service: &Rc<Service>, client: &Client) {
        let of_host = self.by_host.entry(service.host.clone()).or_default();
        let keeps = client.version.keeps_first_of_host()
            && of_host.get(&service.namespace).is_some_and(|existing| {
                existing.registry == Registry::Kubernetes
                    || service.registry != Registry::Kubernetes
            });
        if !keeps {
            of_host.insert(service.namespace.clone(), Rc::clone(service));
        }
    }

    /// `initServiceRegistry`: into the lists of those who see it.
    fn show(&mut self, service: Rc<Service>, client: &Client) {
        let export_to = self.export_to(&service, client);
        if export_to.contains("*") {
            self.public.push(service);
            return;
        }
        if export_to.contains("~") {
            return;
        }
        let namespaces: BTreeSet<String> = export_to
            .into_iter()
            .map(|to| {
                if to == "." {
                    service.namespace.clone()
                } else {
                    to
                }
            })
            .collect();
        for namespace in namespaces {
            let is_private =
                namespace == service.namespace && !client.version.exports_by_one_list();
            let list = if is_private {
                &mut self.private
            } else {
                &mut self.exported
            };
            list.entry(namespace).or_default().push(Rc::clone(&service));
        }
    }

    /// `serviceExportTo`; before it, a default was `.` or `*` or counted for nothing.
    fn export_to(&self, service: &Service, client: &Client) -> BTreeSet<String> {
        if !service.export_to.is_empty() {
            return service.export_to.clone();
        }
        let default = &self.mesh.service_export_to;
        if client.version.exports_by_one_list() {
            return default.clone();
        }
        let known = [".", "*"]
            .into_iter()
            .find(|known| default.contains(*known));
        BTreeSet::from([known.unwrap_or("~").to_owned()])
    }

    /// `servicesExportedToNamespace`.
    pub(crate) fn seen_from(&self, namespace: &str) -> Vec<Rc<Service>> {
        let private = self.private.get(namespace).into_iter().flatten();
        let exported = self.exported.get(namespace).into_iter().flatten();
        private
            .chain(exported)
            .chain(&self.public)
            .cloned()
            .collect()
    }

    /// `IsServiceVisible`.
    pub(crate) fn is_visible(&self, service: &Service, client: &Client) -> bool {
        let export_to = self.export_to(service, client);
        export_to.contains("*")
            || (export_to.contains(".") && service.namespace == client.namespace)
            || export_to.contains(&client.namespace)
    }
}
