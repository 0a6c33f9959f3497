//! The cluster as it changes: objects in and out, one at a time, and a snapshot that follows.
//!
//! What a pod would be set up to today depends on the mesh's configuration and on its namespace, so
//! pods are kept as they arrived, and made anew when one of these changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    net::IpAddr,
    time::{Duration, Instant},
};

use ipnet::IpNet;

use super::{
    change::{self, ObjectChange},
    headless::{HeadlessServices, selects_endpoints},
    selected::with_selected_pods,
    snapshot::{MissingObjects, Snapshot},
    stale::StaleParts,
    surroundings::PodSurroundings,
};
use crate::{
    injection::pod,
    mesh::{ControlPlane, Mesh, MeshCoverage},
    objects::{
        self, ConfigMap, Metadata, PodTemplate,
        kinds::{Kind, Object},
        name::ObjectName,
    },
};

/// A pod that is gone is remembered for so long, and as long as connections may wait for the name of
/// their container (`--attribution-wait`): the last of them are read within a second. With a sidecar
/// it takes some KiB, and there may be thousands.
const KEEP: Duration = Duration::from_secs(30);

/// A snapshot that changes, with the objects that it was made of.
#[derive(Debug, Default)]
pub struct Live {
    snapshot: Snapshot,
    /// In order, so that those of a namespace are beside each other.
    pods: BTreeMap<ObjectName, KnownPod>,
    around: PodSurroundings,
    proxy_configs: BTreeMap<ObjectName, objects::ProxyConfig>,
    webhooks: BTreeMap<ObjectName, Metadata>,
    /// ConfigMaps of Istio.
    config_maps: BTreeSet<ObjectName>,
    /// ServiceEntries with a `workloadSelector`.
    selecting: BTreeMap<ObjectName, objects::ServiceEntryObject>,
    headless: HeadlessServices,
    /// Ranges from settings and installers, and those that ServiceCIDRs name.
    ranges: Vec<IpNet>,
    service_ranges: BTreeMap<ObjectName, Vec<IpNet>>,
    stale: StaleParts,
}

#[derive(Debug)]
struct KnownPod {
    object: objects::PodObject,
    /// What it is called in the snapshot.
    key: String,
}

impl Live {
    /// A cluster of which nothing is known but these ranges and the addresses of its DNS.
    pub fn new(ranges: &[IpNet], cluster_dns: Vec<IpAddr>) -> Self {
        Self {
            snapshot: Snapshot {
                cluster_ranges: ranges.to_vec(),
                ..Snapshot::default()
            },
            around: PodSurroundings::new(cluster_dns),
            ranges: ranges.to_vec(),
            ..Self::default()
        }
    }

    /// The cluster that has these objects and no others, as files describe it.
    pub fn of(objects: Vec<Object>, ranges: &[IpNet]) -> Self {
        let mut live = Self::new(ranges, Vec::new());
        live.apply(change::all_at_once(objects), Instant::now());
        live
    }

    /// The state after the last change that was taken in.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The last state alone, where nothing will change any more.
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// How many ConfigMaps of Istio there are, such as `istio` and `istio-sidecar-injector`.
    pub fn n_config_maps(&self) -> usize {
        self.config_maps.len()
    }

    /// Adds ranges that are the cluster's: what is in them is inside it.
    pub fn add_ranges(&mut self, ranges: &[IpNet]) {
        self.ranges.extend(ranges);
        self.set_ranges();
    }

    /// Says which objects may be missing: that one of these is absent proves nothing.
    pub fn set_missing(&mut self, missing: MissingObjects) {
        self.snapshot.missing = missing;
    }

    /// Says which parts of the mesh's configuration are known not to be there.
    pub fn set_coverage(&mut self, coverage: MeshCoverage) {
        if self.snapshot.mesh.set_coverage(coverage) {
            self.mesh_changed();
            self.settle();
        }
    }

