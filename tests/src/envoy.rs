//! Envoy's configuration as istiod writes it for a sidecar, without the parts that nothing here
//! asks for (mTLS, telemetry, xDS).
//!
//! Captured connections arrive at `virtualOutbound`, which hands them to the listener of their
//! original destination: one for `<address>:<port>` of a ServiceEntry with addresses, or one for a
//! whole port. What no listener wants ends in the catch-all: PassthroughCluster under ALLOW_ANY,
//! BlackHoleCluster (no endpoints) under REGISTRY_ONLY.

pub(crate) mod parts;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::parts::{address, dual_stack, endpoint, http_manager, listener_filter, tcp_proxy};
use crate::istio::{INBOUND_PORT, OUTBOUND_PORT};

/// The sidecar's admin interface, on the pod's loopback.
pub const ADMIN_PORT: u16 = 15000;
/// The sidecar's metrics.
const STATS_PORT: u16 = 15090;

/// `outboundTrafficPolicy.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    AllowAny,
    RegistryOnly,
}

impl Policy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowAny => "ALLOW_ANY",
            Self::RegistryOnly => "REGISTRY_ONLY",
        }
    }

    /// Where connections to unknown destinations go.
    const fn catch_all(self) -> &'static str {
        match self {
            Self::AllowAny => "PassthroughCluster",
            Self::RegistryOnly => "BlackHoleCluster",
        }
    }
}

/// The protocol of a ServiceEntry's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Https,
    Tcp,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tcp => "TCP",
        }
    }

    /// HTTPS and TLS are the same to a sidecar: what it cannot read.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "HTTP" => Some(Self::Http),
            "HTTPS" | "TLS" => Some(Self::Https),
            "TCP" => Some(Self::Tcp),
            _ => None,
        }
    }
}

/// Where a sidecar sends what is for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// To what DNS says of the host.
    Dns,
    /// To where the client wanted to go.
    None,
}

/// What a ServiceEntry declares of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub host: String,
    pub addresses: Vec<String>,
    pub ports: Vec<(u16, Protocol)>,
    pub resolution: Resolution,
    /// Of HTTP requests, from a VirtualService.
    pub timeout: Option<String>,
    /// The host that a VirtualService sends HTTP requests to; none is the service's own. Whether
    /// there is such a service, nobody has to know.
    pub instead: Option<String>,
}

impl Service {
    /// The name under which the service shows up in the sidecar's log and metrics.
    fn cluster_name(&self, port: u16) -> String {
        cluster_name(&self.host, port)
    }

    /// The cluster of its HTTP requests.
    fn http_cluster_name(&self, port: u16) -> String {
        cluster_name(self.instead.as_ref().unwrap_or(&self.host), port)
    }
}

fn cluster_name(host: &str, port: u16) -> String {
    format!("outbound|{port}||{host}")
}

