//! The cluster as it changes: objects in and out, one at a time, and a snapshot that follows.
//!
//! What a pod would be set up to today depends on the mesh's configuration and on its namespace, so
//! pods are kept as they arrived, and made anew when one of these changes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use ipnet::IpNet;

use super::{Snapshot, Surroundings, with_selected_pods};
use crate::{
    injection::pod,
    manifests::Object,
    objects::{self, Metadata, addressing::Addressing},
    vocabulary::Resource,
};

/// A pod that is gone is remembered for so long, and as long as connections may wait for the name of
/// their container (`--attribution-wait`): the last of them are read within a second. With a sidecar
/// it takes some KiB, and there may be thousands.
const KEEP: Duration = Duration::from_secs(30);

/// Namespace and name of an object; the namespace is empty for what has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub name: String,
}

impl Name {
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        }
    }
}

/// What happened to an object.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is there, or is something else now.
    Set(Box<Object>),
    /// It is gone.
    Removed(Resource, Name),
}

impl Change {
    /// Whether it may change how connections are judged, other than by who makes them.
    pub fn of_configuration(&self) -> bool {
        match self {
            Self::Set(object) => !matches!(**object, Object::Pod(_)),
            Self::Removed(resource, _) => !matches!(resource, Resource::Pods),
        }
    }
}

/// A snapshot, and what it was made of.
#[derive(Debug, Default)]
pub struct Live {
    snapshot: Snapshot,
    pods: HashMap<Name, KnownPod>,
    around: Surroundings,
    proxy_configs: BTreeMap<Name, objects::ProxyConfig>,
    webhooks: BTreeMap<Name, Metadata>,
    /// ServiceEntries with a `workloadSelector`.
    selecting: HashMap<Name, objects::ServiceEntry>,
    /// Ranges from settings and installers, and those that ServiceCIDRs name.
    ranges: Vec<IpNet>,
    service_ranges: BTreeMap<Name, Vec<IpNet>>,
    stale: Stale,
}

#[derive(Debug)]
struct KnownPod {
    object: objects::Pod,
    /// Its uid in the snapshot.
    uid: String,
}

/// What has to be made anew.
#[derive(Debug, Default)]
struct Stale {
    every_pod: bool,
    pods_of: HashSet<String>,
    pods: HashSet<Name>,
    /// Namespaces whose pods changed: selectors look at them.
    selected_in: HashSet<String>,
}

impl Live {
    /// A cluster of which nothing is known but these ranges and the addresses of its DNS.
    pub fn new(ranges: &[IpNet], cluster_dns: Vec<IpAddr>) -> Self {
        Self {
            snapshot: Snapshot {
                cluster_ranges: ranges.to_vec(),
                ..Snapshot::default()
            },
            around: Surroundings {
                cluster_dns,
                ..Surroundings::default()
            },
            ranges: ranges.to_vec(),
            ..Self::default()
        }
    }

