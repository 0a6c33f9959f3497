//! VirtualServices and DestinationRules, as they are kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    slice,
    sync::Arc,
};

use super::{
    by_host::ByHost,
    defaults::RegistryDefaults,
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    reader::Namespaces,
    reversed::Reversed,
    rule::RoutingRule,
    values::ValueReader,
    virtual_service::RouteTable,
};
use crate::{
    objects,
    vocabulary::{Export, Host},
};

/// All of them, by host.
#[derive(Clone, Debug, Default)]
pub(super) struct Routing {
    by_object: HashMap<ObjectRef, Arc<RoutingRule>>,
    pub(super) virtual_services: ByHost<BTreeSet<Arc<RoutingRule>>>,
    /// The hosts of those with routes for TLS or TCP.
    pub(super) stream_hosts: Reversed,
    /// VirtualServices with routes for TLS, by the names that clients ask for.
    pub(super) by_sni: ByHost<BTreeSet<Arc<RoutingRule>>>,
    /// VirtualServices with routes for TLS or TCP.
    pub(super) streams: BTreeSet<Arc<RoutingRule>>,
    /// Those of them that tell TCP by ranges.
    pub(super) ranged: BTreeSet<Arc<RoutingRule>>,
    /// Without hosts, by namespace and name: for others to delegate to.
    pub(super) delegates: BTreeMap<(Box<str>, Box<str>), Arc<RoutingRule>>,
    pub(super) destination_rules: ByHost<BTreeSet<Arc<RoutingRule>>>,
}

/// What all objects of a kind are read by.
pub(super) struct RoutingDefaults<'a> {
    pub(super) export_to: &'a [String],
    pub(super) domain: &'a str,
}

impl Routing {
    /// A VirtualService that is for gateways only says nothing about pods.
    pub(super) fn set_virtual_service(
        &mut self,
        object: &objects::VirtualService,
        defaults: &RoutingDefaults<'_>,
        namespaces: &mut Namespaces,
    ) -> (ObjectRef, Vec<UnreadableValue>) {
        let objects::VirtualService { metadata, spec } = object;
        let for_pods = spec.gateways.is_empty() || spec.gateways.iter().any(|to| to == "mesh");
        let hosts: &[String] = if for_pods { &spec.hosts } else { &[] };
        let (mut rule, mut values) = self.read(
            (ObjectKind::VirtualService, metadata),
            ("spec.hosts", hosts),
            (&spec.export_to, defaults),
            namespaces,
        );
        rule.is_delegate = spec.hosts.is_empty();
        rule.routes = RouteTable::new(spec, &rule.object, defaults.domain, &mut values);
        (self.insert(rule), values.into_problems())
    }

    /// A DestinationRule with a selector is for some pods only; which, is not known here, so it is
    /// left out.
    pub(super) fn set_destination_rule(
        &mut self,
        object: &objects::DestinationRule,
        defaults: &RoutingDefaults<'_>,
        namespaces: &mut Namespaces,
    ) -> (ObjectRef, Vec<UnreadableValue>) {
        let objects::DestinationRule { metadata, spec } = object;
        let hosts: &[String] = match spec.workload_selector {
            None => slice::from_ref(&spec.host),
            Some(_) => &[],
        };
        let (rule, values) = self.read(
            (ObjectKind::DestinationRule, metadata),
            ("spec.host", hosts),
            (&spec.export_to, defaults),
            namespaces,
        );
        (self.insert(rule), values.into_problems())
    }

