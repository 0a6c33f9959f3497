//! `Sidecar`: which part of the registry a pod sees.

use std::collections::BTreeMap;

use super::{
    claim::Claim,
    egress::{EVERYTHING, Egress, EgressHost},
    listener::{Listener, Part},
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    reader::{NamespaceId, Namespaces, Reader},
    shelf::PortShelf,
    values::ValueReader,
};
use crate::{
    objects::{self, Destination},
    vocabulary::{Host, PortProtocol},
};

/// A Sidecar object, and what of the registry it lets through.
#[derive(Clone, Debug)]
pub struct SidecarScope {
    /// The object.
    pub object: ObjectRef,
    /// `spec.outboundTrafficPolicy`: absent, and the mesh's counts, or given.
    pub outbound_traffic_policy: Option<SidecarPolicy>,
    /// `spec.egress[].hosts` as written.
    pub egress_hosts: Vec<String>,
    created: String,
    selector: Option<BTreeMap<String, String>>,
    pub(super) egress: Vec<Egress>,
    namespace: NamespaceId,
    /// Whether it is for all namespaces that have none of their own.
    for_all: bool,
    /// What it lets through of the listeners at every address. Nothing, if it keeps nothing out.
    pub(super) listeners: PortShelf,
}

/// A Sidecar's `outboundTrafficPolicy`, as far as it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarPolicy {
    /// The mode. An object without one has the first of the enumeration, `REGISTRY_ONLY`
    /// (`OutboundTrafficPolicy` in `api/networking/v1alpha3/sidecar.proto`).
    pub mode: String,
    /// Where it sends what the mesh does not know, under ALLOW_ANY.
    pub egress_proxy: Option<Destination>,
}

impl SidecarScope {
    /// Reads the object. Hosts that cannot be read let nothing through.
    pub(super) fn new(
        object: &objects::Sidecar,
        root: &str,
        namespaces: &mut Namespaces,
    ) -> (Self, Vec<UnreadableValue>) {
        let objects::Sidecar { metadata, spec } = object;
        let mut object = ObjectRef::new(ObjectKind::Sidecar, &metadata.namespace, &metadata.name);
        let (id, namespace) = namespaces.intern(&object.namespace);
        object.namespace = namespace;
        let mut values = ValueReader::new(object.clone());
        let mut egress = Vec::new();
        for listener in &spec.egress {
            let hosts = listener.hosts.iter().filter_map(|text| {
                let host = EgressHost::parse(text, namespaces);
                values.checked("spec.egress.hosts", text, "`namespace/dnsName`", host)
            });
            egress.push(Egress::new(listener, hosts.collect()));
        }
        let selector = spec.workload_selector.as_ref();
        let selector = selector.map(|selector| selector.labels.clone());
        let policy = spec.outbound_traffic_policy.as_ref();
        let mut scope = Self {
            object,
            outbound_traffic_policy: policy.map(|policy| SidecarPolicy {
                mode: policy
                    .mode
                    .clone()
                    .unwrap_or_else(|| "REGISTRY_ONLY".to_owned()),
                egress_proxy: policy.egress_proxy.clone(),
            }),
            egress_hosts: spec.egress.iter().flat_map(|e| e.hosts.clone()).collect(),
            created: metadata.creation_timestamp.clone(),
            selector,
            egress,
            namespace: id,
            for_all: false,
            listeners: PortShelf::default(),
        };
        scope.set_root(root);
        (scope, values.into_problems())
    }

    /// Says which namespace the root is.
    pub(super) fn set_root(&mut self, root: &str) {
        self.for_all = &*self.object.namespace == root && self.selector.is_none();
    }

    /// Its place among the Sidecars of its namespace: those with a selector first, then the oldest
    /// (`initSidecarScopes` in `pilot/pkg/model/push_context.go`).
    pub(super) fn order(&self) -> (bool, &str, &str) {
        (self.selector.is_none(), &self.created, &self.object.name)
    }

    /// Whether it is meant for a pod of its namespace with these labels.
    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let selector = self.selector.iter().flatten();
        selector
            .into_iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// Whether it has no selector.
    pub(super) fn selects_all(&self) -> bool {
        self.selector.is_none()
    }

    /// Its egress listeners, in their order.
    pub(super) fn egress(&self) -> &[Egress] {
        if self.egress.is_empty() {
            &EVERYTHING
        } else {
            &self.egress
        }
    }

    /// Whether it keeps anything out. Without an egress section, nothing.
    pub(super) fn restricts(&self) -> bool {
        match self.egress.as_slice() {
            [] => false,
            [one] => !one.is_everything(),
            _ => true,
        }
    }

    /// Whether a host of a namespace is let through on some port; `own` is whether that is the pod's
    /// own namespace.
    pub(super) fn lets_host_through(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        self.egress()
            .iter()
            .any(|egress| egress.lets_through(namespace, (own, true), host))
    }

    /// Whether a claim may be let through, by some version.
    fn lets_through(&self, own: bool, claim: &Claim) -> bool {
        let of = &claim.of;
        self.egress
            .iter()
            .filter(|egress| egress.port.is_none_or(|port| port == claim.port()))
            .any(|egress| egress.lets_through(of.entry.namespace, (own, false), &of.host))
    }

    /// Those of a claim's readers that could see it through this Sidecar. What `./` lets through, a
    /// Sidecar for all namespaces shows to each claim's own.
    fn readers(&self, readers: &[Reader], claim: &Claim) -> Vec<Reader> {
        let seen = if self.for_all {
            self.lets_through(false, claim) || self.lets_through(true, claim)
        } else {
            self.lets_through(self.namespace == claim.of.entry.namespace, claim)
        };
        if seen { readers.to_vec() } else { Vec::new() }
    }

    /// The listeners that a claim may be part of. A proxy for HTTP is there as soon as it has any.
    fn keys(&self, claim: &Claim) -> Vec<Listener> {
        let port = claim.port();
        let mut keys: Vec<Listener> = Listener::of(claim).collect();
        if claim.protocol() != PortProtocol::Udp {
            let gathers = self.egress.iter().any(|egress| egress.gathers(port));
            let proxies = self.egress.iter().filter(|egress| egress.is_proxy());
            let own = gathers.then_some(port).into_iter();
            let ports = own.chain(proxies.filter_map(Egress::listens_on));
            keys.extend(ports.map(|port| Listener {
                port,
                part: Part::Any,
                is_moved: false,
            }));
        }
        keys
    }

    /// Takes in what it lets through of a claim.
    pub(super) fn insert(&mut self, readers: &[Reader], claim: &Claim) {
        if self.restricts() {
            let readers = self.readers(readers, claim);
            for key in self.keys(claim) {
                self.listeners.insert(key, &readers, claim);
            }
        }
    }

    /// Gives up what it let through of a claim.
    pub(super) fn remove(&mut self, readers: &[Reader], claim: &Claim) {
        if self.restricts() {
            let readers = self.readers(readers, claim);
            for key in self.keys(claim) {
                self.listeners.remove(key, &readers, claim);
            }
        }
    }
}
