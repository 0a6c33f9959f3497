//! What the mesh knows: ServiceEntries and Services in one index, who sees them, and which of them
//! takes a connection.
//!
//! A sidecar finds a destination in its listeners
//! (`pilot/pkg/networking/core/{listener,httproute,tls}.go`): one at each single address that an
//! entry has, and one for the whole port, with parts for ranges, for names, and for everything. The
//! index has the same parts, so that a lookup takes a few steps, however many entries there are.
//!
//! Changes are taken in one object at a time.

mod addresses;
mod by_host;
mod claim;
mod declare;
mod index;
#[cfg(any(test, feature = "bench"))]
pub mod linear;
mod lookup;
mod near_miss;
mod routes;
mod shelf;
mod shows;
mod sidecar;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use tracing::warn;

use self::{
    claim::Claim,
    declare::Declared,
    index::Index,
    routes::Rules,
    shelf::{Namespaces, Reader},
};
pub use self::{
    claim::{Entry, ObjectKind, ObjectRef, Problem},
    near_miss::{NearMiss, Why},
    sidecar::{SidecarPolicy, SidecarScope},
};
use crate::{
    mesh::ROOT_NAMESPACE,
    objects,
    vocabulary::{Export, PortProtocol, Protocol},
};

/// What the mesh knows.
#[derive(Debug)]
pub struct Registry {
    namespaces: Namespaces,
    /// By what an object is; the claims are also in `index`, and in the Sidecars.
    declared: HashMap<ObjectRef, Declared>,
    index: Index,
    /// By namespace, in the order in which they are tried.
    sidecars: HashMap<Arc<str>, Vec<SidecarScope>>,
    rules: Rules,
    /// Of Sidecars and of rules; those of entries are in `declared`.
    problems: BTreeMap<ObjectRef, Vec<Problem>>,
    defaults: Defaults,
}

/// What the mesh's configuration says about all objects.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Defaults {
    root_namespace: String,
    service_export_to: Vec<String>,
}

/// Who connects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Viewer<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The Sidecar that applies to it; see [`Registry::sidecar_for`].
    pub sidecar: Option<&'a SidecarScope>,
    /// Whether its proxy answers DNS, so that names lead to allocated addresses
    /// (`status.addresses`).
    pub dns_capture: bool,
}

/// Where to.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The address, if it is known.
    pub ip: Option<IpAddr>,
    /// The name that the client asked for, if that is known.
    pub host: Option<&'a str>,
    /// The port.
    pub port: u16,
    /// The transport.
    pub protocol: Protocol,
}

/// What the registry makes of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'r> {
    /// An entry takes it.
    Declared(Hit<'r>),
    /// No entry takes it.
    Undeclared {
        /// Whether the port has a listener for HTTP: then an HTTP request for an unknown host is
        /// answered by the proxy under `REGISTRY_ONLY` (502), where anything else is reset.
        http: bool,
    },
    /// Address and port do not tell. What the client says first would.
    NameNeeded {
        /// The `Host` of an HTTP request.
        http: bool,
        /// The SNI of a TLS handshake.
        tls: bool,
    },
    /// The name does not tell: this entry takes it at its own addresses only.
    AddressNeeded(Hit<'r>),
}

/// The entry that takes a destination.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'r> {
    /// The object.
    pub entry: &'r Arc<Entry>,
    /// Its host, as written there.
    pub host: &'r Arc<str>,
    /// How its port is treated.
    pub protocol: PortProtocol,
    /// What led to it.
    pub by: By,
}

impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        let key = |hit: &Self| (Arc::clone(hit.host), hit.protocol, hit.by);
        self.entry.object == other.entry.object && key(self) == key(other)
    }
}

impl Eq for Hit<'_> {}

/// What led from a destination to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The name: for HTTP that of the request.
    Host,
    /// The name, which TLS sends in its first message.
    Sni,
    /// An address of the entry.
    Address,
    /// A range of the entry.
    Range,
    /// The port: the entry takes it at any address.
    Port,
}

