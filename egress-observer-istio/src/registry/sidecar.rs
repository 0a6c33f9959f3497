//! `Sidecar`: which part of the registry a pod sees.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    claim::{Claim, ObjectKind, ObjectRef, Problem},
    declare::Reader as Values,
    index::Listener,
    shelf::{NamespaceId, Namespaces, Reader, Shelf},
};
use crate::{objects, vocabulary::Host};

/// A Sidecar object, and what of the registry it lets through.
#[derive(Debug)]
pub struct SidecarScope {
    /// The object.
    pub object: ObjectRef,
    /// `spec.outboundTrafficPolicy`: absent, and the mesh's counts, or given.
    pub outbound_traffic_policy: Option<SidecarPolicy>,
    /// `spec.egress[].hosts` as written.
    pub egress_hosts: Vec<String>,
    created: String,
    selector: Option<BTreeMap<String, String>>,
    egress: Vec<Egress>,
    namespace: NamespaceId,
    /// Whether it is for all namespaces that have none of their own.
    for_all: bool,
    /// What it lets through of the listeners at every address. Nothing, if it keeps nothing out.
    pub(super) listeners: Shelf<Listener>,
}

/// A Sidecar's `outboundTrafficPolicy`, as far as it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarPolicy {
    /// The mode. An object without one has the first of the enumeration, `REGISTRY_ONLY`
    /// (`OutboundTrafficPolicy` in `api/networking/v1alpha3/sidecar.proto`).
    pub mode: String,
}

#[derive(Debug)]
struct Egress {
    port: Option<u16>,
    hosts: Vec<EgressHost>,
}

/// `namespace/dnsName`.
#[derive(Debug)]
struct EgressHost {
    namespaces: From,
    /// None: all.
    host: Option<Host>,
    /// `~namespace/dnsName` takes away.
    taken_away: bool,
}

#[derive(Debug)]
enum From {
    Any,
    /// That of the pod.
    Own,
    Nobody,
    One(NamespaceId),
}

impl EgressHost {
    fn parse(text: &str, namespaces: &mut Namespaces) -> Option<Self> {
        let (from, host) = text.split_once('/')?;
        let (from, taken_away) = match from.strip_prefix('~') {
            Some(rest) if !rest.is_empty() => (rest, true),
            _ => (from, false),
        };
        let host = match host {
            "*" => None,
            host => Some(Host::parse(host)?),
        };
        let namespaces = match from {
            "" => return None,
            "*" => From::Any,
            "." => From::Own,
            "~" => From::Nobody,
            name => From::One(namespaces.intern(name).0),
        };
        Some(Self {
            namespaces,
            host,
            taken_away,
        })
    }

    fn means(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        let from = match self.namespaces {
            From::Any => true,
            From::Own => own,
            From::Nobody => false,
            From::One(one) => one == namespace,
        };
        from && self.host.as_ref().is_none_or(|outer| host.is_within(outer))
    }

    fn is_everything(&self) -> bool {
        matches!(self.namespaces, From::Any) && self.host.is_none() && !self.taken_away
    }
}

impl Egress {
    fn lets_through(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        let meant = |host_of: &&EgressHost| host_of.means(namespace, own, host);
        let mut meant = self.hosts.iter().filter(meant).peekable();
        meant.peek().is_some() && !meant.any(|host| host.taken_away)
    }
}

impl SidecarScope {
    /// Reads the object. Hosts that cannot be read let nothing through.
    pub(super) fn new(
        object: &objects::Sidecar,
        root: &str,
        namespaces: &mut Namespaces,
    ) -> (Self, Vec<Problem>) {
        let objects::Sidecar { metadata, spec } = object;
        let mut object = ObjectRef::new(ObjectKind::Sidecar, &metadata.namespace, &metadata.name);
        let (id, namespace) = namespaces.intern(&object.namespace);
        object.namespace = namespace;
        let mut values = Values::new(object.clone());
        let mut egress = Vec::new();
        for listener in &spec.egress {
            let hosts = listener.hosts.iter().filter_map(|text| {
                let host = EgressHost::parse(text, namespaces);
                values.checked("spec.egress.hosts", text, "`namespace/dnsName`", host)
            });
            egress.push(Egress {
                hosts: hosts.collect(),
                port: listener.port.as_ref().map(|port| port.number),
            });
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
            }),
            egress_hosts: spec.egress.iter().flat_map(|e| e.hosts.clone()).collect(),
            created: metadata.creation_timestamp.clone(),
            selector,
            egress,
            namespace: id,
            for_all: false,
            listeners: Shelf::default(),
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

    /// Whether it keeps anything out. Without an egress section, nothing.
    pub(super) fn restricts(&self) -> bool {
        let everything = |egress: &Egress| {
            egress.port.is_none() && egress.hosts.iter().all(EgressHost::is_everything)
        };
        match self.egress.as_slice() {
            [] => false,
            [one] => one.hosts.is_empty() || !everything(one),
            _ => true,
        }
    }

    /// Whether a host of a namespace is let through on some port; `own` is whether that is the pod's
    /// own namespace.
    pub(super) fn lets_host_through(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        !self.restricts()
            || self
                .egress
                .iter()
                .any(|egress| egress.lets_through(namespace, own, host))
    }

    /// Whether a claim is let through (`ConvertToSidecarScope` and `selectServices` in
    /// `pilot/pkg/model/sidecar.go`): an egress listener with a port counts for that port only, and
    /// locks it, so that listeners without a port add nothing to it.
    pub(super) fn lets_through(&self, own: bool, claim: &Claim) -> bool {
        if !self.restricts() {
            return true;
        }
        let of_port = |egress: &&Egress| egress.port == Some(claim.port);
        let locked = claim.is_locked_out() && self.egress.iter().any(|egress| of_port(&egress));
        self.egress
            .iter()
            .filter(|egress| of_port(egress) || (egress.port.is_none() && !locked))
            .any(|egress| egress.lets_through(claim.entry.namespace, own, &claim.host))
    }

    /// Those of a claim's readers that could see it through this Sidecar. What `./` lets through, a
    /// Sidecar for all namespaces shows to each claim's own.
    fn readers(&self, readers: &[Reader], claim: &Claim) -> Vec<Reader> {
        let (from_elsewhere, at_home) = if self.for_all {
            let seen = |own| self.lets_through(own, claim);
            (seen(false), seen(true))
        } else {
            let seen = self.lets_through(self.namespace == claim.entry.namespace, claim);
            (seen, seen)
        };
        let own = |reader: &Reader| matches!(reader, Reader::Own(_));
        let kept = readers
            .iter()
            .filter(|reader| from_elsewhere || (at_home && own(reader)));
        kept.copied().collect()
    }

    /// Takes in what it lets through of a claim.
    pub(super) fn insert(&mut self, readers: &[Reader], claim: &Arc<Claim>) {
        if self.restricts() {
            let readers = self.readers(readers, claim);
            for key in Listener::of(claim) {
                self.listeners.insert(key, &readers, claim);
            }
        }
    }

    /// Gives up what it let through of a claim.
    pub(super) fn remove(&mut self, readers: &[Reader], claim: &Arc<Claim>) {
        if self.restricts() {
            let readers = self.readers(readers, claim);
            for key in Listener::of(claim) {
                self.listeners.remove(key, &readers, claim);
            }
        }
    }
}
