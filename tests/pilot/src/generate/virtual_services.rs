//! Random VirtualServices.

use serde_json::{Value, json};

use super::making::{CLIENT, HOSTS, Making};

impl Making {
    pub(super) fn virtual_service(&mut self) -> Value {
        let namespace = self.random.one(&[CLIENT, CLIENT, "other", "istio-system"]);
        let metadata = self.metadata(namespace, "route");
        let mut hosts = vec![self.host()];
        if self.random.percent(20) {
            let other = self.host();
            if !hosts.contains(&other) {
                hosts.push(other);
            }
        }
        let mut spec = json!({"hosts": hosts});
        if let Some(export_to) = self.export_to() {
            spec["exportTo"] = json!(export_to);
        }
        match self.random.below(10) {
            0 => spec["gateways"] = json!(["istio-system/gateway"]),
            1 => spec["gateways"] = json!(["mesh", "istio-system/gateway"]),
            _ => {}
        }
        match self.random.below(5) {
            0..=2 => spec["http"] = self.http(),
            3 => spec["tls"] = self.tls(&hosts),
            _ => spec["tcp"] = self.tcp(),
        }
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": metadata, "spec": spec,
        })
    }

    fn host(&mut self) -> String {
        if self.random.percent(25) {
            return self.service_host();
        }
        self.random.one(&HOSTS).to_owned()
    }

    fn destination(&mut self) -> Value {
        let exact: Vec<&str> = HOSTS
            .iter()
            .copied()
            .filter(|host| !host.starts_with('*'))
            .collect();
        let host = if self.random.percent(25) {
            self.service_host()
        } else {
            self.random.one(&exact).to_owned()
        };
        let mut destination = json!({"host": host});
        if self.random.percent(50) {
            destination["port"] = json!({"number": self.port()});
        }
        json!({"destination": destination})
    }

    /// Two destinations, one of which gets nothing.
    fn weighted(&mut self) -> Value {
        let mut routes = [self.destination(), self.destination()];
        routes[0]["weight"] = json!(0);
        routes[1]["weight"] = json!(100);
        json!(routes)
    }

    /// VirtualServices without hosts, for others to delegate to.
    pub(super) fn delegates(&mut self) -> Vec<Value> {
        let mut delegates = Vec::new();
        for name in ["leaf-a", "leaf-b"] {
            if self.random.percent(70) {
                continue;
            }
            let namespace = self.random.one(&[CLIENT, "other"]);
            let mut spec = json!({"http": [{"route": [self.destination()]}]});
            if let Some(export_to) = self.export_to() {
                spec["exportTo"] = json!(export_to);
            }
            let mut metadata = self.metadata(namespace, "leaf");
            metadata["name"] = json!(name);
            delegates.push(json!({
                "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
                "metadata": metadata, "spec": spec,
            }));
        }
        delegates
    }

    fn http(&mut self) -> Value {
        let mut routes = Vec::new();
        if self.random.percent(30) {
            let matching = match self.random.below(4) {
                0 => json!({"port": self.port()}),
                1 => json!({"uri": {"prefix": "/"}}),
                2 if self.random.percent(30) => {
                    json!({"sourceNamespace": self.random.one(&[CLIENT, "other"])})
                }
                2 if self.random.percent(30) => {
                    json!({"gateways": [self.random.one(&["mesh", "istio-system/gateway"])]})
                }
                2 => json!({"sourceLabels": {"app": self.random.one(&["client", "other"])}}),
                _ => json!({"headers": {"x-user": {"exact": "me"}}}),
            };
            routes.push(json!({"match": [matching], "route": [self.destination()]}));
        }
        if routes.is_empty() || self.random.percent(70) {
            let last = match self.random.below(10) {
                0 => json!({"directResponse": {"status": 418}}),
                1 => json!({"redirect": {"authority": "elsewhere.example.com"}}),
                2 => json!({"route": self.weighted()}),
                3 if self.random.percent(50) => json!({"delegate": {
                    "name": self.random.one(&["leaf-a", "leaf-b"]),
                    "namespace": self.random.one(&[CLIENT, "other"]),
                }}),
                _ => json!({"route": [self.destination()]}),
            };
            routes.push(last);
        }
        json!(routes)
    }

    fn tls(&mut self, hosts: &[String]) -> Value {
        let mut matching = json!({"sniHosts": [hosts[self.random.below(hosts.len())]]});
        if self.random.percent(60) {
            matching["port"] = json!(443);
        }
        if self.random.percent(10) {
            matching["gateways"] = json!([self.random.one(&["mesh", "istio-system/gateway"])]);
        }
        if self.random.percent(10) {
            matching["sourceLabels"] = json!({"app": self.random.one(&["client", "other"])});
        }
        json!([{"match": [matching], "route": [self.destination()]}])
    }

    fn tcp(&mut self) -> Value {
        let mut route = json!({"route": [self.destination()]});
        match self.random.below(4) {
            0 => route["match"] = json!([{"port": self.port()}]),
            1 => {
                let subnet = self
                    .random
                    .one(&["198.18.0.0/29", "198.18.0.0/30", "198.18.0.3"]);
                route["match"] = json!([{"destinationSubnets": [subnet]}]);
            }
            _ => {}
        }
        json!([route])
    }
}
