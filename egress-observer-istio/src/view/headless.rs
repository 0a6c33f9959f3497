//! Headless Services, and which pods they select: their listeners are at the addresses of these.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::selected::{addresses_of_selected, has_labels};
use crate::objects::{PodObject, ServiceObject, name::ObjectName};

/// Headless Services with a selector.
#[derive(Debug, Default)]
pub(super) struct HeadlessServices {
    /// In order, so that those of a namespace are beside each other.
    known: BTreeMap<ObjectName, KnownService>,
    /// Those that changed, or whose pods did. Pods come and go all the time: others are not looked at.
    stale: BTreeSet<ObjectName>,
}

#[derive(Debug)]
struct KnownService {
    object: ServiceObject,
    /// None as long as nobody looked.
    endpoints: Option<Vec<IpAddr>>,
}

/// Whether a Service has listeners at its pods' addresses, and says which pods these are.
pub(super) fn selects_endpoints(object: &ServiceObject) -> bool {
    object.spec.cluster_ip == "None" && !object.spec.selector.is_empty()
}

impl HeadlessServices {
    /// Takes one in, in place of an earlier state of it.
    pub(super) fn set(&mut self, name: ObjectName, object: ServiceObject) {
        self.stale.insert(name.clone());
        let endpoints = None;
        self.known.insert(name, KnownService { object, endpoints });
    }

    /// Forgets a Service, which need not be one of these.
    pub(super) fn remove(&mut self, name: &ObjectName) {
        self.known.remove(name);
        self.stale.remove(name);
    }

    /// Notes that a pod came, changed or went: as it was, and as it is.
    pub(super) fn pod_changed(&mut self, pod: &PodObject) {
        let namespace = &pod.metadata.namespace;
        let first = ObjectName {
            namespace: namespace.clone(),
            name: String::new(),
        };
        let own = self.known.range(first..);
        let own = own.take_while(|(name, _)| name.namespace == *namespace);
        let selecting = own.filter(|(_, known)| has_labels(pod, &known.object.spec.selector));
        let selecting = selecting.map(|(name, _)| name.clone());
        self.stale.extend(selecting);
    }

    /// Those that changed or that have other endpoints than before, of the pods of their namespace.
    pub(super) fn settle<'p, P: Iterator<Item = &'p PodObject>>(
        &mut self,
        pods_of: impl Fn(&str) -> P,
        mut tell: impl FnMut(&ServiceObject, Vec<IpAddr>),
    ) {
        while let Some(name) = self.stale.pop_first() {
            let Some(known) = self.known.get_mut(&name) else {
                continue;
            };
            let pods = pods_of(&name.namespace);
            let endpoints = addresses_of_selected(&known.object.spec.selector, pods);
            if known.endpoints.as_ref() != Some(&endpoints) {
                known.endpoints = Some(endpoints.clone());
                tell(&known.object, endpoints);
            }
        }
    }
}
