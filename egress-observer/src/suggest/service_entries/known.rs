//! What today's objects declare, and for whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;
use serde::Serialize;

use crate::{
    explain::To, flow_pods::FlowPods, flows::Caller, service_entry::NewServiceEntry, trial::Sight,
};
use egress_observer_istio::{
    injection::pod,
    judgement::{Asker, ClientSocket, Evidence, assess},
    manifests::Object,
    objects,
    registry::{Match, NearMiss, ObjectKind, ObjectRef, Registry, RegistryQuery, Viewer, Why},
    view::{Snapshot, live::Live},
    vocabulary::{Export, Protocol, Scope},
};

/// The time of creation of what is not created yet: of several entries, the oldest counts.
const LATER: &str = "9999-12-31T23:59:59Z";

/// Namespace and name of a ServiceEntry.
pub(super) type EntryId = (Arc<str>, Arc<str>);

/// The mesh as it is.
#[derive(Debug)]
pub(crate) struct KnownMesh {
    snapshot: Snapshot,
    /// Every ServiceEntry.
    entries: BTreeMap<EntryId, objects::ServiceEntryObject>,
    pods: FlowPods,
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
    pub(super) id: Option<EntryId>,
    /// Whether it is a Service: no entry has to declare what that has.
    #[serde(skip)]
    pub(super) is_service: bool,
}

impl KnownMesh {
    /// What these objects say.
    pub(crate) fn new(objects: Vec<Object>, cluster_ranges: &[IpNet]) -> Self {
        let mut entries = BTreeMap::new();
        for object in &objects {
            if let Object::ServiceEntry(object) = object {
                let namespace = pod::namespace(&object.metadata.namespace);
                let id = (namespace, object.metadata.name.as_str().into());
                entries.insert(id, object.clone());
            }
        }
        let snapshot = Live::of(objects, cluster_ranges).into_snapshot();
        Self {
            pods: FlowPods::new(snapshot.pods().cloned()),
            snapshot,
            entries,
        }
    }

