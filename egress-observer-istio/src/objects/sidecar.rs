//! `networking.istio.io Sidecar`.

use serde::Deserialize;

use super::{
    istio::{OutboundTrafficPolicy, ServicePort, WorkloadSelector},
    metadata::{Metadata, with_metadata},
    sidecar_ingress::{ConnectionPool, IngressListener},
};

with_metadata! { Sidecar }

/// `networking.istio.io Sidecar`.
#[derive(Clone, Debug, Deserialize)]
pub struct Sidecar {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: SidecarSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarSpec {
    pub workload_selector: Option<WorkloadSelector>,
    pub ingress: Vec<IngressListener>,
    pub egress: Vec<EgressListener>,
    pub inbound_connection_pool: Option<ConnectionPool>,
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// `spec.egress[]` of a Sidecar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressListener {
    pub port: Option<ServicePort>,
    pub bind: String,
    pub capture_mode: String,
    /// `namespace/dnsName`.
    pub hosts: Vec<String>,
}
