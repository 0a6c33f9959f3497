//! One consistent view of the cluster, which everything downstream reads.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;

use super::roster::Roster;
use crate::{
    injection::{pod::Pod, setup::Membership},
    mesh::{self, Mesh},
    objects::Metadata,
    registry::{Discovery, Registry, RegistryDefaults, SidecarScope, Viewer},
    vocabulary::{Policy, Reason, Scope, host_name::service_name},
};

/// One consistent view of pods, mesh configuration and registry.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(super) pods: Roster,
    pub(super) mesh: Mesh,
    /// What the mesh knows of destinations, and who sees it.
    pub registry: Registry,
    pub(super) cluster_ranges: Vec<IpNet>,
    pub(super) missing: MissingObjects,
}

/// Which objects may be missing: what is not there may be there all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MissingObjects {
    /// Whether pods may be missing.
    pub pods: bool,
    /// Whether ServiceEntries and Sidecars may be missing: then nothing counts as undeclared.
    pub registry: bool,
    /// Whether Services may be missing: then it cannot be told what the mesh knows inside the
    /// cluster.
    pub services: bool,
}

impl Snapshot {
    /// Tells the registry what the mesh's configuration says about all objects.
    pub(super) fn set_defaults(&mut self) {
        let values = self.mesh.injector("").map(|own| &own.values.global.proxy);
        let cluster_domain = values.map(|own| own.cluster_domain.clone());
        let mut defaults = RegistryDefaults {
            cluster_domain: cluster_domain.unwrap_or_default(),
            ..RegistryDefaults::default()
        };
        if let Some(mesh) = self.mesh.config("") {
            defaults.root_namespace.clone_from(&mesh.root_namespace);
            defaults
                .service_export_to
                .clone_from(&mesh.default_service_export_to);
            defaults
                .virtual_service_export_to
                .clone_from(&mesh.default_virtual_service_export_to);
        }
        self.registry.set_defaults(defaults);
    }

    /// Tells the registry which namespaces istiod looks at, by their labels, and which waypoints these
    /// name.
    pub(super) fn set_discovery(&mut self, namespaces: &HashMap<String, Metadata>) {
        let all = namespaces.iter();
        let all = all.map(|(name, metadata)| (name.clone(), metadata.labels.clone()));
        self.registry.set_namespace_labels(all.collect());
        let mesh = self.mesh.config("");
        let selectors = mesh.map(|mesh| mesh.discovery_selectors.clone());
        let selectors = selectors.unwrap_or_default();
        let labels = namespaces.iter().filter(|_| !selectors.is_empty());
        let labels = labels.map(|(name, metadata)| (name.clone(), metadata.labels.clone()));
        self.registry.set_discovery(Discovery {
            labels: labels.collect(),
            selectors,
        });
    }

    /// The pod with this `metadata.uid`, for a while also one that is gone.
    pub fn pod(&self, uid: &str) -> Option<&Arc<Pod>> {
        self.pods.get(uid)
    }

    /// Whether objects of the registry may be missing: what it does not know may be known to the mesh.
    pub fn registry_unknown(&self) -> bool {
        self.missing.registry
    }

    /// Whether Services may be missing. A cluster always has some: without any, none were given.
    pub fn services_unknown(&self) -> bool {
        self.missing.services || !self.registry.has_services()
    }

    /// Whether a pod that is known has this address.
    pub fn is_pod(&self, ip: IpAddr) -> bool {
        self.pods.has_address(ip)
    }

    /// The reason for which a connection has no owner: pods are not all listed yet, or nobody knows
    /// whose its cgroup is.
    pub fn why_unattributed(&self) -> Reason {
        if self.missing.pods {
            Reason::NotSynced
        } else {
            Reason::NotAttributed
        }
    }

