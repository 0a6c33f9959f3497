//! Random ServiceEntries that Istio's validation accepts.

use serde_json::{Value, json};

use super::making::{HOSTS, Making};
use crate::host::is_wildcard;

const PROTOCOLS: [&str; 10] = [
    "HTTP", "HTTP", "HTTPS", "TLS", "TLS", "TCP", "TCP", "GRPC", "MYSQL", "",
];

impl Making {
    pub(super) fn service_entry(&mut self) -> Value {
        let namespace = self.namespace();
        let metadata = self.metadata(namespace, "entry");
        let mut hosts = vec![self.random.one(&HOSTS)];
        let ports = self.ports();
        let can_tell_hosts_apart = ports.iter().all(|port| {
            ["HTTP", "HTTPS", "TLS", "GRPC"]
                .iter()
                .any(|of| port["protocol"] == *of)
        });
        if can_tell_hosts_apart && self.random.percent(25) {
            let other = self.random.one(&HOSTS);
            if !hosts.contains(&other) {
                hosts.push(other);
            }
        }
        let mut resolution =
            self.random
                .one(&["NONE", "STATIC", "DNS", "DNS", "DNS", "DNS_ROUND_ROBIN"]);
        if hosts.iter().any(|host| is_wildcard(host)) && resolution.starts_with("DNS") {
            resolution = "NONE";
        }
        // Round robin is for one endpoint, and for one host.
        if hosts.len() > 1 && resolution == "DNS_ROUND_ROBIN" {
            resolution = "DNS";
        }
        let location = self
            .random
            .one(&["MESH_EXTERNAL", "MESH_EXTERNAL", "MESH_INTERNAL"]);
        let mut spec = json!({
            "hosts": hosts, "ports": ports, "resolution": resolution, "location": location,
        });
        if self.random.percent(45) {
            spec["addresses"] = self.addresses(resolution == "NONE");
        }
        let is_selecting = self.random.percent(10) && !resolution.starts_with("DNS");
        if is_selecting {
            spec["workloadSelector"] =
                json!({"labels": {"app": self.random.one(&["worker", "nobody"])}});
        } else if resolution == "STATIC" {
            spec["endpoints"] = json!([{"address": "192.0.2.9"}]);
        }
        if let Some(export_to) = self.export_to() {
            spec["exportTo"] = json!(export_to);
        }
        let mut entry = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": metadata, "spec": spec,
        });
        if self.random.percent(15) {
            entry["metadata"]["labels"] = json!({"team": "a"});
        }
        let is_allocated = resolution != "NONE"
            && entry["spec"]["addresses"].is_null()
            && self.client.version.allocates_in_status();
        if is_allocated {
            self.allocate(&mut entry);
        }
        entry
    }

    fn ports(&mut self) -> Vec<Value> {
        let mut ports: Vec<Value> = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let number = self.port();
            if ports.iter().any(|port| port["number"] == number) {
                continue;
            }
            let protocol = if self.random.percent(60) {
                match number {
                    80 | 8080 => "HTTP",
                    443 => "TLS",
                    _ => "TCP",
                }
            } else {
                self.random.one(&PROTOCOLS)
            };
            let name = format!("port-{number}");
            ports.push(json!({"number": number, "name": name, "protocol": protocol}));
        }
        ports
    }

    fn addresses(&mut self, may_be_ranges: bool) -> Value {
        let mut addresses = vec![format!("198.18.0.{}", self.random.between(1, 4))];
        if may_be_ranges && self.random.percent(50) {
            let range = self
                .random
                .one(&["198.18.0.0/24", "198.18.0.0/29", "198.18.0.2/32"]);
            addresses[0] = range.to_owned();
        }
        if self.random.percent(20) {
            addresses.push(format!("198.18.0.{}", self.random.between(5, 7)));
        }
        json!(addresses)
    }

    fn allocate(&mut self, entry: &mut Value) {
        let hosts = entry["spec"]["hosts"].as_array().cloned();
        let addresses: Vec<Value> = hosts
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(at, host)| {
                json!({"host": host, "value": format!("240.240.{}.{}", at, self.n_objects)})
            })
            .collect();
        entry["status"] = json!({"addresses": addresses});
    }
}
