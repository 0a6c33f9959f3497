//! Random clusters: manifests, a client among them, and destinations near what they declare.

mod destinations;
mod entries;
mod kubernetes;
mod sidecars;
mod virtual_services;

use serde_json::{Value, json};

use crate::mesh::Client;
use crate::random::Random;
use crate::version::Version;

pub use self::destinations::Destination;
pub(crate) use self::destinations::known;

/// One case.
#[derive(Clone, Debug)]
pub struct World {
    pub manifests: Vec<Value>,
    pub client: Client,
    pub destinations: Vec<Destination>,
}

/// Where the client is.
const CLIENT: &str = "shop";
const NAMESPACES: [&str; 4] = ["istio-system", CLIENT, "other", "third"];
/// Hosts that objects are about: few, so that they meet.
const HOSTS: [&str; 6] = [
    "api.example.com",
    "web.example.com",
    "db.example.com",
    "*.example.com",
    "x.api.example.com",
    "*.example.org",
];
const PORTS: [u16; 5] = [80, 443, 8080, 9000, 3306];
const VERSIONS: [Version; 6] = [
    Version(20),
    Version(21),
    Version(24),
    Version(27),
    Version(30),
    Version::LATEST,
];

/// What the objects of a world are made with.
struct Making {
    random: Random,
    /// Objects so far: each is younger or older than the others.
    n_objects: u64,
    client: Client,
}

/// The case of that number.
pub fn world(seed: u64, case: u64) -> World {
    let mut random = Random::of_case(seed, case);
    let version = VERSIONS[random.below(VERSIONS.len())];
    let mut client = Client::new(CLIENT, version);
    client.labels = [("app".to_owned(), "client".to_owned())].into();
    client.dns_capture = random.percent(25);
    client.auto_allocate = client.dns_capture && version.allocates_in_status();
    let mut making = Making {
        random,
        n_objects: 0,
        client,
    };
    let mut manifests = making.frame();
    for _ in 0..making.random.between(1, 6) {
        manifests.push(making.service_entry());
    }
    for _ in 0..making.random.between(0, 4) {
        manifests.extend(making.service());
    }
    for _ in 0..making.random.below(3) {
        manifests.push(making.sidecar());
    }
    for _ in 0..making.random.below(4) {
        manifests.push(making.virtual_service());
    }
    let destinations = making.destinations(&manifests);
    World {
        manifests,
        client: making.client,
        destinations,
    }
}

impl Making {
    fn namespace(&mut self) -> &'static str {
        // The client's own most often.
        self.random
            .one(&[CLIENT, CLIENT, "other", "other", "third", "istio-system"])
    }

    fn port(&mut self) -> u16 {
        PORTS[self.random.below(PORTS.len())]
    }

    /// Metadata of a new object; no two are of the same second.
    fn metadata(&mut self, namespace: &str, prefix: &str) -> Value {
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
    fn export_to(&mut self) -> Option<Vec<&'static str>> {
        match self.random.below(10) {
            0 => Some(vec!["*"]),
            1 | 2 => Some(vec!["."]),
            3 => Some(vec![CLIENT]),
            4 => Some(vec!["other", CLIENT]),
            5 => Some(vec!["~"]),
            _ => None,
        }
    }

    /// Namespaces, the mesh's configuration, the client's pod.
    fn frame(&mut self) -> Vec<Value> {
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
