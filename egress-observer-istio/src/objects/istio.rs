//! `networking.istio.io`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    metadata::{Metadata, with_metadata},
    virtual_service::Destination,
};

with_metadata! { ServiceEntryObject DestinationRule ProxyConfig }

/// `networking.istio.io ServiceEntry`; v1, v1beta1 and v1alpha3 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceEntryObject {
    pub metadata: Metadata,
    pub spec: ServiceEntrySpec,
    #[serde(default)]
    pub status: ServiceEntryStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntrySpec {
    pub hosts: Vec<String>,
    #[serde(default)]
    pub addresses: Vec<String>,
    #[serde(default)]
    pub ports: Vec<ServicePort>,
    #[serde(default)]
    pub location: String,
    /// NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS; empty is NONE.
    #[serde(default)]
    pub resolution: String,
    #[serde(default)]
    pub endpoints: Vec<WorkloadEntry>,
    #[serde(default)]
    pub workload_selector: Option<WorkloadSelector>,
    #[serde(default)]
    pub export_to: Vec<String>,
    #[serde(default)]
    pub subject_alt_names: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    pub number: u16,
    pub name: String,
    pub protocol: String,
    pub target_port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkloadEntry {
    pub address: String,
    pub ports: BTreeMap<String, u16>,
    pub labels: BTreeMap<String, String>,
    pub network: String,
    pub locality: String,
    pub weight: u32,
}

/// `status` of a ServiceEntry: the addresses that istiod's controller allocated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceEntryStatus {
    pub addresses: Vec<AllocatedAddress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AllocatedAddress {
    pub value: String,
    pub host: String,
}

/// Istio's `WorkloadSelector`: labels that a pod must have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkloadSelector {
    /// ServiceEntry, Sidecar.
    pub labels: BTreeMap<String, String>,
    /// ProxyConfig, DestinationRule.
    #[serde(rename = "matchLabels")]
    pub match_labels: BTreeMap<String, String>,
}

/// `outboundTrafficPolicy` of a Sidecar and of the mesh configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutboundTrafficPolicy {
    pub mode: Option<String>,
    /// Where a Sidecar sends what the mesh does not know, under ALLOW_ANY.
    #[serde(rename = "egressProxy")]
    pub egress_proxy: Option<Destination>,
}

/// `networking.istio.io DestinationRule`, as far as it says whom it is about.
#[derive(Clone, Debug, Deserialize)]
pub struct DestinationRule {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: DestinationRuleSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationRuleSpec {
    pub host: String,
    pub export_to: Vec<String>,
    pub workload_selector: Option<WorkloadSelector>,
}

/// `networking.istio.io/v1beta1 ProxyConfig`.
#[derive(Clone, Debug, Deserialize)]
pub struct ProxyConfig {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ProxyConfigSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfigSpec {
    pub selector: Option<WorkloadSelector>,
    pub environment_variables: BTreeMap<String, String>,
}