    /// Every pod that is there, in no order.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.there()
    }

    /// Namespace and name of every workload that has a pod, or had one that is still remembered.
    pub fn workloads(&self) -> HashSet<(&str, &str)> {
        self.pods
            .all()
            .map(|pod| (&*pod.namespace, &*pod.workload))
            .collect()
    }

    /// What a pod's sidecar does with destinations that the mesh does not know: as the Sidecar that
    /// applies says, if it says anything, else the mesh's configuration. ztunnel lets everything through.
    pub fn policy(&self, pod: &Pod) -> Option<Policy> {
        if let Membership::Ambient(_) = pod.applied.membership {
            return Some(Policy::AllowAny);
        }
        match self.sidecar(pod).map(|own| &own.outbound_traffic_policy) {
            Some(Some(own)) => mesh::policy(Some(&own.mode)).ok(),
            Some(None) | None => self.mesh.policy(&pod.revision),
        }
    }

    /// The cluster that a pod's sidecar sends what the mesh does not know to, in place of where it was
    /// going (`egressProxy`, in `pilot/pkg/networking/core/listener_builder.go`).
    pub fn egress_proxy(&self, pod: &Pod) -> Option<String> {
        let sidecar = self.sidecar(pod)?;
        let policy = sidecar.outbound_traffic_policy.as_ref()?;
        let to = policy.egress_proxy.as_ref()?;
        let port = to.port.map_or(0, |port| port.number);
        let host = if to.host.contains('.') {
            to.host.clone()
        } else {
            let namespace = &sidecar.object.namespace;
            service_name(&to.host, namespace, self.registry.cluster_domain())
        };
        Some(format!("outbound|{port}|{}|{host}", to.subset))
    }

    /// The object and field that the policy comes from, as people read it; `None` where nothing
    /// says.
    pub fn policy_source(&self, pod: &Pod) -> Option<String> {
        if let Membership::Ambient(_) = pod.applied.membership {
            return Some("ztunnel, which lets everything through".to_owned());
        }
        match self.sidecar(pod) {
            Some(own) if own.outbound_traffic_policy.is_some() => Some(own.object.to_string()),
            Some(_) | None => self.mesh.config_name(&pod.revision),
        }
    }

    /// The reason for which the policy is not known, if it is not.
    pub fn policy_lacks(&self, pod: &Pod) -> Reason {
        let doubt = self.mesh.doubt(&pod.revision);
        doubt.map_or(Reason::NotSynced, |doubt| doubt.reason)
    }

    /// Why the policy is not known, if it is not, as people read it.
    pub fn policy_doubt(&self, pod: &Pod) -> String {
        match self.mesh.doubt(&pod.revision) {
            Some(doubt) => doubt.text.clone(),
            None => format!(
                "the policy for unknown hosts stands in the {}, which is not given",
                self.mesh.wanted_config(&pod.revision)
            ),
        }
    }

    /// The Sidecar that applies to a pod. Gateways have none.
    pub(super) fn sidecar(&self, pod: &Pod) -> Option<&SidecarScope> {
        let redirected = matches!(pod.applied.membership, Membership::Sidecar(_));
        redirected.then(|| self.registry.sidecar_for(&pod.namespace, &pod.labels))?
    }

    /// The view of the registry that a pod has: its namespace, labels, proxy and Sidecar.
    pub fn viewer<'a>(&'a self, pod: &'a Pod) -> Viewer<'a> {
        let config = pod.applied.config();
        let ambient = match &pod.applied.membership {
            Membership::Ambient(config) => Some(config),
            Membership::Sidecar(_)
            | Membership::NotRedirected
            | Membership::Outside(_)
            | Membership::Unknown(_) => None,
        };
        Viewer {
            namespace: &pod.namespace,
            sidecar: self.sidecar(pod),
            labels: Some(&pod.labels),
            dns_capture: match ambient {
                Some(ambient) => ambient.dns,
                None => config.is_some_and(|config| config.dns.is_some()),
            },
            auto_allocate: pod.auto_allocate,
            is_v6_only: !pod.ips.is_empty() && pod.ips.iter().all(IpAddr::is_ipv6),
            is_ambient: ambient.is_some(),
            version: match ambient {
                Some(_) => self.mesh.istiods_version(&pod.revision),
                None => config.and_then(|config| config.version),
            },
            release: pod.release,
        }
    }

    /// The configuration of the mesh and of its injectors.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Whether the last state of a ConfigMap of Istio cannot be read, so that the one before counts.
    pub fn mesh_is_unreadable(&self) -> bool {
        self.mesh.is_unreadable()
    }

    /// How far away a destination is from a pod, by its address.
    pub fn scope(&self, pod: &Pod, ip: IpAddr) -> Scope {
        if pod.ips.contains(&ip) {
            Scope::Local
        } else if pod.host_ip == Some(ip) {
            Scope::Node
        } else {
            self.scope_from_anywhere(ip)
        }
    }

    /// How far away a destination is from a source that is not known, by its address.
    pub fn scope_from_anywhere(&self, ip: IpAddr) -> Scope {
        let link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        if ip.is_loopback() || link_local {
            Scope::Local
        } else if self.pods.has_address(ip)
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
    use crate::{objects::Object, view::live::Live};

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
        let pods = vec![pod("a", "172.16.0.5"), pod("b", "172.16.0.6")];
        let snapshot = Live::of(pods, &ranges).into_snapshot();
        assert_eq!(snapshot.pods().count(), 2);
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
