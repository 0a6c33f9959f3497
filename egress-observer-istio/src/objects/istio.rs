//! `networking.istio.io`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    metadata::{Metadata, with_metadata},
    virtual_service::Destination,
};

with_metadata! { ServiceEntryObject DestinationRule ProxyConfig }

/// A `networking.istio.io ServiceEntry`; v1, v1beta1 and v1alpha3 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceEntryObject {
    pub metadata: Metadata,
    pub spec: ServiceEntrySpec,
    #[serde(default)]
    pub status: ServiceEntryStatus,
}

/// The `spec` of a ServiceEntry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntrySpec {
    pub hosts: Vec<String>,
    /// Addresses, or ranges in CIDR form, that clients dial.
    #[serde(default)]
    pub addresses: Vec<String>,
    #[serde(default)]
    pub ports: Vec<ServicePort>,
    /// MESH_EXTERNAL or MESH_INTERNAL; empty is the first.
    #[serde(default)]
    pub location: String,
    /// How addresses of endpoints are found: NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS;
    /// empty is NONE.
    #[serde(default)]
    pub resolution: String,
    #[serde(default)]
    pub endpoints: Vec<WorkloadEntry>,
    #[serde(default)]
    pub workload_selector: Option<WorkloadSelector>,
    /// The namespaces that see the entry; empty is what the mesh's configuration has in its place.
    #[serde(default)]
    pub export_to: Vec<String>,
    #[serde(default)]
    pub subject_alt_names: Vec<String>,
}

/// A port of a ServiceEntry or of a Sidecar's listener.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// The number that clients dial; 0 if none is written.
    pub number: u16,
    pub name: String,
    /// The protocol as it is written, in whatever case.
    pub protocol: String,
    /// The port of the endpoints; 0 is the same number.
    pub target_port: u16,
}

/// One of `spec.endpoints[]` of a ServiceEntry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkloadEntry {
    /// An address, a name, or a Unix socket as `unix://` and its path.
    pub address: String,
    /// The endpoint's own port for the name of each of the entry's ports.
    pub ports: BTreeMap<String, u16>,
    pub labels: BTreeMap<String, String>,
    pub network: String,
    pub locality: String,
    /// The endpoint's share beside the other endpoints' weights.
    pub weight: u32,
}

/// The `status` of a ServiceEntry: the addresses that istiod's controller allocated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceEntryStatus {
    pub addresses: Vec<AllocatedAddress>,
}

/// An address that a sidecar without the entry knows nothing of, and the host that it stands for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AllocatedAddress {
    /// The address, as text.
    pub value: String,
    /// The host of the entry that the address was allocated for.
    pub host: String,
}

/// Istio's `WorkloadSelector`: labels that a pod must have, all of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkloadSelector {
    /// The labels, as a ServiceEntry and a Sidecar have them.
    pub labels: BTreeMap<String, String>,
    /// The labels, as a ProxyConfig and a DestinationRule have them.
    #[serde(rename = "matchLabels")]
    pub match_labels: BTreeMap<String, String>,
}

/// `outboundTrafficPolicy` of a Sidecar and of the mesh's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutboundTrafficPolicy {
    /// ALLOW_ANY or REGISTRY_ONLY, as it is written.
    pub mode: Option<String>,
    /// Where a Sidecar sends what the mesh does not know, under ALLOW_ANY.
    #[serde(rename = "egressProxy")]
    pub egress_proxy: Option<Destination>,
}

/// A `networking.istio.io DestinationRule`, as far as it says whom it is about.
#[derive(Clone, Debug, Deserialize)]
pub struct DestinationRule {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: DestinationRuleSpec,
}

/// The `spec` of a DestinationRule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationRuleSpec {
    /// The host that the rule is about, whose short name is one of the rule's own namespace.
    pub host: String,
    pub export_to: Vec<String>,
    pub workload_selector: Option<WorkloadSelector>,
}

/// A `networking.istio.io/v1beta1 ProxyConfig`, which changes variables of proxies.
#[derive(Clone, Debug, Deserialize)]
pub struct ProxyConfig {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ProxyConfigSpec,
}

/// The `spec` of a ProxyConfig.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfigSpec {
    /// The pods that it is about; without one, all of its namespace.
    pub selector: Option<WorkloadSelector>,
    pub environment_variables: BTreeMap<String, String>,
}