/// The bootstrap of a sidecar with a fixed configuration.
pub fn sidecar(policy: Policy, services: &[Service]) -> Value {
    let mut listeners = vec![virtual_outbound(policy), virtual_inbound(), stats()];
    listeners.extend(http_listeners(policy, services));
    listeners.extend(tls_listeners(policy, services));
    listeners.extend(tcp_listeners(policy, services));
    let mut clusters = fixed_clusters();
    for service in services {
        clusters.extend(
            service
                .ports
                .iter()
                .map(|(port, _)| outbound_cluster(service, *port)),
        );
    }
    json!({
        "node": {"id": "sidecar~simulated", "cluster": "simulated"},
        "admin": {"address": address("127.0.0.1", ADMIN_PORT)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

fn virtual_outbound(policy: Policy) -> Value {
    let mut listener = dual_stack("virtualOutbound", OUTBOUND_PORT);
    listener["traffic_direction"] = json!("OUTBOUND");
    listener["use_original_dst"] = json!(true);
    listener["filter_chains"] = json!([
        // A connection to the capture port itself would go round in circles.
        {
            "name": "virtualOutbound-blackhole",
            "filter_chain_match": {"destination_port": OUTBOUND_PORT},
            "filters": [tcp_proxy("BlackHoleCluster")],
        },
        {"name": "virtualOutbound-catchall-tcp", "filters": [tcp_proxy(policy.catch_all())]},
    ]);
    listener
}

fn virtual_inbound() -> Value {
    let mut listener = dual_stack("virtualInbound", INBOUND_PORT);
    listener["traffic_direction"] = json!("INBOUND");
    listener["listener_filters"] = json!([listener_filter("original_dst", "OriginalDst")]);
    listener["filter_chains"] = json!([
        {"name": "virtualInbound-catchall", "filters": [tcp_proxy("InboundPassthroughCluster")]},
    ]);
    listener
}

fn stats() -> Value {
    let route = json!({
        "match": {"prefix": "/stats/prometheus"}, "route": {"cluster": "prometheus_stats"},
    });
    let hosts = json!([{"name": "backend", "domains": ["*"], "routes": [route]}]);
    let mut listener = dual_stack("stats", STATS_PORT);
    listener["filter_chains"] = json!([{"filters": [http_manager("stats", &hosts)]}]);
    listener
}

/// HTTP services share one listener per port and are told apart by `Host`.
fn http_listeners(policy: Policy, services: &[Service]) -> Vec<Value> {
    let mut by_port: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
    for service in services {
        for (port, _) in service.ports.iter().filter(|(_, p)| *p == Protocol::Http) {
            by_port
                .entry(*port)
                .or_default()
                .push(virtual_host(service, *port));
        }
    }
    let listeners = by_port.into_iter().map(|(port, mut hosts)| {
        hosts.push(unknown_host(policy));
        let mut listener = unbound(&format!("0.0.0.0_{port}"), dual_stack("", port), policy);
        listener["listener_filters"] = json!([
            listener_filter("tls_inspector", "TlsInspector"),
            listener_filter("http_inspector", "HttpInspector"),
        ]);
        listener["filter_chains"] = json!([{
            "filter_chain_match": {
                "transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"],
            },
            "filters": [http_manager(&format!("outbound_0.0.0.0_{port}"), &json!(hosts))],
        }]);
        listener
    });
    listeners.collect()
}

fn virtual_host(service: &Service, port: u16) -> Value {
    let mut names = vec![service.host.clone()];
    names.extend(service.addresses.iter().cloned());
    let timeout = service.timeout.as_deref().unwrap_or("0s");
    let domains = names
        .iter()
        .flat_map(|name| [name.clone(), format!("{name}:{port}")]);
    json!({
        "name": format!("{}:{port}", service.host),
        "domains": domains.collect::<Vec<_>>(),
        "routes": [{
            "match": {"prefix": "/"},
            "route": {"cluster": service.http_cluster_name(port), "timeout": timeout},
        }],
    })
}

fn unknown_host(policy: Policy) -> Value {
    let everything = json!({"prefix": "/"});
    match policy {
        Policy::AllowAny => json!({
            "name": "allow_any", "domains": ["*"],
            "routes": [{
                "match": everything,
                "route": {"cluster": "PassthroughCluster", "timeout": "0s"},
            }],
        }),
        Policy::RegistryOnly => json!({
            "name": "block_all", "domains": ["*"],
            "routes": [{"match": everything, "direct_response": {"status": 502}}],
        }),
    }
}

/// TLS services with addresses have a listener per address; without, one listener per port, where
/// they are told apart by SNI.
fn tls_listeners(policy: Policy, services: &[Service]) -> Vec<Value> {
    let mut listeners = Vec::new();
    let mut by_port: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
    for service in services {
        for (port, _) in service.ports.iter().filter(|(_, p)| *p == Protocol::Https) {
            let filters = json!([tcp_proxy(&service.cluster_name(*port))]);
            if service.addresses.is_empty() {
                by_port.entry(*port).or_default().push(json!({
                    "filter_chain_match": {"server_names": [service.host]}, "filters": filters,
                }));
            }
            listeners.extend(at_addresses(policy, service, *port));
        }
    }
    for (port, chains) in by_port {
        let mut listener = unbound(&format!("0.0.0.0_{port}"), dual_stack("", port), policy);
        listener["listener_filters"] = json!([listener_filter("tls_inspector", "TlsInspector")]);
        listener["filter_chains"] = json!(chains);
        listeners.push(listener);
    }
    listeners
}

/// TCP services with addresses have a listener per address; one without takes its whole port.
fn tcp_listeners(policy: Policy, services: &[Service]) -> Vec<Value> {
    let mut listeners = Vec::new();
    for service in services {
        for (port, _) in service.ports.iter().filter(|(_, p)| *p == Protocol::Tcp) {
            listeners.extend(at_addresses(policy, service, *port));
            if service.addresses.is_empty() {
                let name = format!("0.0.0.0_{port}");
                let mut listener = unbound(&name, dual_stack("", *port), policy);
                listener["filter_chains"] = json!([only_chain(service, *port)]);
                listeners.push(listener);
            }
        }
    }
    listeners
}

/// A listener for each of a service's addresses, which takes everything.
fn at_addresses(policy: Policy, service: &Service, port: u16) -> impl Iterator<Item = Value> {
    service.addresses.iter().map(move |ip| {
        let place = json!({"address": address(ip, port)});
        let mut listener = unbound(&format!("{ip}_{port}"), place, policy);
        listener["filter_chains"] = json!([only_chain(service, port)]);
        listener
    })
}

fn only_chain(service: &Service, port: u16) -> Value {
    json!({"filters": [tcp_proxy(&service.cluster_name(port))]})
}

/// A listener that only gets what `virtualOutbound` hands over.
fn unbound(name: &str, mut listener: Value, policy: Policy) -> Value {
    listener["name"] = json!(name);
    listener["traffic_direction"] = json!("OUTBOUND");
    listener["bind_to_port"] = json!(false);
    listener["continue_on_listener_filters_timeout"] = json!(true);
    listener["default_filter_chain"] = json!({
        "name": "PassthroughFilterChain", "filters": [tcp_proxy(policy.catch_all())],
    });
    listener
}

fn fixed_clusters() -> Vec<Value> {
    vec![
        original_cluster("PassthroughCluster"),
        original_cluster("InboundPassthroughCluster"),
        json!({"name": "BlackHoleCluster", "type": "STATIC", "connect_timeout": "10s"}),
        json!({
            "name": "prometheus_stats", "type": "STATIC", "connect_timeout": "0.250s",
            "load_assignment": endpoint("prometheus_stats", "127.0.0.1", ADMIN_PORT),
        }),
    ]
}

fn outbound_cluster(service: &Service, port: u16) -> Value {
    let name = service.cluster_name(port);
    match service.resolution {
        Resolution::None => original_cluster(&name),
        Resolution::Dns => json!({
            "name": name, "type": "STRICT_DNS", "connect_timeout": "10s",
            "dns_lookup_family": "V4_ONLY",
            "load_assignment": endpoint(&name, &service.host, port),
        }),
    }
}

fn original_cluster(name: &str) -> Value {
    json!({
        "name": name, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "10s",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn httpbin(addresses: &[&str]) -> Service {
        Service {
            host: "httpbin.org".to_owned(),
            addresses: addresses.iter().map(|ip| (*ip).to_owned()).collect(),
            ports: vec![(80, Protocol::Http), (443, Protocol::Https)],
            resolution: Resolution::Dns,
            timeout: None,
            instead: None,
        }
    }

    fn listener_names(config: &Value) -> Vec<&str> {
        let listeners = config["static_resources"]["listeners"].as_array().unwrap();
        listeners
            .iter()
            .filter_map(|listener| listener["name"].as_str())
            .collect()
    }

    #[test]
    fn a_tls_service_with_an_address_has_a_listener_of_its_own() {
        let config = sidecar(Policy::RegistryOnly, &[httpbin(&["198.18.0.10"])]);
        assert_eq!(
            listener_names(&config)[3..],
            ["0.0.0.0_80", "198.18.0.10_443"]
        );
        let config = sidecar(Policy::RegistryOnly, &[httpbin(&[])]);
        assert_eq!(listener_names(&config)[3..], ["0.0.0.0_80", "0.0.0.0_443"]);
    }

    #[test]
    fn a_tcp_service_without_an_address_takes_its_port() {
        let queue = |addresses| Service {
            ports: vec![(8080, Protocol::Tcp)],
            ..httpbin(addresses)
        };
        let config = sidecar(Policy::RegistryOnly, &[queue(&[])]);
        assert_eq!(listener_names(&config)[3..], ["0.0.0.0_8080"]);
        let config = sidecar(Policy::RegistryOnly, &[queue(&["198.18.0.10"])]);
        assert_eq!(listener_names(&config)[3..], ["198.18.0.10_8080"]);
    }

    #[test]
    fn unknown_destinations_follow_the_policy() {
        for (policy, cluster) in [
            (Policy::AllowAny, "PassthroughCluster"),
            (Policy::RegistryOnly, "BlackHoleCluster"),
        ] {
            let config = sidecar(policy, &[]);
            let chain = &config["static_resources"]["listeners"][0]["filter_chains"][1];
            assert_eq!(chain["filters"][0]["typed_config"]["cluster"], cluster);
        }
    }
}