    /// One that does not change.
    pub fn fixed(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            ..Self::default()
        }
    }

    /// What is known now.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Adds ranges of the cluster.
    pub fn add_ranges(&mut self, ranges: &[IpNet]) {
        self.ranges.extend(ranges);
        self.set_ranges();
    }

    /// Says whether all pods, and all that the registry is made of, are known.
    pub fn set_known(&mut self, pods: bool, registry: bool) {
        self.snapshot.pods_unknown = !pods;
        self.snapshot.registry_unknown = !registry;
    }

    /// Takes changes in, all at once.
    pub fn apply(&mut self, changes: Vec<Change>, now: Instant) {
        for change in changes {
            match change {
                Change::Set(object) => self.set(*object, now),
                Change::Removed(resource, name) => self.remove(resource, &name, now),
            }
        }
        self.settle();
    }

    /// Forgets pods that are long gone: longer than their connections wait, and without a process that
    /// could make others (a pod that is deleted by force may run on).
    pub fn prune(&mut self, now: Instant, wait: Duration, runs: impl Fn(&str) -> bool) {
        let pods = &mut self.snapshot.pods;
        pods.forget(|uid, since| now - since >= KEEP + wait && !runs(uid));
    }

    fn set(&mut self, object: Object, now: Instant) {
        let registry = &mut self.snapshot.registry;
        match object {
            Object::Pod(object) => self.set_pod(object, now),
            Object::ConfigMap(object) => {
                if self.snapshot.mesh.apply(&object) {
                    self.mesh_changed();
                }
            }
            Object::Namespace(object) => {
                let name = object.metadata.name.clone();
                self.stale.pods_of.insert(name.clone());
                self.around.namespaces.insert(name, object.metadata);
            }
            Object::MutatingWebhookConfiguration(object) => {
                let name = Name::of(&object.metadata);
                self.webhooks.insert(name, object.metadata);
                self.webhooks_changed();
            }
            Object::ProxyConfig(object) => {
                self.proxy_configs
                    .insert(Name::of(&object.metadata), object);
                self.proxy_configs_changed();
            }
            Object::ServiceEntry(object) => self.set_service_entry(object),
            Object::Sidecar(object) => registry.set_sidecar(&object),
            Object::VirtualService(object) => registry.set_virtual_service(&object),
            Object::DestinationRule(object) => registry.set_destination_rule(&object),
            Object::Addressing(Addressing::ServiceCidr(object)) => {
                let cidrs = object.spec.cidrs.iter();
                let ranges = cidrs.filter_map(|cidr| cidr.parse().ok()).collect();
                self.service_ranges
                    .insert(Name::of(&object.metadata), ranges);
                self.set_ranges();
            }
            // Nobody watches these.
            Object::Service(_) | Object::Workload(_) | Object::Addressing(_) => {}
        }
    }

    fn remove(&mut self, resource: Resource, name: &Name, now: Instant) {
        let registry = &mut self.snapshot.registry;
        let Name {
            namespace,
            name: own,
        } = name;
        match resource {
            Resource::Pods => {
                self.settle_pod(name);
                if let Some(known) = self.pods.remove(name) {
                    self.snapshot.pods.leave(known.uid, now);
                    self.stale.selected_in.insert(namespace.clone());
                }
            }
            Resource::ConfigMaps => {
                if self.snapshot.mesh.remove(namespace, own) {
                    self.mesh_changed();
                }
            }
            Resource::Namespaces => {
                self.around.namespaces.remove(own);
                self.stale.pods_of.insert(own.clone());
            }
            Resource::MutatingWebhookConfigurations => {
                self.webhooks.remove(name);
                self.webhooks_changed();
            }
            Resource::ProxyConfigs => {
                self.proxy_configs.remove(name);
                self.proxy_configs_changed();
            }
            Resource::ServiceEntries => {
                self.selecting.remove(name);
                registry.remove_service_entry(namespace, own);
            }
            Resource::Sidecars => drop(registry.remove_sidecar(namespace, own)),
            Resource::VirtualServices => drop(registry.remove_virtual_service(namespace, own)),
            Resource::DestinationRules => drop(registry.remove_destination_rule(namespace, own)),
            Resource::ServiceCidrs => {
                self.service_ranges.remove(name);
                self.set_ranges();
            }
        }
    }

    fn set_pod(&mut self, object: objects::Pod, now: Instant) {
        let name = Name::of(&object.metadata);
        let uid = pod::uid(&object.metadata).to_owned();
        if self.pods.get(&name).is_some_and(|before| before.uid != uid) {
            self.settle_pod(&name);
        }
        self.stale.pods.insert(name.clone());
        self.stale.selected_in.insert(name.namespace.clone());
        let known = KnownPod { object, uid };
        let uid = known.uid.clone();
        // A pod of a StatefulSet comes back under its name.
        if let Some(before) = self.pods.insert(name, known)
            && before.uid != uid
        {
            self.snapshot.pods.leave(before.uid, now);
        }
    }

    /// A pod that came and goes at once has been there: its connections are read later.
    fn settle_pod(&mut self, name: &Name) {
        if self.stale.pods.contains(name) {
            self.settle();
        }
    }

    fn set_service_entry(&mut self, object: objects::ServiceEntry) {
        let name = Name::of(&object.metadata);
        if object.spec.workload_selector.is_none() {
            self.selecting.remove(&name);
            self.snapshot.registry.set_service_entry(&object);
            return;
        }
        self.stale.selected_in.insert(name.namespace.clone());
        self.selecting.insert(name, object);
    }

    fn mesh_changed(&mut self) {
        self.stale.every_pod = true;
        self.snapshot.set_defaults();
    }

    fn webhooks_changed(&mut self) {
        self.snapshot.mesh.set_webhooks(self.webhooks.values());
        self.stale.every_pod = true;
    }

    fn proxy_configs_changed(&mut self) {
        self.around.proxy_configs = self.proxy_configs.values().cloned().collect();
        self.stale.every_pod = true;
    }

    fn set_ranges(&mut self) {
        let named = self.service_ranges.values().flatten();
        self.snapshot.cluster_ranges = self.ranges.iter().chain(named).copied().collect();
    }

    /// Makes anew what the changes made stale.
    fn settle(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        let Self {
            snapshot,
            pods,
            around,
            selecting,
            ..
        } = self;
        let mut make = |known: &KnownPod| {
            let pod = around.pod(&known.object, &snapshot.mesh);
            pod.warn_if_unreadable(snapshot.pod(&known.uid).map(AsRef::as_ref));
            snapshot.pods.set(known.uid.clone(), pod);
        };
        if stale.every_pod || !stale.pods_of.is_empty() {
            let is_stale = |name: &Name| {
                stale.every_pod
                    || stale.pods_of.contains(&name.namespace)
                    || stale.pods.contains(name)
            };
            let stale = pods.iter().filter(|(name, _)| is_stale(name));
            stale.for_each(|(_, known)| make(known));
        } else {
            // Where pods come and go by the minute, hundreds stay: they are not even looked at.
            let stale = stale.pods.iter().filter_map(|name| pods.get(name));
            stale.for_each(make);
        }
        for (_, entry) in selecting
            .iter()
            .filter(|(name, _)| stale.selected_in.contains(&name.namespace))
        {
            let all = pods.values().map(|known| &known.object);
            let entry = with_selected_pods(entry, all);
            snapshot.registry.set_service_entry(&entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        injection::setup::Membership,
        manifests,
        vocabulary::{Policy, Scope},
    };

    const WAIT: Duration = Duration::from_secs(30);

    fn set(value: Value) -> Change {
        let mut object = None;
        let text = value.to_string();
        manifests::parse("test".as_ref(), &text, &mut |read| object = Some(read)).unwrap();
        Change::Set(Box::new(object.unwrap()))
    }

    fn pod(name: &str, uid: &str, ip: &str) -> Change {
        set(json!({
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": uid, "labels": {"app": name},
                "annotations": {"sidecar.istio.io/status": "{}"}},
            "spec": {
                "initContainers": [{"name": "istio-init", "args": ["istio-iptables", "-i", "*"]}],
                "containers": [{"name": "app"}, {"name": "istio-proxy"}]},
            "status": {"podIPs": [{"ip": ip}]},
        }))
    }

    fn injector(include: &str) -> Change {
        let values = json!({"global": {"proxy": {"includeIPRanges": include}}});
        set(json!({
            "kind": "ConfigMap",
            "metadata": {"name": "istio-sidecar-injector", "namespace": "istio-system"},
            "data": {"values": values.to_string(), "config": "policy: enabled"},
        }))
    }

    fn name(namespace: &str, name: &str) -> Name {
        Name {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn live(changes: impl IntoIterator<Item = Change>) -> Live {
        let mut live = Live::new(&[], Vec::new());
        live.apply(changes.into_iter().collect(), Instant::now());
        live
    }

    #[test]
    fn a_pod_that_is_gone_is_remembered_for_a_while() {
        let mut live = live([pod("a", "u1", "10.0.0.1")]);
        let start = Instant::now();
        live.apply(
            vec![Change::Removed(Resource::Pods, name("shop", "a"))],
            start,
        );
        let scope = |live: &Live| {
            let ip = "10.0.0.1".parse().unwrap();
            live.snapshot().scope_from_anywhere(ip)
        };
        assert!(live.snapshot().pod("u1").is_some());
        assert_eq!(live.snapshot().pods().count(), 0);
        // Its address may be anybody's now.
        assert_eq!(scope(&live), Scope::External);
        live.prune(start + KEEP + WAIT / 2, WAIT, |_| false);
        assert!(live.snapshot().pod("u1").is_some());
        live.prune(start + KEEP + WAIT, WAIT, |uid| uid == "u1");
        assert!(live.snapshot().pod("u1").is_some());
        live.prune(start + KEEP + WAIT, WAIT, |_| false);
        assert!(live.snapshot().pod("u1").is_none());
    }

    #[test]
    fn a_pod_that_comes_and_goes_at_once_was_there() {
        let gone = || Change::Removed(Resource::Pods, name("shop", "a"));
        let live = live([
            pod("a", "u1", "10.0.0.1"),
            gone(),
            pod("a", "u2", "10.0.0.2"),
            pod("a", "u3", "10.0.0.3"),
            gone(),
        ]);
        let known = ["u1", "u2", "u3"].map(|uid| live.snapshot().pod(uid).is_some());
        assert_eq!(known, [true; 3]);
        assert_eq!(live.snapshot.pods().count(), 0);
    }

    #[test]
    fn a_name_that_comes_back_is_another_pod() {
        let mut live = live([pod("db-0", "u1", "10.0.0.1")]);
        live.apply(vec![pod("db-0", "u2", "10.0.0.1")], Instant::now());
        assert!(live.snapshot().pod("u1").is_some() && live.snapshot().pod("u2").is_some());
        live.prune(Instant::now() + KEEP + WAIT, WAIT, |_| false);
        assert!(live.snapshot().pod("u1").is_none() && live.snapshot().pod("u2").is_some());
    }

    #[test]
    fn pods_become_stale_with_the_injectors_values_and_with_their_namespace() {
        let mut live = live([
            pod("a", "u1", "10.0.0.1"),
            injector("*"),
            set(json!({"kind": "Namespace",
                "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}})),
        ]);
        let stale = |live: &Live| live.snapshot().pod("u1").unwrap().stale();
        assert_eq!(stale(&live), Some(false));
        live.apply(vec![injector("10.0.0.0/8")], Instant::now());
        assert_eq!(stale(&live), Some(true));
        live.apply(vec![injector("*")], Instant::now());
        assert_eq!(stale(&live), Some(false));
        let no_injection = set(json!({"kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"istio-injection": "disabled"}}}));
        live.apply(vec![no_injection], Instant::now());
        // Its sidecar may be of its own making.
        assert_eq!(stale(&live), None);
        let applied = &live.snapshot().pod("u1").unwrap().applied;
        assert!(matches!(applied.membership, Membership::Sidecar(_)));
    }

    #[test]
    fn the_meshs_configuration_changes_and_goes() {
        let mesh = |mode: &str| {
            set(json!({"kind": "ConfigMap",
                "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": format!("outboundTrafficPolicy: {{mode: {mode}}}")}}))
        };
        let mut live = live([pod("a", "u1", "10.0.0.1"), mesh("REGISTRY_ONLY")]);
        let policy = |live: &Live| {
            let snapshot = live.snapshot();
            snapshot.policy(snapshot.pod("u1").unwrap())
        };
        assert_eq!(policy(&live), Some(Policy::RegistryOnly));
        live.apply(vec![mesh("ALLOW_ANY")], Instant::now());
        assert_eq!(policy(&live), Some(Policy::AllowAny));
        // What cannot be read leaves the last state in place, and shows.
        live.apply(vec![mesh("[")], Instant::now());
        assert_eq!(policy(&live), Some(Policy::AllowAny));
        assert!(live.snapshot().mesh_is_unreadable());
        let gone = Change::Removed(Resource::ConfigMaps, name("istio-system", "istio"));
        live.apply(vec![gone], Instant::now());
        assert_eq!(policy(&live), None);
        assert!(!live.snapshot().mesh_is_unreadable());
    }

    #[test]
    fn entries_with_a_selector_follow_the_pods_they_select() {
        let entry = set(json!({"kind": "ServiceEntry",
            "metadata": {"name": "a", "namespace": "shop"},
            "spec": {"hosts": ["a.test"], "ports": [{"number": 80, "name": "tcp", "protocol": "TCP"}],
                "location": "MESH_INTERNAL", "resolution": "STATIC",
                "workloadSelector": {"labels": {"app": "a"}}}}));
        let mut live = live([entry]);
        let n = |live: &Live| {
            let entries = live.selecting.values();
            let selected = entries.map(|entry| {
                let all = live.pods.values().map(|known| &known.object);
                with_selected_pods(entry, all).spec.endpoints.len()
            });
            selected.sum::<usize>()
        };
        assert_eq!(n(&live), 0);
        live.apply(
            vec![pod("a", "u1", "10.0.0.1"), pod("b", "u2", "10.0.0.2")],
            Instant::now(),
        );
        assert_eq!(n(&live), 1);
        let gone = Change::Removed(Resource::ServiceEntries, name("shop", "a"));
        live.apply(vec![gone], Instant::now());
        assert!(live.selecting.is_empty());
        assert!(!live.snapshot.registry.remove_service_entry("shop", "a"));
    }

    #[test]
    fn the_ranges_of_services_are_the_clusters() {
        let cidr = set(
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
            "metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12"]}}),
        );
        let mut live = live([cidr]);
        let scope = |live: &Live, ip: &str| {
            let ip = ip.parse().unwrap();
            live.snapshot().scope_from_anywhere(ip)
        };
        assert_eq!(scope(&live, "10.96.0.10"), Scope::Cluster);
        assert_eq!(scope(&live, "10.244.0.1"), Scope::External);
        live.add_ranges(&["10.244.0.0/16".parse().unwrap()]);
        assert_eq!(scope(&live, "10.244.0.1"), Scope::Cluster);
        assert_eq!(scope(&live, "10.96.0.10"), Scope::Cluster);
        let gone = Change::Removed(Resource::ServiceCidrs, name("", "kubernetes"));
        live.apply(vec![gone], Instant::now());
        assert_eq!(scope(&live, "10.96.0.10"), Scope::External);
    }
}