impl By {
    /// Its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Sni => "sni",
            Self::Address => "address",
            Self::Range => "range",
            Self::Port => "port",
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            namespaces: Namespaces::default(),
            declared: HashMap::new(),
            index: Index::default(),
            sidecars: HashMap::new(),
            rules: Rules::default(),
            problems: BTreeMap::new(),
            defaults: Defaults {
                root_namespace: ROOT_NAMESPACE.to_owned(),
                service_export_to: vec!["*".to_owned()],
            },
        }
    }
}

impl Registry {
    /// Takes a ServiceEntry in, in place of an earlier state of it.
    pub fn set_service_entry(&mut self, object: &objects::ServiceEntry) {
        let declared = declare::service_entry(object, &mut self.namespaces);
        warn_of(&declared.problems);
        self.set(declared);
    }

    /// Forgets a ServiceEntry. Whether there was one.
    pub fn remove_service_entry(&mut self, namespace: &str, name: &str) -> bool {
        self.remove(&ObjectRef::new(ObjectKind::ServiceEntry, namespace, name))
    }

    /// Takes a Service in, in place of an earlier state of it.
    pub fn set_service(&mut self, object: &objects::Service) {
        let declared = declare::service(object, &mut self.namespaces);
        warn_of(&declared.problems);
        self.set(declared);
    }

    /// Forgets a Service. Whether there was one.
    pub fn remove_service(&mut self, namespace: &str, name: &str) -> bool {
        self.remove(&ObjectRef::new(ObjectKind::Service, namespace, name))
    }

    /// Takes a Sidecar in, in place of an earlier state of it.
    pub fn set_sidecar(&mut self, object: &objects::Sidecar) {
        let root = &self.defaults.root_namespace;
        let (mut scope, problems) = SidecarScope::new(object, root, &mut self.namespaces);
        self.forget_sidecar(&scope.object);
        if scope.restricts() {
            for declared in self.declared.values() {
                let readers = self.readers_of(declared);
                for claim in &declared.claims {
                    scope.insert(&readers, claim);
                }
            }
        }
        self.set_problems(&scope.object, problems);
        let namespace = Arc::clone(&scope.object.namespace);
        let scopes = self.sidecars.entry(namespace).or_default();
        let at = scopes.partition_point(|other| other.order() < scope.order());
        scopes.insert(at, scope);
    }

    /// Forgets a Sidecar. Whether there was one.
    pub fn remove_sidecar(&mut self, namespace: &str, name: &str) -> bool {
        self.forget_sidecar(&ObjectRef::new(ObjectKind::Sidecar, namespace, name))
    }

    fn forget_sidecar(&mut self, object: &ObjectRef) -> bool {
        self.problems.remove(object);
        let Some(scopes) = self.sidecars.get_mut(&object.namespace) else {
            return false;
        };
        let n_before = scopes.len();
        scopes.retain(|scope| scope.object != *object);
        let found = scopes.len() < n_before;
        if scopes.is_empty() {
            self.sidecars.remove(&object.namespace);
        }
        found
    }

    /// Takes a VirtualService in, in place of an earlier state of it.
    pub fn set_virtual_service(&mut self, object: &objects::VirtualService) {
        let (object, problems) = self.rules.set_virtual_service(object, &mut self.namespaces);
        self.set_problems(&object, problems);
    }

    /// Forgets a VirtualService. Whether there was one.
    pub fn remove_virtual_service(&mut self, namespace: &str, name: &str) -> bool {
        let object = ObjectRef::new(ObjectKind::VirtualService, namespace, name);
        self.problems.remove(&object);
        self.rules.remove(&object)
    }

    /// Takes a DestinationRule in, in place of an earlier state of it.
    pub fn set_destination_rule(&mut self, object: &objects::DestinationRule) {
        let (object, problems) = self
            .rules
            .set_destination_rule(object, &mut self.namespaces);
        self.set_problems(&object, problems);
    }

    /// Forgets a DestinationRule. Whether there was one.
    pub fn remove_destination_rule(&mut self, namespace: &str, name: &str) -> bool {
        let object = ObjectRef::new(ObjectKind::DestinationRule, namespace, name);
        self.problems.remove(&object);
        self.rules.remove(&object)
    }

