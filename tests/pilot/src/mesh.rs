//! The mesh's configuration, and who connects.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;

use crate::objects::{Labels, Object};
use crate::version::Version;

/// The pod whose sidecar asks.
#[derive(Clone, Debug)]
pub struct Client {
    pub namespace: String,
    pub labels: Labels,
    pub addresses: Vec<IpAddr>,
    pub version: Version,
    /// `ISTIO_META_DNS_CAPTURE`.
    pub dns_capture: bool,
    /// `ISTIO_META_DNS_AUTO_ALLOCATE`.
    pub auto_allocate: bool,
    pub cluster_domain: String,
}

impl Client {
    pub fn new(namespace: &str, version: Version) -> Self {
        Self {
            namespace: namespace.to_owned(),
            labels: Labels::new(),
            addresses: vec![IpAddr::from([10, 1, 0, 1])],
            version,
            dns_capture: false,
            auto_allocate: false,
            cluster_domain: "cluster.local".to_owned(),
        }
    }

    /// `DNSDomain` of the proxy.
    pub(crate) fn dns_domain(&self) -> String {
        format!("{}.svc.{}", self.namespace, self.cluster_domain)
    }

    /// Whether it has no IPv4 address.
    pub(crate) fn is_ipv6(&self) -> bool {
        !self.addresses.is_empty() && self.addresses.iter().all(IpAddr::is_ipv6)
    }

    /// The address of listeners for a whole port (`wildCards`).
    pub(crate) fn wildcard(&self) -> &'static str {
        if self.is_ipv6() { "::" } else { "0.0.0.0" }
    }

    /// `nodeUsesAutoallocatedIPs`; the addresses are those of a ServiceEntry's status.
    pub(crate) fn uses_allocated(&self) -> bool {
        self.dns_capture && (self.auto_allocate || self.version.allocates_in_status())
    }
}

/// `outboundTrafficPolicy.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Mode {
    #[serde(rename = "REGISTRY_ONLY")]
    RegistryOnly,
    #[serde(rename = "ALLOW_ANY")]
    AllowAny,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    outbound_traffic_policy: Option<WrittenPolicy>,
    default_service_export_to: Option<Vec<String>>,
    default_virtual_service_export_to: Option<Vec<String>>,
    root_namespace: Option<String>,
    proxy_listen_port: Option<u16>,
    discovery_selectors: Vec<LabelSelector>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WrittenPolicy {
    mode: Option<Mode>,
}

/// A Kubernetes label selector.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LabelSelector {
    match_labels: Labels,
    match_expressions: Vec<Requirement>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

/// What the ConfigMap `istio` says.
#[derive(Clone, Debug)]
pub(crate) struct Mesh {
    pub(crate) mode: Mode,
    pub(crate) service_export_to: BTreeSet<String>,
    pub(crate) virtual_service_export_to: BTreeSet<String>,
    pub(crate) root_namespace: String,
    pub(crate) proxy_listen_port: u16,
    discovery_selectors: Vec<LabelSelector>,
}

impl Mesh {
    /// From the ConfigMap among the objects; what it does not say is Istio's default.
    pub(crate) fn read(objects: &[Object]) -> Self {
        let written = objects
            .iter()
            .find(|object| {
                object.is("ConfigMap")
                    && object.name() == "istio"
                    && object.namespace() == "istio-system"
            })
            .and_then(|object| object.value["data"]["mesh"].as_str())
            .and_then(|text| serde_saphyr::from_str::<Written>(text).ok())
            .unwrap_or_default();
        let [service_export_to, virtual_service_export_to] = [
            written.default_service_export_to,
            written.default_virtual_service_export_to,
        ]
        .map(|hosts| {
            hosts.map_or_else(
                || BTreeSet::from(["*".to_owned()]),
                |hosts| hosts.into_iter().collect(),
            )
        });
        Self {
            mode: written
                .outbound_traffic_policy
                .and_then(|policy| policy.mode)
                .unwrap_or(Mode::AllowAny),
            service_export_to,
            virtual_service_export_to,
            root_namespace: written
                .root_namespace
                .unwrap_or_else(|| "istio-system".to_owned()),
            proxy_listen_port: written.proxy_listen_port.unwrap_or(15001),
            discovery_selectors: written.discovery_selectors,
        }
    }

    /// The objects that istiod looks at (`discoverySelectors`).
    pub(crate) fn discovered(&self, objects: &[Object], version: Version) -> Vec<Object> {
        if self.discovery_selectors.is_empty() {
            return objects.to_vec();
        }
        let namespaces: BTreeSet<&str> = objects
            .iter()
            .filter(|object| object.is("Namespace"))
            .filter(|object| {
                self.discovery_selectors
                    .iter()
                    .any(|selector| selector.matches(&object.labels))
            })
            .map(Object::name)
            .collect();
        objects
            .iter()
            .filter(|object| {
                let is_scoped = version.scopes_istio_objects() || is_of_kubernetes(object);
                object.namespace().is_empty()
                    || !is_scoped
                    || namespaces.contains(object.namespace())
            })
            .cloned()
            .collect()
    }
}

fn is_of_kubernetes(object: &Object) -> bool {
    ["Service", "Pod", "EndpointSlice", "Endpoints"].contains(&object.reference.kind.as_str())
}

impl LabelSelector {
    fn matches(&self, labels: &Labels) -> bool {
        let has_labels = self
            .match_labels
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value));
        has_labels
            && self.match_expressions.iter().all(|requirement| {
                let value = labels.get(&requirement.key);
                match requirement.operator.as_str() {
                    "In" => value.is_some_and(|value| requirement.values.contains(value)),
                    "NotIn" => value.is_none_or(|value| !requirement.values.contains(value)),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}
