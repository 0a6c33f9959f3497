//! Objects come, change and go, one at a time.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    net::IpAddr,
};

use tracing::warn;

use super::{
    declared::Declaration,
    defaults::RegistryDefaults,
    discovery::Discovery,
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    routing::RoutingDefaults,
    service, service_entry,
    sidecar::SidecarScope,
    store::Registry,
};
use crate::objects;

impl Registry {
    /// Takes a ServiceEntry in, in place of an earlier state of it.
    pub fn set_service_entry(&mut self, object: &objects::ServiceEntryObject) {
        let declared = service_entry::declared(object, &mut self.namespaces);
        self.set_new(declared);
    }

    /// Forgets a ServiceEntry. Whether there was one.
    pub fn remove_service_entry(&mut self, namespace: &str, name: &str) -> bool {
        self.remove(&ObjectRef::new(ObjectKind::ServiceEntry, namespace, name))
    }

    /// Takes a Service in, in place of an earlier state of it; `endpoints` are the addresses of its
    /// pods, which matter where it is headless.
    pub fn set_service(&mut self, object: &objects::ServiceObject, endpoints: Vec<IpAddr>) {
        let domain = &self.defaults.cluster_domain;
        let declared = service::declared(object, endpoints, domain, &mut self.namespaces);
        self.set_new(declared);
    }

    /// Forgets a Service. Whether there was one.
    pub fn remove_service(&mut self, namespace: &str, name: &str) -> bool {
        self.remove(&ObjectRef::new(ObjectKind::Service, namespace, name))
    }

    /// Takes a Sidecar in, in place of an earlier state of it.
    pub fn set_sidecar(&mut self, object: &objects::Sidecar) {
        let root = &self.defaults.root_namespace;
        let (scope, problems) = SidecarScope::new(object, root, &mut self.namespaces);
        self.set_problems(&scope.object, problems);
        self.set_scope(scope);
    }

    /// Forgets a Sidecar. Whether there was one.
    pub fn remove_sidecar(&mut self, namespace: &str, name: &str) -> bool {
        let object = ObjectRef::new(ObjectKind::Sidecar, namespace, name);
        self.problems.remove(&object);
        self.remove_scope(&object)
    }

    /// Takes a VirtualService in, in place of an earlier state of it.
    pub fn set_virtual_service(&mut self, object: &objects::VirtualService) {
        let defaults = RoutingDefaults {
            export_to: &self.defaults.virtual_service_export_to,
            domain: &self.defaults.cluster_domain,
        };
        let (object, problems) =
            self.routing
                .set_virtual_service(object, &defaults, &mut self.namespaces);
        self.set_problems(&object, problems);
    }

    /// Forgets a VirtualService. Whether there was one.
    pub fn remove_virtual_service(&mut self, namespace: &str, name: &str) -> bool {
        let object = ObjectRef::new(ObjectKind::VirtualService, namespace, name);
        self.problems.remove(&object);
        self.routing.remove(&object)
    }

    /// Takes a DestinationRule in, in place of an earlier state of it.
    pub fn set_destination_rule(&mut self, object: &objects::DestinationRule) {
        let defaults = RoutingDefaults {
            export_to: &[],
            domain: &self.defaults.cluster_domain,
        };
        let (object, problems) =
            self.routing
                .set_destination_rule(object, &defaults, &mut self.namespaces);
        self.set_problems(&object, problems);
    }

    /// Forgets a DestinationRule. Whether there was one.
    pub fn remove_destination_rule(&mut self, namespace: &str, name: &str) -> bool {
        let object = ObjectRef::new(ObjectKind::DestinationRule, namespace, name);
        self.problems.remove(&object);
        self.routing.remove(&object)
    }

    /// Takes a Gateway in, in place of an earlier state of it.
    pub fn set_gateway(&mut self, object: &objects::Gateway) {
        self.waypoints.set(object);
    }

    /// Forgets a Gateway. Whether there was one.
    pub fn remove_gateway(&mut self, namespace: &str, name: &str) -> bool {
        self.waypoints.remove(namespace, name)
    }

    /// Takes the labels of the namespaces in, which may name waypoints.
    pub fn set_namespace_labels(&mut self, labels: HashMap<String, BTreeMap<String, String>>) {
        self.waypoints.set_namespaces(labels);
    }

    /// Takes in what the mesh's configuration says about all objects. An empty value is Istio's
    /// default. What depends on them is indexed anew, if they change.
    pub fn set_defaults(&mut self, defaults: RegistryDefaults) {
        let defaults = defaults.completed();
        if self.defaults == defaults {
            return;
        }
        for word in &defaults.service_export_to {
            self.namespaces.intern(word.trim());
        }
        let domain = defaults.cluster_domain.clone();
        let renamed = self.defaults.cluster_domain != domain;
        self.routing
            .set_defaults(&self.defaults, &defaults, &mut self.namespaces);
        self.index_anew(|registry| registry.defaults = defaults);
        if renamed {
            self.rename_services(&domain);
        }
        for scope in self.sidecars.values_mut().flatten() {
            scope.set_root(&self.defaults.root_namespace);
        }
    }

    /// Services have their names by the cluster's domain.
    fn rename_services(&mut self, domain: &str) {
        let services = self
            .declared
            .keys()
            .filter(|it| it.kind == ObjectKind::Service);
        let services: Vec<ObjectRef> = services.cloned().collect();
        for object in services {
            if let Some(declared) = self.declared.get(&object) {
                let renamed = service::renamed(declared, domain);
                self.set(renamed);
            }
        }
    }

    /// Says which namespaces istiod looks at.
    pub fn set_discovery(&mut self, discovery: Discovery) {
        if self.discovery != discovery {
            self.index_anew(|registry| registry.discovery = discovery);
        }
    }

    fn index_anew(&mut self, change: impl FnOnce(&mut Self)) {
        let declared: Vec<Declaration> = mem::take(&mut self.declared).into_values().collect();
        for declared in &declared {
            self.unindex(declared);
        }
        change(self);
        for declared in declared {
            self.set(declared);
        }
    }

    fn set_new(&mut self, declared: Declaration) {
        warn_of(&declared.problems);
        self.set(declared);
    }

    fn set_problems(&mut self, object: &ObjectRef, problems: Vec<UnreadableValue>) {
        warn_of(&problems);
        if problems.is_empty() {
            self.problems.remove(object);
        } else {
            self.problems.insert(object.clone(), problems);
        }
    }
}

fn warn_of(problems: &[UnreadableValue]) {
    for UnreadableValue {
        object,
        field,
        value,
        expected,
    } in problems
    {
        warn!(%object, field, value, "is not {expected}: left out");
    }
}
