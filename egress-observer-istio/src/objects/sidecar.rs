//! `networking.istio.io Sidecar`.

use serde::Deserialize;

use super::{
    istio::{OutboundTrafficPolicy, ServicePort, WorkloadSelector},
    metadata::{Metadata, with_metadata},
    sidecar_ingress::{ConnectionPool, IngressListener},
};

with_metadata! { Sidecar }

/// A `networking.istio.io Sidecar`: which services the proxies of some pods know, and what they do
/// with the rest.
#[derive(Clone, Debug, Deserialize)]
pub struct Sidecar {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: SidecarSpec,
}

/// The `spec` of a Sidecar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarSpec {
    pub workload_selector: Option<WorkloadSelector>,
    pub ingress: Vec<IngressListener>,
    pub egress: Vec<EgressListener>,
    pub inbound_connection_pool: Option<ConnectionPool>,
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// One of `spec.egress[]` of a Sidecar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressListener {
    pub port: Option<ServicePort>,
    pub bind: String,
    pub capture_mode: String,
    /// What the listener takes in, each as `namespace/dnsName`.
    pub hosts: Vec<String>,
}
