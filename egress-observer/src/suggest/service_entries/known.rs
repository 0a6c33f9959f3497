//! What today's objects declare, and for whom.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use ipnet::IpNet;
use serde::Serialize;

use crate::{explain::To, flows::Caller, service_entry::ServiceEntry};
use egress_observer_istio::{
    injection::pod::{self, Pod},
    manifests::Object,
    objects,
    registry::{Match, NearMiss, ObjectKind, ObjectRef, RegistryQuery, Viewer, Why},
    view::{Snapshot, live::Live},
    vocabulary::{Protocol, Scope},
};

/// The time of creation of what is not created yet: of several entries, the oldest counts.
const LATER: &str = "9999-12-31T23:59:59Z";

/// Namespace and name of a ServiceEntry.
pub(super) type Id = (Arc<str>, Arc<str>);

/// The mesh as it is.
#[derive(Debug)]
pub(crate) struct Known {
    snapshot: Snapshot,
    /// The hosts of every ServiceEntry.
    entries: BTreeMap<Id, Vec<String>>,
    by_name: HashMap<(String, String), Arc<Pod>>,
    by_workload: HashMap<(String, String), Arc<Pod>>,
}

/// An entry that one would think of for a connection, and why it does not take it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Near {
    /// Kind, namespace and name.
    pub(crate) object: String,
    pub(crate) host: String,
    pub(crate) because: String,
    /// Whether it is a ServiceEntry that a change would make take the connection.
    #[serde(skip)]
    pub(super) to_change: bool,
    #[serde(skip)]
    pub(super) id: Option<Id>,
}

impl Known {
    /// What these objects say.
    pub(crate) fn new(objects: Vec<Object>, cluster_ranges: &[IpNet]) -> Self {
        let mut entries = BTreeMap::new();
        for object in &objects {
            if let Object::ServiceEntry(object) = object {
                let namespace = pod::namespace(&object.metadata.namespace);
                let id = (namespace, object.metadata.name.as_str().into());
                entries.insert(id, object.spec.hosts.clone());
            }
        }
        let snapshot = Live::of(objects, cluster_ranges).into_snapshot();
        let mut pods: Vec<_> = snapshot.pods().cloned().collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let (mut by_name, mut by_workload) = (HashMap::new(), HashMap::new());
        for pod in pods {
            let key = |name: &str| (pod.namespace.to_string(), name.to_owned());
            by_workload
                .entry(key(&pod.workload))
                .or_insert_with(|| Arc::clone(&pod));
            by_name.insert(key(&pod.name), pod);
        }
        Self {
            snapshot,
            entries,
            by_name,
            by_workload,
        }
    }

    /// Every ServiceEntry, with its hosts.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Id, &[String])> {
        self.entries
            .iter()
            .map(|(id, hosts)| (id, hosts.as_slice()))
    }

    /// The pod that a flow comes from, or another one of its workload.
    fn pod(&self, from: &Caller) -> Option<&Arc<Pod>> {
        let key = |name: &str| (from.namespace.clone(), name.to_owned());
        let of_workload = |name: &str| self.by_workload.get(&key(name));
        self.by_name
            .get(&key(&from.pod))
            .or_else(|| of_workload(&from.workload))
            .or_else(|| of_workload(&from.pod))
    }

    /// Whose view counts: the pod's, or that of its namespace.
    fn viewer<'a>(&'a self, from: &'a Caller) -> Viewer<'a> {
        if let Some(pod) = self.pod(from) {
            return self.snapshot.viewer(pod);
        }
        let registry = &self.snapshot.registry;
        Viewer {
            namespace: &from.namespace,
            sidecar: registry.sidecar_for(&from.namespace, &BTreeMap::new()),
            dns_capture: false,
        }
    }

    /// What the mesh makes of a destination.
    pub(super) fn lookup<'a>(&'a self, from: &'a Caller, to: &To) -> Match<'a> {
        self.snapshot
            .registry
            .lookup(&self.viewer(from), &asked(to))
    }

    /// How far away it is, if its address is known.
    pub(super) fn scope(&self, from: &Caller, to: &To) -> Option<Scope> {
        let ip = to.ip?;
        Some(match self.pod(from) {
            Some(pod) => self.snapshot.scope(pod, ip),
            None => self.snapshot.scope_from_anywhere(ip),
        })
    }

    /// Entries that nearly take it. One for another host altogether is not near, and that a name is
    /// needed says nothing where one is given.
    pub(super) fn near(&self, from: &Caller, to: &To) -> BTreeSet<Near> {
        let viewer = self.viewer(from);
        let misses = self.snapshot.registry.near_misses(&viewer, &asked(to));
        let tells =
            |why: &Why| *why != Why::OtherHost && (*why != Why::NameOnly || to.host.is_none());
        let misses = misses.iter().filter(|miss| tells(&miss.why));
        misses.map(|miss| near(miss, to)).collect()
    }

    /// Takes in entries that are suggested, to see what becomes of connections then.
    pub(super) fn apply<'a>(&mut self, entries: impl Iterator<Item = &'a ServiceEntry>) {
        for entry in entries {
            let object = serde_json::from_value::<objects::ServiceEntryObject>(entry.object());
            // What is written can be read.
            if let Ok(mut object) = object {
                object.metadata.creation_timestamp = LATER.to_owned();
                self.snapshot.registry.set_service_entry(&object);
            }
        }
    }
}

fn asked(to: &To) -> RegistryQuery<'_> {
    RegistryQuery {
        ip: to.ip,
        host: to.host.as_deref(),
        port: to.port,
        protocol: to.protocol.unwrap_or(Protocol::Tcp),
    }
}

/// The ServiceEntry that an object is.
pub(super) fn id(object: &ObjectRef) -> Option<Id> {
    let entry = object.kind == ObjectKind::ServiceEntry;
    entry.then(|| (Arc::clone(&object.namespace), Arc::clone(&object.name)))
}

fn near(miss: &NearMiss<'_>, to: &To) -> Near {
    let object = &miss.entry.object;
    let named = to.host.as_deref() == Some(&miss.host.to_ascii_lowercase());
    let may_change = match miss.why {
        Why::OtherPorts(_) | Why::OtherAddress | Why::NotExported | Why::HiddenBySidecar(_) => true,
        Why::WildcardOnly
        | Why::Udp
        | Why::OtherName
        | Why::OtherHost
        | Why::NameOnly
        | Why::Yields(_) => false,
    };
    let id = id(object);
    Near {
        object: object.to_string(),
        host: miss.host.to_string(),
        because: miss.why.to_string(),
        to_change: named && may_change && id.is_some(),
        id,
    }
}
