//! What the objects of a world are made with, and those that every world has.

use serde_json::{Value, json};

use crate::mesh::Client;
use crate::random::Random;

/// Where the client is.
pub(super) const CLIENT: &str = "shop";
const NAMESPACES: [&str; 4] = ["istio-system", CLIENT, "other", "third"];
/// Hosts that objects are about: few, so that they meet.
pub(super) const HOSTS: [&str; 6] = [
    "api.example.com",
    "web.example.com",
    "db.example.com",
    "*.example.com",
    "x.api.example.com",
    "*.example.org",
];
pub(super) const PORTS: [u16; 5] = [80, 443, 8080, 9000, 3306];

/// What the objects of a world are made with.
pub(super) struct Making {
    pub(super) random: Random,
    /// Objects so far: each is younger or older than the others.
    pub(super) n_objects: u64,
    pub(super) client: Client,
}

impl Making {
    pub(super) const fn new(random: Random, client: Client) -> Self {
        Self {
            random,
            n_objects: 0,
            client,
        }
    }

    pub(super) fn namespace(&mut self) -> &'static str {
        // The client's own most often.
        self.random
            .one(&[CLIENT, CLIENT, "other", "other", "third", "istio-system"])
    }

    pub(super) fn port(&mut self) -> u16 {
        PORTS[self.random.below(PORTS.len())]
    }

    /// Metadata of a new object; no two are of the same second.
    pub(super) fn metadata(&mut self, namespace: &str, prefix: &str) -> Value {
        self.n_objects += 1;
        let second = (self.n_objects * 37) % 60;
        let minute = self.random.below(60);
        json!({
            "name": format!("{prefix}-{}", self.n_objects),
            "namespace": namespace,
            "creationTimestamp": format!("2026-01-02T03:{minute:02}:{second:02}Z"),
        })
    }

    /// `exportTo`, most often not there.
    pub(super) fn export_to(&mut self) -> Option<Vec<&'static str>> {
        match self.random.below(10) {
            0 => Some(vec!["*"]),
            1 | 2 => Some(vec!["."]),
            3 => Some(vec![CLIENT]),
            4 => Some(
                self.random
                    .one(&[&["other", CLIENT][..], &[".", "other"]])
                    .to_vec(),
            ),
            5 => Some(vec!["~"]),
            _ => None,
        }
    }

    /// Namespaces, the mesh's configuration, the client's pod.
    pub(super) fn frame(&mut self) -> Vec<Value> {
        let mut manifests: Vec<Value> = NAMESPACES
            .iter()
            .map(|name| {
                json!({
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                })
            })
            .collect();
        let mode = self.random.one(&["ALLOW_ANY", "REGISTRY_ONLY"]);
        let mut mesh = json!({"outboundTrafficPolicy": {"mode": mode}});
        for kind in ["defaultServiceExportTo", "defaultVirtualServiceExportTo"] {
            if self.random.percent(10) {
                let to = self.random.one(&[".", "*", CLIENT]);
                mesh[kind] = json!([to]);
            }
        }
        if self.random.percent(6) {
            mesh["discoverySelectors"] = json!([{"matchExpressions": [{
                "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["other"],
            }]}]);
        }
        manifests.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": {"mesh": mesh.to_string()},
        }));
        manifests.push(self.client_pod());
        manifests
    }

    fn client_pod(&self) -> Value {
        let image = format!("docker.io/istio/proxyv2:1.{}.0", self.client.version.0);
        let mut rules = vec![
            "istio-iptables",
            "-p",
            "15001",
            "-u",
            "1337",
            "-m",
            "REDIRECT",
        ];
        rules.extend(["-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020"]);
        let mut proxy =
            json!({"name": "istio-proxy", "image": image, "args": ["proxy", "sidecar"]});
        if self.client.dns_capture {
            rules.push("--redirect-dns=true");
            proxy["env"] = json!([{"name": "ISTIO_META_DNS_CAPTURE", "value": "true"}]);
        }
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "client", "namespace": CLIENT, "labels": self.client.labels},
            "spec": {
                "securityContext": {"runAsUser": 1000},
                "initContainers": [{"name": "istio-init", "image": image, "args": rules}],
                "containers": [{"name": "app", "image": "app"}, proxy],
            },
            "status": {"podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}]},
        })
    }
}