    fn read(
        &mut self,
        (kind, metadata): (ObjectKind, &objects::Metadata),
        (field, hosts): (&'static str, &[String]),
        (export_to, defaults): (&[String], &RoutingDefaults<'_>),
        namespaces: &mut Namespaces,
    ) -> (RoutingRule, ValueReader) {
        let mut object = ObjectRef::new(kind, &metadata.namespace, &metadata.name);
        let (namespace, name) = namespaces.intern(&object.namespace);
        object.namespace = name;
        self.remove(&object);
        let mut values = ValueReader::new(object.clone());
        let hosts = hosts.iter().filter_map(|text| {
            // Every host: allowed here, and no reason to name a rule as one for this host.
            let host = Host::parse_short(text, &object.namespace, defaults.domain);
            values.checked(field, text, "a host, or `*.` and a host", host)
        });
        let hosts: Vec<Host> = hosts.collect();
        let mut rule = RoutingRule {
            created: metadata.creation_timestamp.clone(),
            object,
            hosts,
            namespace,
            everyone: false,
            readers: Vec::new(),
            has_default_export: export_to.is_empty(),
            is_delegate: false,
            routes: RouteTable::default(),
        };
        rule.export(Export::of(export_to, defaults.export_to), namespaces);
        (rule, values)
    }

    fn insert(&mut self, rule: RoutingRule) -> ObjectRef {
        let rule = Arc::new(rule);
        let by_host = self.by_host(rule.object.kind);
        for host in &rule.hosts {
            add(by_host, host, &rule);
        }
        for host in sni_hosts(&rule) {
            add(&mut self.by_sni, host, &rule);
        }
        if rule.has_streams() {
            self.streams.insert(Arc::clone(&rule));
            rule.hosts
                .iter()
                .for_each(|host| self.stream_hosts.insert(host));
        }
        if rule.has_ranges() {
            self.ranged.insert(Arc::clone(&rule));
        }
        if rule.is_delegate {
            self.delegates.insert(rule.key(), Arc::clone(&rule));
        }
        self.by_object
            .insert(rule.object.clone(), Arc::clone(&rule));
        rule.object.clone()
    }

    /// Forgets an object. Whether there was one.
    pub(super) fn remove(&mut self, object: &ObjectRef) -> bool {
        let Some(rule) = self.by_object.remove(object) else {
            return false;
        };
        let by_host = self.by_host(object.kind);
        for host in &rule.hosts {
            take(by_host, host, &rule);
        }
        for host in sni_hosts(&rule) {
            take(&mut self.by_sni, host, &rule);
        }
        if self.streams.remove(&rule) {
            rule.hosts
                .iter()
                .for_each(|host| self.stream_hosts.remove(host));
        }
        self.ranged.remove(&rule);
        if rule.is_delegate {
            self.delegates.remove(&rule.key());
        }
        true
    }

    /// Reads all rules by what the mesh's configuration says now: short names of hosts are completed by
    /// the cluster's domain, and VirtualServices without `exportTo` have the default.
    pub(super) fn set_defaults(
        &mut self,
        before: &RegistryDefaults,
        now: &RegistryDefaults,
        namespaces: &mut Namespaces,
    ) {
        let objects: Vec<ObjectRef> = self.by_object.keys().cloned().collect();
        for object in objects {
            let Some(rule) = self.by_object.get(&object).cloned() else {
                continue;
            };
            self.remove(&object);
            // Nobody else has it any more.
            if let Some(mut rule) = Arc::into_inner(rule) {
                rule.rename(&before.cluster_domain, &now.cluster_domain);
                if rule.has_default_export && object.kind == ObjectKind::VirtualService {
                    let default = Export::of(&now.virtual_service_export_to, &[]);
                    rule.export(default, namespaces);
                }
                self.insert(rule);
            }
        }
    }

    /// All VirtualServices that have hosts.
    pub(super) fn virtual_services(&self) -> impl Iterator<Item = &Arc<RoutingRule>> {
        let all = self.by_object.values();
        all.filter(|rule| rule.object.kind == ObjectKind::VirtualService && !rule.hosts.is_empty())
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

fn sni_hosts(rule: &RoutingRule) -> impl Iterator<Item = &Host> {
    let matches = rule.routes.tls.iter().flat_map(|route| &route.matches);
    matches.flat_map(|matcher| &matcher.sni_hosts)
}

fn add(rules: &mut ByHost<BTreeSet<Arc<RoutingRule>>>, host: &Host, rule: &Arc<RoutingRule>) {
    let insert = |rules: &mut BTreeSet<Arc<RoutingRule>>| {
        rules.insert(Arc::clone(rule));
    };
    rules.change(host, insert, BTreeSet::is_empty);
}

fn take(rules: &mut ByHost<BTreeSet<Arc<RoutingRule>>>, host: &Host, rule: &Arc<RoutingRule>) {
    let remove = |rules: &mut BTreeSet<Arc<RoutingRule>>| {
        rules.remove(rule);
    };
    rules.change(host, remove, BTreeSet::is_empty);
}
