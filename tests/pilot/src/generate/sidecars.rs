//! Random Sidecars.

use serde_json::{Value, json};

use super::making::{CLIENT, Making};

const HOSTS: [&str; 11] = [
    "*/*",
    "./*",
    "other/*",
    "third/*",
    "istio-system/*",
    "*/*.example.com",
    "*/api.example.com",
    "other/api.example.com",
    "./web.example.com",
    "shop/db.example.com",
    "*/*.svc.cluster.local",
];

impl Making {
    pub(super) fn sidecar(&mut self) -> Value {
        let namespace = self
            .random
            .one(&[CLIENT, CLIENT, CLIENT, "istio-system", "other"]);
        let mut spec = json!({});
        if self.random.percent(35) && namespace != "istio-system" {
            let app = self.random.one(&["client", "client", "somebody"]);
            spec["workloadSelector"] = json!({"labels": {"app": app}});
        }
        if self.random.percent(30) {
            let mode = self.random.one(&["ALLOW_ANY", "REGISTRY_ONLY"]);
            spec["outboundTrafficPolicy"] = json!({"mode": mode});
        }
        let mut egress: Vec<Value> = Vec::new();
        for percent in [40, 20] {
            if self.random.percent(percent) {
                let of_port = self.egress_of_port();
                let is_new = egress
                    .iter()
                    .all(|other| other["port"]["number"] != of_port["port"]["number"]);
                if is_new {
                    egress.push(of_port);
                }
            }
        }
        if egress.is_empty() || self.random.percent(80) {
            egress.push(json!({"hosts": self.hosts()}));
        }
        if self.random.percent(12) {
            let at = self.random.below(egress.len());
            egress[at]["bind"] = json!(self.random.one(&[
                "198.18.0.1",
                "198.18.0.1",
                "0.0.0.0",
                "0.0.0.0",
                "127.0.0.1",
            ]));
        }
        if self.random.percent(6) {
            let at = self.random.below(egress.len());
            egress[at]["captureMode"] = json!("NONE");
        }
        spec["egress"] = json!(egress);
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Sidecar",
            "metadata": self.metadata(namespace, "sidecar"), "spec": spec,
        })
    }

    fn hosts(&mut self) -> Vec<&'static str> {
        if self.random.percent(4) {
            return vec!["~/*"];
        }
        let count = self.random.between(1, 3);
        let mut hosts = Vec::new();
        for _ in 0..count {
            let host = self.random.one(&HOSTS);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        // Since 1.31; before, nothing is called so.
        if self.client.version.has_excluded_hosts() && self.random.percent(15) {
            hosts.push(self.random.one(&[
                "~/api.example.com",
                "~other/*.example.com",
                "~shop/*",
                "~/*.example.org",
            ]));
        }
        hosts
    }

    fn egress_of_port(&mut self) -> Value {
        let number = self.port();
        let protocol = match number {
            80 | 8080 => "HTTP",
            443 => "TLS",
            _ => "TCP",
        };
        let protocol = if self.random.percent(80) {
            protocol
        } else {
            self.random
                .one(&["HTTP", "TCP", "TLS", "HTTP_PROXY", "HTTP_PROXY"])
        };
        json!({
            "port": {"number": number, "protocol": protocol, "name": format!("port-{number}")},
            "hosts": self.hosts(),
        })
    }
}
