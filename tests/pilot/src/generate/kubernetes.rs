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
                let target =
                    self.random
                        .one(&["api.example.com", "db.example.com", "nowhere.example.net"]);
                service["spec"]["type"] = json!("ExternalName");
                service["spec"]["externalName"] = json!(target);
                vec![service]
            }
        }
    }

    fn service_ports(&mut self) -> Vec<Value> {
        let mut ports: Vec<Value> = Vec::new();
        for _ in 0..self.random.between(1, 2) {
            let number = self.port();
            if ports.iter().any(|port| port["port"] == number) {
                continue;
            }
            let prefix = self.random.one(&[
                "http", "http", "https", "tcp", "tcp", "tls", "grpc", "mysql", "x",
            ]);
            ports.push(json!({
                "port": number, "targetPort": number, "protocol": "TCP",
                "name": format!("{prefix}-{number}"),
            }));
        }
        ports
    }

    /// A headless service's pods, and the slice that tells of them.
    fn with_pods(&mut self, service: Value, namespace: &str, name: &str) -> Vec<Value> {
        let n_pods = self.random.between(1, 2);
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