    /// Every ServiceEntry, with its hosts.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&EntryId, &[String])> {
        self.entries
            .iter()
            .map(|(id, object)| (id, object.spec.hosts.as_slice()))
    }

    /// Every ServiceEntry that has this very host.
    pub(super) fn of_host(
        &self,
        host: &str,
    ) -> impl Iterator<Item = (&EntryId, &objects::ServiceEntryObject)> {
        let has = move |object: &objects::ServiceEntryObject| {
            let mut hosts = object.spec.hosts.iter();
            hosts.any(|own| own.eq_ignore_ascii_case(host))
        };
        self.entries.iter().filter(move |(_, object)| has(object))
    }

    /// What is known to the mesh, apart from what becomes of it.
    pub(super) fn registry(&self) -> Registry {
        self.snapshot.registry.clone()
    }

    /// What a namespace's workloads see of a registry, which is this one's, or was.
    pub(super) fn sight<'r>(&self, registry: &'r Registry, namespace: &'r str) -> Sight<'r> {
        let mut pods = self.pods.all().iter();
        let pod = pods.find(|pod| *pod.namespace == *namespace);
        let labels = pod.map(|pod| pod.labels.clone()).unwrap_or_default();
        let viewer = Viewer {
            namespace,
            sidecar: registry.sidecar_for(namespace, &labels),
            labels: None,
            ..pod.map_or_else(Viewer::default, |pod| Viewer {
                sidecar: None,
                labels: None,
                namespace,
                ..self.snapshot.viewer(pod)
            })
        };
        Sight {
            registry,
            viewer,
            policy: pod.and_then(|pod| self.snapshot.policy(pod)),
        }
    }

    /// The ServiceEntry that counts for a host in a namespace.
    pub(super) fn kept(&self, namespace: &str, host: &str) -> Option<EntryId> {
        let registry = &self.snapshot.registry;
        let sight = self.sight(registry, namespace);
        registry.kept_for(&sight.viewer, host).and_then(id)
    }

    /// Whether a namespace sees an entry.
    pub(super) fn shows(&self, id: &EntryId, namespace: &str) -> bool {
        let registry = &self.snapshot.registry;
        let object = registry.service_entry_ref(&id.0, &id.1);
        let entry = object.and_then(|object| registry.entry(object));
        entry.is_some_and(|entry| {
            let words = if entry.export_to.is_empty() {
                registry.default_export()
            } else {
                &entry.export_to
            };
            Export::of(words, &[]).shows_to(&id.0, namespace)
        })
    }

    /// Whose view counts: the pod's, or that of its namespace.
    fn viewer<'a>(&'a self, from: &'a Caller) -> Viewer<'a> {
        if let Some(pod) = self.pods.of(from) {
            return self.snapshot.viewer(pod);
        }
        let registry = &self.snapshot.registry;
        Viewer {
            namespace: &from.namespace,
            sidecar: registry.sidecar_for(&from.namespace, &BTreeMap::new()),
            ..Viewer::default()
        }
    }

    /// What the mesh makes of a destination: for a pod what its connections are judged by, else what
    /// its namespace sees.
    pub(super) fn lookup<'a>(&'a self, from: &'a Caller, to: &To) -> Match<'a> {
        let Some(pod) = self.pods.of(from) else {
            let viewer = self.viewer(from);
            return self.snapshot.registry.lookup(&viewer, &asked(to));
        };
        let role = pod.role(None, u32::MAX, u32::MAX);
        let asker = Asker::new(&self.snapshot, pod, role, ClientSocket::default());
        let endpoint = to.endpoint(Protocol::Tcp);
        let names = to.host.as_slice();
        assess(
            &self.snapshot,
            &asker,
            &endpoint,
            names,
            Evidence::AsApplied,
        )
        .matched
    }

    /// How far away it is, if its address is known.
    pub(super) fn scope(&self, from: &Caller, to: &To) -> Option<Scope> {
        let ip = to.ip?;
        Some(match self.pods.of(from) {
            Some(pod) => self.snapshot.scope(pod, ip),
            None => self.snapshot.scope_from_anywhere(ip),
        })
    }

    /// Entries that nearly take it. One for another host altogether is not near, and that a name is
    /// needed says nothing where one is given.
    pub(super) fn near(&self, from: &Caller, to: &To) -> BTreeSet<Near> {
        let viewer = self.viewer(from);
        let misses = self.snapshot.registry.near_misses(&viewer, &asked(to));
        let telling = misses.iter().filter(|miss| match miss.why {
            Why::OtherHost => false,
            Why::NameOnly => to.host.is_none(),
            Why::OtherPorts(_)
            | Why::OtherAddress
            | Why::NotExported
            | Why::HiddenBySidecar(_)
            | Why::WildcardOnly
            | Why::Udp
            | Why::OtherName
            | Why::NoAddress
            | Why::NotTold
            | Why::Yields(_) => true,
        });
        telling
            .map(|miss| near(miss, to, viewer.namespace))
            .collect()
    }

    /// Takes in entries that are suggested, to see what becomes of connections then.
    pub(super) fn apply<'a>(&mut self, entries: impl Iterator<Item = &'a NewServiceEntry>) {
        for entry in entries {
            let object = serde_json::from_value::<objects::ServiceEntryObject>(entry.object());
            // What is written can be read.
            if let Ok(mut object) = object {
                // One that is changed is as old as it was.
                let id = (
                    pod::namespace(&object.metadata.namespace),
                    object.metadata.name.as_str().into(),
                );
                let known = self.entries.get(&id);
                object.metadata.creation_timestamp = match known {
                    Some(known) => known.metadata.creation_timestamp.clone(),
                    None => LATER.to_owned(),
                };
                self.snapshot.registry.set_service_entry(&object);
            }
        }
    }
}

fn asked(to: &To) -> RegistryQuery<'_> {
    to.endpoint(Protocol::Tcp).query(to.host.as_deref())
}

/// The ServiceEntry that an object is.
pub(super) fn id(object: &ObjectRef) -> Option<EntryId> {
    let entry = object.kind == ObjectKind::ServiceEntry;
    entry.then(|| (Arc::clone(&object.namespace), Arc::clone(&object.name)))
}

fn near(miss: &NearMiss<'_>, to: &To, namespace: &str) -> Near {
    let object = &miss.entry.object;
    let named = to.host.as_deref() == Some(&miss.host.to_ascii_lowercase());
    let may_change = match miss.why {
        Why::OtherPorts(_) | Why::OtherAddress | Why::NotExported | Why::HiddenBySidecar(_) => true,
        Why::WildcardOnly
        | Why::Udp
        | Why::OtherName
        | Why::OtherHost
        | Why::NameOnly
        | Why::NoAddress
        | Why::NotTold
        | Why::Yields(_) => false,
    };
    let id = id(object);
    let mut because = miss.why.to_string();
    if let Why::HiddenBySidecar(_) = miss.why {
        let own = *object.namespace == *namespace;
        let from = if own { "." } else { &object.namespace };
        because.push_str(&format!(" ({from}/{} would let it through)", miss.host));
    }
    Near {
        object: object.to_string(),
        host: miss.host.to_string(),
        because,
        to_change: named && may_change && id.is_some(),
        is_service: object.kind == ObjectKind::Service && !matches!(miss.why, Why::OtherName),
        id,
    }
}
