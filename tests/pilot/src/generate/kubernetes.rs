//! Random Services: with an address, headless, or names for others.

use serde_json::{Value, json};

use super::making::{CLIENT, Making};

const NAMES: [&str; 3] = ["web", "db", "api"];

impl Making {
    pub(super) fn service(&mut self) -> Vec<Value> {
        let namespace = self.namespace();
        let mut metadata = self.metadata(namespace, "service");
        // A name is one of few, with the number that keeps it apart from others of its kind.
        let name = match self.random.below(3) {
            0 => format!("{}{}", self.random.one(&NAMES), self.n_objects),
            _ => format!("svc{}", self.n_objects),
        };
        metadata["name"] = json!(name);
        if let Some(export_to) = self.export_to() {
            metadata["annotations"] = json!({"networking.istio.io/exportTo": export_to.join(",")});
        }
        let ports = self.service_ports();
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"ports": ports, "selector": {"app": name}},
        });
        match self.random.below(10) {
            0..=5 => {
                let address = format!("10.96.0.{}", self.n_objects);
                service["spec"]["clusterIP"] = json!(address);
                service["spec"]["clusterIPs"] = json!([address]);
                service["spec"]["type"] = json!("ClusterIP");
                vec![service]
            }
            6 | 7 => {
                service["spec"]["clusterIP"] = json!("None");
                service["spec"]["clusterIPs"] = json!(["None"]);
                service["spec"]["type"] = json!("ClusterIP");
                self.with_pods(service, namespace, &name)
            }
            _ => {
                let target = self.external_name();
                service["spec"]["type"] = json!("ExternalName");
                service["spec"]["externalName"] = json!(target);
                vec![service]
            }
        }
    }

    fn service_ports(&mut self) -> Vec<Value> {
        let mut ports: Vec<Value> = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let number = self.port();
            if ports.iter().any(|port| port["port"] == number) {
                continue;
            }
            let prefix = self.random.one(&[
                "http", "http", "https", "tcp", "tcp", "tls", "grpc", "mysql", "x",
            ]);
            let mut port = json!({
                "port": number, "targetPort": number, "protocol": "TCP",
                "name": format!("{prefix}-{number}"),
            });
            if self.random.percent(12) {
                let word = self.random.one(&[
                    "http",
                    "tcp",
                    "tls",
                    "kubernetes.io/h2c",
                    "kubernetes.io/wss",
                    "example.com/own",
                ]);
                port["appProtocol"] = json!(word);
            }
            if self.random.percent(6) {
                ports.push(json!({
                    "port": number, "targetPort": number, "protocol": "UDP",
                    "name": format!("udp-{number}"),
                }));
            }
            ports.push(port);
        }
        ports
    }

    /// What an ExternalName Service stands for: a host, or a Service, which may be such a one itself.
    fn external_name(&mut self) -> String {
        match self.random.below(6) {
            0..=3 => self
                .random
                .one(&[
                    "api.example.com",
                    "db.example.com",
                    "any.example.org",
                    "nowhere.example.net",
                ])
                .to_owned(),
            _ => {
                let number = self.random.between(1, 9);
                let namespace = self.random.one(&[CLIENT, "other"]);
                format!("svc{number}.{namespace}.svc.cluster.local")
            }
        }
    }

    /// Pods that entries may select, in some of the namespaces.
    pub(super) fn workers(&mut self) -> Vec<Value> {
        [CLIENT, "other"]
            .iter()
            .enumerate()
            .filter(|_| self.random.percent(60))
            .map(|(at, namespace)| {
                let address = format!("10.1.200.{at}");
                json!({
                    "apiVersion": "v1", "kind": "Pod",
                    "metadata": {
                        "name": "worker", "namespace": namespace, "labels": {"app": "worker"},
                    },
                    "spec": {"containers": [{"name": "app", "image": "app"}]},
                    "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
                })
            })
            .collect()
    }

    /// A headless service's pods, and the slice that tells of them.
    fn with_pods(&mut self, service: Value, namespace: &str, name: &str) -> Vec<Value> {
        // One without pods has a slice without endpoints.
        let n_pods = self.random.between(0, 2);
        let addresses: Vec<String> = (1..=n_pods)
            .map(|pod| format!("10.1.{}.{pod}", self.n_objects))
            .collect();
        let ports: Vec<Value> = service["spec"]["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|port| json!({"name": port["name"], "port": port["port"], "protocol": "TCP"}))
            .collect();
        let endpoints: Vec<Value> = addresses
            .iter()
            .map(|address| json!({"addresses": [address], "conditions": {"ready": true}}))
            .collect();
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": format!("{name}-x"), "namespace": namespace,
                "labels": {"kubernetes.io/service-name": name},
            },
            "endpoints": endpoints, "ports": ports,
        });
        let mut objects = vec![service, slice];
        objects.extend(addresses.iter().enumerate().map(|(at, address)| {
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": format!("{name}-{at}"), "namespace": namespace, "labels": {"app": name},
                },
                "spec": {"containers": [{"name": "app", "image": "app"}]},
                "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
            })
        }));
        objects
    }

    /// The name of a service that may be there, as a VirtualService would have it.
    pub(super) fn service_host(&mut self) -> String {
        let number = self.random.between(1, 9);
        match self.random.below(3) {
            0 => format!("svc{number}"),
            1 => format!("svc{number}.{CLIENT}.svc.cluster.local"),
            _ => format!("svc{number}.other.svc.cluster.local"),
        }
    }
}
