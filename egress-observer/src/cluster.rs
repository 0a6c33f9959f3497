//! The cluster as far as it is known: an immutable snapshot that everything downstream reads.

pub(crate) mod manifests;
pub mod membership;
pub(crate) mod mesh;
pub(crate) mod objects;
pub mod pod;
pub mod registry;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
};

use ipnet::IpNet;
use tracing::warn;

pub use self::manifests::ManifestError;
use self::{manifests::Object, mesh::MeshConfigs, pod::Pod, registry::Registry};
use crate::model::{Policy, Scope};

/// One consistent view of pods and mesh configuration.
#[derive(Debug, Default)]
pub struct Snapshot {
    pods: HashMap<String, Arc<Pod>>,
    pod_ips: HashSet<IpAddr>,
    mesh: MeshConfigs,
    /// What the mesh knows.
    pub registry: Registry,
    cluster_ranges: Vec<IpNet>,
}

/// How many objects of each kind a snapshot was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Pods.
    pub pods: usize,
    /// ConfigMaps of Istio.
    pub config_maps: usize,
    /// ServiceEntries.
    pub service_entries: usize,
}

impl Snapshot {
    /// The state that the files describe.
    pub fn from_files(
        paths: &[PathBuf],
        cluster_ranges: &[IpNet],
    ) -> Result<(Self, ObjectCounts), ManifestError> {
        let objects = manifests::read(paths)?.into_iter();
        let objects = objects.map(|located| located.object).collect();
        Ok(Self::build(objects, cluster_ranges))
    }

    fn build(objects: Vec<Object>, cluster_ranges: &[IpNet]) -> (Self, ObjectCounts) {
        let mut snapshot = Self {
            cluster_ranges: cluster_ranges.to_vec(),
            ..Self::default()
        };
        let mut counts = ObjectCounts::default();
        for object in objects {
            match object {
                Object::Pod(object) => {
                    counts.pods += 1;
                    let pod = Pod::new(&object);
                    snapshot.pod_ips.extend(&pod.ips);
                    if pod.uid.is_empty() {
                        warn!(pod = %pod, "has no metadata.uid: its connections cannot be told");
                    }
                    snapshot.pods.insert(pod.uid.clone(), Arc::new(pod));
                }
                Object::ConfigMap(object) => {
                    counts.config_maps += usize::from(snapshot.mesh.apply(&object));
                }
                Object::ServiceEntry(object) => {
                    counts.service_entries += 1;
                    snapshot.registry.set_service_entry(&object);
                }
                Object::Service(object) => snapshot.registry.set_service(&object),
                Object::Sidecar(object) => snapshot.registry.set_sidecar(&object),
                Object::VirtualService(object) => snapshot.registry.set_virtual_service(&object),
                Object::DestinationRule(object) => snapshot.registry.set_destination_rule(&object),
                Object::Namespace(_)
                | Object::Workload(_)
                | Object::MutatingWebhookConfiguration(_)
                | Object::ProxyConfig(_) => {}
            }
        }
        (snapshot, counts)
    }

    /// The pod with this `metadata.uid`.
    pub fn pod(&self, uid: &str) -> Option<&Arc<Pod>> {
        self.pods.get(uid)
    }

    /// Every pod, in no order.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.values()
    }

    /// Namespace and name of every workload.
    pub fn workloads(&self) -> HashSet<(&str, &str)> {
        self.pods
            .values()
            .map(|pod| (&*pod.namespace, &*pod.workload))
            .collect()
    }

    /// What a pod's sidecar does with destinations that the mesh does not know.
    pub fn policy(&self, pod: &Pod) -> Option<Policy> {
        self.mesh.policy(&pod.revision)
    }

    /// How far away a destination is from a pod.
    pub fn scope(&self, pod: &Pod, ip: IpAddr) -> Scope {
        if pod.ips.contains(&ip) {
            Scope::Local
        } else if pod.host_ip == Some(ip) {
            Scope::Node
        } else {
            self.scope_from_anywhere(ip)
        }
    }

    /// The same for a source that is not known.
    pub fn scope_from_anywhere(&self, ip: IpAddr) -> Scope {
        let link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        if ip.is_loopback() || link_local {
            Scope::Local
        } else if self.pod_ips.contains(&ip)
            || self.cluster_ranges.iter().any(|range| range.contains(&ip))
        {
            Scope::Cluster
        } else {
            Scope::External
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_go_from_the_pod_outwards() {
        let pod = |uid: &str, ip: &str| {
            let value = serde_json::json!({
                "metadata": {"name": uid, "uid": uid},
                "status": {"podIPs": [{"ip": ip}], "hostIP": "192.0.2.1"},
            });
            Object::Pod(serde_json::from_value(value).unwrap())
        };
        let ranges = ["10.96.0.0/12".parse().unwrap()];
        let (snapshot, counts) = Snapshot::build(
            vec![pod("a", "172.16.0.5"), pod("b", "172.16.0.6")],
            &ranges,
        );
        assert_eq!(counts.pods, 2);
        let a = snapshot.pod("a").unwrap();
        let cases = [
            ("127.0.0.1", Scope::Local),
            ("169.254.169.254", Scope::Local),
            ("172.16.0.5", Scope::Local),
            ("192.0.2.1", Scope::Node),
            ("172.16.0.6", Scope::Cluster),
            ("10.96.0.10", Scope::Cluster),
            ("172.16.0.7", Scope::External),
            ("2001:db8::1", Scope::External),
        ];
        for (ip, scope) in cases {
            assert_eq!(snapshot.scope(a, ip.parse().unwrap()), scope, "{ip}");
        }
    }
}