    /// Takes changes in, all at once: what they make stale is made anew after the last one. `now`
    /// is when a pod that goes was seen to go.
    pub fn apply(&mut self, changes: Vec<ObjectChange>, now: Instant) {
        for change in changes {
            match change {
                ObjectChange::Set(object) => self.set(*object, now),
                ObjectChange::Removed(kind, name) => self.remove(kind, name, now),
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

    fn set(&mut self, mut object: Object, now: Instant) {
        let (kind, name) = (object.kind(), ObjectName::of(&object));
        if object.metadata().namespace != name.namespace {
            object.metadata_mut().namespace.clone_from(&name.namespace);
        }
        let registry = &mut self.snapshot.registry;
        match object {
            Object::Pod(object) => self.set_pod(name, object, now),
            Object::ConfigMap(object) => self.set_config_map(name, &object),
            Object::Namespace(object) => {
                self.stale.pods_of.insert(name.name.clone());
                self.stale.discovery = true;
                self.around.namespaces.insert(name.name, object.metadata);
            }
            Object::MutatingWebhookConfiguration(object) => {
                self.webhooks.insert(name, object.metadata);
                self.stale.webhooks = true;
            }
            Object::ProxyConfig(object) => {
                self.proxy_configs.insert(name, object);
                self.stale.proxy_configs = true;
            }
            Object::Service(object) => {
                self.stale.every_pod |= self.around.set_service(&name, &object);
                self.set_service(name, object);
            }
            Object::Workload(object) => {
                self.stale.pods_of.insert(name.namespace.clone());
                self.set_control_plane(&name, object.template());
                self.around.set_workload(kind, name, &object);
            }
            Object::ServiceEntry(object) => self.set_service_entry(name, object),
            Object::Sidecar(object) => registry.set_sidecar(&object),
            Object::VirtualService(object) => registry.set_virtual_service(&object),
            Object::DestinationRule(object) => registry.set_destination_rule(&object),
            Object::Gateway(object) => registry.set_gateway(&object),
            Object::ServiceCidr(object) => {
                let cidrs = object.spec.cidrs.iter();
                let ranges = cidrs.filter_map(|cidr| cidr.parse().ok()).collect();
                self.service_ranges.insert(name, ranges);
                self.stale.ranges = true;
            }
            // No connection is judged by them.
            Object::Node(_) | Object::IpPool(_) | Object::CiliumNode(_) | Object::Network(_) => {}
        }
    }

    fn remove(&mut self, kind: Kind, name: ObjectName, now: Instant) {
        let registry = &mut self.snapshot.registry;
        let ObjectName {
            namespace,
            name: own,
        } = &name;
        match kind {
            Kind::Pod => self.remove_pod(name, now),
            Kind::ConfigMap => self.remove_config_map(&name),
            Kind::Namespace => {
                self.around.namespaces.remove(own);
                self.stale.discovery = true;
                self.stale.pods_of.insert(name.name);
            }
            Kind::MutatingWebhookConfiguration => {
                self.webhooks.remove(&name);
                self.stale.webhooks = true;
            }
            Kind::ProxyConfig => {
                self.proxy_configs.remove(&name);
                self.stale.proxy_configs = true;
            }
            Kind::Service => {
                self.headless.remove(&name);
                registry.remove_service(namespace, own);
                self.stale.every_pod |= self.around.remove_service(&name);
            }
            Kind::Deployment
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob
            | Kind::ReplicationController
            | Kind::DeploymentConfig
            | Kind::Rollout
            | Kind::KnativeService => {
                self.stale.pods_of.insert(name.namespace.clone());
                self.set_control_plane(&name, None);
                self.around.remove_workload(kind, name);
            }
            Kind::ServiceEntry => {
                self.selecting.remove(&name);
                registry.remove_service_entry(namespace, own);
            }
            Kind::Sidecar => drop(registry.remove_sidecar(namespace, own)),
            Kind::VirtualService => drop(registry.remove_virtual_service(namespace, own)),
            Kind::DestinationRule => drop(registry.remove_destination_rule(namespace, own)),
            Kind::Gateway => drop(registry.remove_gateway(namespace, own)),
            Kind::ServiceCidr => {
                self.service_ranges.remove(&name);
                self.stale.ranges = true;
            }
            Kind::Node | Kind::IpPool | Kind::CiliumNode | Kind::Network => {}
        }
    }

    fn set_pod(&mut self, name: ObjectName, object: objects::PodObject, now: Instant) {
        // Files that people write for a try have no uid; a name is as good there.
        let key = match pod::uid(&object.metadata) {
            "" => name.to_string(),
            uid => uid.to_owned(),
        };
        if self.pods.get(&name).is_some_and(|before| before.key != key) {
            self.settle_pod(&name);
        }
        self.stale.pods.insert(name.clone());
        self.stale.selected_in.insert(name.namespace.clone());
        self.headless.pod_changed(&object);
        let known = KnownPod { object, key };
        let key = known.key.clone();
        if let Some(before) = self.pods.insert(name, known) {
            self.headless.pod_changed(&before.object);
            // A pod of a StatefulSet comes back under its name.
            if before.key != key {
                self.snapshot.pods.leave(before.key, now);
            }
        }
    }

    fn remove_pod(&mut self, name: ObjectName, now: Instant) {
        self.settle_pod(&name);
        if let Some(known) = self.pods.remove(&name) {
            self.headless.pod_changed(&known.object);
            self.snapshot.pods.leave(known.key, now);
            self.stale.selected_in.insert(name.namespace);
        }
    }

    /// A pod that came and goes at once has been there: its connections are read later.
    fn settle_pod(&mut self, name: &ObjectName) {
        if self.stale.pods.contains(name) {
            self.settle();
        }
    }

    /// One that cannot be read leaves its last state in place.
    fn set_config_map(&mut self, name: ObjectName, object: &ConfigMap) {
        if !Mesh::has_configuration(object) {
            return self.remove_config_map(&name);
        }
        if self.snapshot.mesh.apply(object) {
            self.config_maps.insert(name);
            self.mesh_changed();
        }
    }

    fn remove_config_map(&mut self, name: &ObjectName) {
        self.config_maps.remove(name);
        if self.snapshot.mesh.remove(&name.namespace, &name.name) {
            self.mesh_changed();
        }
    }

    /// What istiod's own workload says it reads.
    fn set_control_plane(&mut self, name: &ObjectName, template: Option<&PodTemplate>) {
        let own = template.and_then(|template| ControlPlane::of(&name.namespace, template));
        if self.snapshot.mesh.set_control_plane(name.clone(), own) {
            self.mesh_changed();
        }
    }

    fn mesh_changed(&mut self) {
        self.stale.every_pod = true;
        self.stale.discovery = true;
        self.snapshot.set_defaults();
    }

    fn set_service_entry(&mut self, name: ObjectName, object: objects::ServiceEntryObject) {
        if object.spec.workload_selector.is_none() {
            self.selecting.remove(&name);
            self.snapshot.registry.set_service_entry(&object);
            return;
        }
        self.stale.selected_in.insert(name.namespace.clone());
        self.selecting.insert(name, object);
    }

    fn set_service(&mut self, name: ObjectName, object: objects::ServiceObject) {
        if selects_endpoints(&object) {
            return self.headless.set(name, object);
        }
        self.headless.remove(&name);
        self.snapshot.registry.set_service(&object, Vec::new());
    }

    fn set_ranges(&mut self) {
        let named = self.service_ranges.values().flatten();
        self.snapshot.cluster_ranges = self.ranges.iter().chain(named).copied().collect();
    }

    /// Makes anew what the changes made stale.
    fn settle(&mut self) {
        let mut stale = mem::take(&mut self.stale);
        if stale.ranges {
            self.set_ranges();
        }
        if stale.webhooks {
            self.snapshot.mesh.set_webhooks(self.webhooks.values());
            stale.every_pod = true;
        }
        if stale.proxy_configs {
            self.around.proxy_configs = self.proxy_configs.values().cloned().collect();
            stale.every_pod = true;
        }
        if stale.discovery {
            self.snapshot.set_discovery(&self.around.namespaces);
        }
        self.settle_selecting(&stale);
        self.settle_headless();
        self.settle_pods(&stale);
    }

    fn settle_selecting(&mut self, stale: &StaleParts) {
        for (name, entry) in &self.selecting {
            if stale.selected_in.contains(&name.namespace) {
                let selected = with_selected_pods(entry, pods_of(&self.pods, &name.namespace));
                self.snapshot.registry.set_service_entry(&selected);
            }
        }
    }

    fn settle_headless(&mut self) {
        let Self {
            snapshot,
            pods,
            headless,
            ..
        } = self;
        headless.settle(
            |namespace| pods_of(pods, namespace),
            |service, endpoints| snapshot.registry.set_service(service, endpoints),
        );
    }

    fn settle_pods(&mut self, stale: &StaleParts) {
        let Self {
            snapshot,
            pods,
            around,
            ..
        } = self;
        let known: Vec<&KnownPod> = if stale.many_pods() {
            let stale = pods.iter().filter(|(name, _)| stale.has(name));
            stale.map(|(_, known)| known).collect()
        } else {
            // Where pods come and go by the minute, hundreds stay: they are not even looked at.
            let stale = stale.pods.iter();
            stale.filter_map(|name| pods.get(name)).collect()
        };
        for KnownPod { object, key } in known {
            let pod = around.pod(object, &snapshot.mesh);
            pod.warn_if_unreadable(snapshot.pod(key).map(AsRef::as_ref));
            snapshot.pods.set(key.clone(), pod);
        }
    }
}

/// The pods of a namespace, as they arrived.
fn pods_of<'p>(
    pods: &'p BTreeMap<ObjectName, KnownPod>,
    namespace: &str,
) -> impl Iterator<Item = &'p objects::PodObject> + use<'p> {
    let namespace = namespace.to_owned();
    let first = ObjectName {
        namespace: namespace.clone(),
        name: String::new(),
    };
    let own = pods.range(first..);
    let own = own.take_while(move |(name, _)| name.namespace == namespace);
    own.map(|(_, known)| &known.object)
}

#[cfg(test)]
mod tests;
