//! VirtualServices and DestinationRules: what a connection loses that goes past the proxy.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Registry, Viewer,
    by_host::ByHost,
    claim::{ObjectKind, ObjectRef, Problem},
    declare::Reader as Values,
    lookup::View,
    shelf::{NamespaceId, Namespaces},
};
use crate::{
    objects,
    vocabulary::{Export, Host, host::split, host_name::normal},
};

/// An object that says how to reach hosts. Ordered by age, then by namespace and name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    created: String,
    object: ObjectRef,
    hosts: Vec<Host>,
    namespace: NamespaceId,
    readers: Vec<NamespaceId>,
    everyone: bool,
}

/// All of them, by host.
#[derive(Debug, Default)]
pub(super) struct Rules {
    by_object: HashMap<ObjectRef, Arc<Rule>>,
    virtual_services: ByHost<BTreeSet<Arc<Rule>>>,
    destination_rules: ByHost<BTreeSet<Arc<Rule>>>,
}

impl Rules {
    /// A VirtualService that is for gateways only says nothing about pods.
    pub(super) fn set_virtual_service(
        &mut self,
        object: &objects::VirtualService,
        namespaces: &mut Namespaces,
    ) -> (ObjectRef, Vec<Problem>) {
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
    ) -> (ObjectRef, Vec<Problem>) {
        let objects::DestinationRule { metadata, spec } = object;
        let hosts: &[String] = match spec.workload_selector {
            None => std::slice::from_ref(&spec.host),
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
    ) -> (ObjectRef, Vec<Problem>) {
        let mut object = ObjectRef::new(kind, &metadata.namespace, &metadata.name);
        let (namespace, name) = namespaces.intern(&object.namespace);
        object.namespace = name;
        self.remove(&object);
        let mut values = Values::new(object.clone());
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
        let rule = Arc::new(Rule {
            created: metadata.creation_timestamp.clone(),
            object: object.clone(),
            hosts,
            namespace,
            everyone: export.is_to_everyone(),
            readers,
        });
        let by_host = self.by_host(kind);
        for host in &rule.hosts {
            let insert = |rules: &mut BTreeSet<_>| {
                rules.insert(Arc::clone(&rule));
            };
            by_host.change(host, insert, BTreeSet::is_empty);
        }
        self.by_object.insert(object.clone(), rule);
        (object, values.into_problems())
    }

    pub(super) fn remove(&mut self, object: &ObjectRef) -> bool {
        let Some(rule) = self.by_object.remove(object) else {
            return false;
        };
        let by_host = self.by_host(object.kind);
        for host in &rule.hosts {
            let remove = |rules: &mut BTreeSet<_>| {
                rules.remove(&rule);
            };
            by_host.change(host, remove, BTreeSet::is_empty);
        }
        true
    }

    fn by_host(&mut self, kind: ObjectKind) -> &mut ByHost<BTreeSet<Arc<Rule>>> {
        if kind == ObjectKind::VirtualService {
            &mut self.virtual_services
        } else {
            &mut self.destination_rules
        }
    }
}

impl Registry {
    /// The rules that a sidecar applies to a host, which are void for a connection that goes past
    /// it. `host` is a name, or a wildcard as an entry has it.
    ///
    /// 1. VirtualServices for pods (`gateways` absent, or with `mesh`) that are exported to the
    ///    client and within the egress hosts of its Sidecar: all that name the host most nearly.
    /// 2. The DestinationRule that names it most nearly, from the first of these namespaces that
    ///    has one: the client's, that of the host's entry, the root (`destinationRule` in
    ///    `pilot/pkg/model/push_context.go`).
    pub fn routes<'r>(&'r self, viewer: &Viewer<'r>, host: &str) -> Vec<ObjectRef> {
        let view = View::new(self, viewer);
        let name = normal(host);
        let (name, wildcard) = split(&name);
        let exported = |rule: &Rule| {
            let mut readers = rule.readers.iter();
            rule.everyone || readers.any(|reader| Some(*reader) == view.namespace)
        };
        let within = |rule: &Rule| {
            let own = Some(rule.namespace) == view.namespace;
            let lets = |host: &Host| {
                let lets = |scope: &super::SidecarScope| {
                    scope.lets_host_through(rule.namespace, own, host)
                };
                viewer.sidecar.is_none_or(lets)
            };
            rule.hosts.iter().any(lets)
        };
        let nearest = |rules: &'r ByHost<BTreeSet<Arc<Rule>>>, fit: &dyn Fn(&Rule) -> bool| {
            let mut at_host = rules.nearest(name, wildcard);
            at_host.find_map(|rules| {
                let fit: Vec<_> = rules.iter().filter(|rule| fit(rule)).collect();
                (!fit.is_empty()).then_some(fit)
            })
        };
        let mut found = nearest(&self.rules.virtual_services, &|rule| {
            exported(rule) && within(rule)
        })
        .unwrap_or_default();
        let root = self.namespaces.get(&self.defaults.root_namespace);
        let of = |namespace: Option<NamespaceId>| {
            let own = namespace == view.namespace;
            nearest(&self.rules.destination_rules, &|rule| {
                Some(rule.namespace) == namespace && (own || exported(rule))
            })
        };
        let of_entry = || of(Some(view.namespace_of(name, wildcard)?));
        let destination_rules = of(view.namespace).or_else(of_entry).or_else(|| of(root));
        found.extend(destination_rules.into_iter().flatten().take(1));
        found.into_iter().map(|rule| rule.object.clone()).collect()
    }
}
