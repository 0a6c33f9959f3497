//! VirtualServices and DestinationRules, as they are kept.

use std::{
    collections::{BTreeSet, HashMap},
    slice,
    sync::Arc,
};

use super::{
    by_host::ByHost,
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    reader::{NamespaceId, Namespaces},
    values::ValueReader,
};
use crate::{
    objects,
    vocabulary::{Export, Host},
};

/// An object that says how to reach hosts. Ordered by age, then by namespace and name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RoutingRule {
    created: String,
    pub(super) object: ObjectRef,
    pub(super) hosts: Vec<Host>,
    pub(super) namespace: NamespaceId,
    pub(super) readers: Vec<NamespaceId>,
    pub(super) everyone: bool,
}

impl RoutingRule {
    /// Whether it is exported to a client in `namespace`.
    pub(super) fn is_exported_to(&self, namespace: Option<NamespaceId>) -> bool {
        self.everyone || self.readers.iter().any(|reader| Some(*reader) == namespace)
    }
}

/// All of them, by host.
#[derive(Debug, Default)]
pub(super) struct Routing {
    by_object: HashMap<ObjectRef, Arc<RoutingRule>>,
    pub(super) virtual_services: ByHost<BTreeSet<Arc<RoutingRule>>>,
    pub(super) destination_rules: ByHost<BTreeSet<Arc<RoutingRule>>>,
}

impl Routing {
    /// A VirtualService that is for gateways only says nothing about pods.
    pub(super) fn set_virtual_service(
        &mut self,
        object: &objects::VirtualService,
        namespaces: &mut Namespaces,
    ) -> (ObjectRef, Vec<UnreadableValue>) {
        let objects::VirtualService { metadata, spec } = object;
        let for_pods = spec.gateways.is_empty() || spec.gateways.iter().any(|to| to == "mesh");
        let hosts: &[String] = if for_pods { &spec.hosts } else { &[] };
        let kind = ObjectKind::VirtualService;
        self.set(
            kind,
            metadata,
            ("spec.hosts", hosts),
            &spec.export_to,
            namespaces,
        )
    }

    /// A DestinationRule with a selector is for some pods only; which, is not known here, so it is
    /// left out.
    pub(super) fn set_destination_rule(
        &mut self,
        object: &objects::DestinationRule,
        namespaces: &mut Namespaces,
    ) -> (ObjectRef, Vec<UnreadableValue>) {
        let objects::DestinationRule { metadata, spec } = object;
        let hosts: &[String] = match spec.workload_selector {
            None => slice::from_ref(&spec.host),
            Some(_) => &[],
        };
        let kind = ObjectKind::DestinationRule;
        self.set(
            kind,
            metadata,
            ("spec.host", hosts),
            &spec.export_to,
            namespaces,
        )
    }

    fn set(
        &mut self,
        kind: ObjectKind,
        metadata: &objects::Metadata,
        (field, hosts): (&'static str, &[String]),
        export_to: &[String],
        namespaces: &mut Namespaces,
    ) -> (ObjectRef, Vec<UnreadableValue>) {
        let mut object = ObjectRef::new(kind, &metadata.namespace, &metadata.name);
        let (namespace, name) = namespaces.intern(&object.namespace);
        object.namespace = name;
        self.remove(&object);
        let mut values = ValueReader::new(object.clone());
        let hosts = hosts.iter().filter_map(|text| {
            // Every host: allowed here, and no reason to name a rule as one for this host.
            let host = Host::parse_short(text, &object.namespace);
            values.checked(field, text, "a host, or `*.` and a host", host)
        });
        let hosts: Vec<Host> = hosts.collect();
        let export = Export::of(export_to, &[]);
        let readers = export
            .namespaces(&object.namespace)
            .map(|name| namespaces.intern(name).0);
        let readers = readers.collect();
        let rule = Arc::new(RoutingRule {
            created: metadata.creation_timestamp.clone(),
            object: object.clone(),
            hosts,
            namespace,
            everyone: export.is_to_everyone(),
            readers,
        });
        let by_host = self.by_host(kind);
        for host in &rule.hosts {
            by_host.change(
                host,
                |rules| {
                    rules.insert(Arc::clone(&rule));
                },
                BTreeSet::is_empty,
            );
        }
        self.by_object.insert(object.clone(), rule);
        (object, values.into_problems())
    }

    /// Forgets an object. Whether there was one.
    pub(super) fn remove(&mut self, object: &ObjectRef) -> bool {
        let Some(rule) = self.by_object.remove(object) else {
            return false;
        };
        let by_host = self.by_host(object.kind);
        for host in &rule.hosts {
            by_host.change(
                host,
                |rules| {
                    rules.remove(&rule);
                },
                BTreeSet::is_empty,
            );
        }
        true
    }

    /// By which of the two a kind of object is found.
    fn by_host(&mut self, kind: ObjectKind) -> &mut ByHost<BTreeSet<Arc<RoutingRule>>> {
        if kind == ObjectKind::VirtualService {
            &mut self.virtual_services
        } else {
            &mut self.destination_rules
        }
    }
}