    /// Takes in what the mesh's configuration says: `rootNamespace`, whose Sidecar and
    /// DestinationRules are for all, and `defaultServiceExportTo`. An empty value is Istio's default.
    /// What depends on them is indexed anew, if they change.
    pub fn set_defaults(&mut self, root_namespace: &str, service_export_to: &[String]) {
        let Defaults {
            root_namespace: istio,
            service_export_to: all,
        } = Self::default().defaults;
        let defaults = Defaults {
            root_namespace: match root_namespace {
                "" => istio,
                name => name.to_owned(),
            },
            service_export_to: match service_export_to {
                [] => all,
                words => words.to_vec(),
            },
        };
        if self.defaults == defaults {
            return;
        }
        let declared: Vec<Declared> = self
            .declared
            .drain()
            .map(|(_, declared)| declared)
            .collect();
        for declared in &declared {
            self.unindex(declared);
        }
        for word in &defaults.service_export_to {
            self.namespaces.intern(word.trim());
        }
        self.defaults = defaults;
        for scope in self.sidecars.values_mut().flatten() {
            scope.set_root(&self.defaults.root_namespace);
        }
        for declared in declared {
            self.set(declared);
        }
    }

    /// Values that could not be read, and were left out.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let of_entries = self.declared.values().flat_map(|entry| &entry.problems);
        of_entries.chain(self.problems.values().flatten())
    }

    /// The Sidecar that applies to a pod: exactly one, nothing is merged (`getSidecarScope` in
    /// `pilot/pkg/model/push_context.go`).
    ///
    /// 1. In the pod's namespace, the oldest of those whose selector it has the labels of.
    /// 2. There, the oldest without a selector.
    /// 3. In the root namespace, the oldest without a selector.
    pub fn sidecar_for(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Option<&SidecarScope> {
        let of = |namespace: &str| self.sidecars.get(namespace).into_iter().flatten();
        of(namespace)
            .find(|scope| scope.selects(labels))
            .or_else(|| of(&self.defaults.root_namespace).find(|scope| scope.selects_all()))
    }

    fn set(&mut self, declared: Declared) {
        self.remove(&declared.object);
        let readers = self.readers_of(&declared);
        for claim in &declared.claims {
            self.index.insert(&readers, claim);
            for scope in self.sidecars.values_mut().flatten() {
                scope.insert(&readers, claim);
            }
        }
        self.declared.insert(declared.object.clone(), declared);
    }

    fn remove(&mut self, object: &ObjectRef) -> bool {
        let Some(declared) = self.declared.remove(object) else {
            return false;
        };
        self.unindex(&declared);
        true
    }

    fn unindex(&mut self, declared: &Declared) {
        let readers = self.readers_of(declared);
        for claim in &declared.claims {
            self.index.remove(&readers, claim);
            for scope in self.sidecars.values_mut().flatten() {
                scope.remove(&readers, claim);
            }
        }
    }

    /// Who sees an object's claims.
    fn readers_of(&self, declared: &Declared) -> Vec<Reader> {
        let Some(claim) = declared.claims.first() else {
            return Vec::new();
        };
        self.readers(&claim.entry)
    }

    fn readers(&self, entry: &Entry) -> Vec<Reader> {
        let export = Export::of(&entry.export_to, &self.defaults.service_export_to);
        let own = (entry.namespace, &*entry.object.namespace);
        Reader::all(export, own, &self.namespaces)
    }

    fn set_problems(&mut self, object: &ObjectRef, problems: Vec<Problem>) {
        warn_of(&problems);
        if problems.is_empty() {
            self.problems.remove(object);
        } else {
            self.problems.insert(object.clone(), problems);
        }
    }
}

fn warn_of(problems: &[Problem]) {
    for Problem {
        object,
        field,
        value,
        expected,
    } in problems
    {
        warn!(%object, field, value, "is not {expected}: left out");
    }
}

/// The claim as an answer.
fn hit(claim: &Arc<Claim>, by: By) -> Hit<'_> {
    Hit {
        entry: &claim.entry,
        host: &claim.host_as_written,
        protocol: claim.protocol,
        by,
    }
}

#[cfg(test)]
mod tests;
