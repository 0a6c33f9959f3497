//! Istio's mesh configuration: key `mesh` of the ConfigMap `istio[-<revision>]`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{objects::OutboundTrafficPolicy, vocabulary::Policy};

/// `MeshConfig` is Istio's, as far as it is read (`istio/api mesh/v1alpha1/config.proto`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshConfig {
    pub outbound_traffic_policy: OutboundTrafficPolicy,
    pub proxy_listen_port: Option<u16>,
    pub proxy_inbound_listen_port: Option<u16>,
    pub default_config: ProxyConfigText,
    pub root_namespace: String,
    pub default_service_export_to: Vec<String>,
    pub default_virtual_service_export_to: Vec<String>,
}

/// `ProxyConfigText` is `ProxyConfig` as part of the mesh configuration and of the annotation
/// `proxy.istio.io/config`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfigText {
    pub interception_mode: Option<String>,
    pub proxy_metadata: BTreeMap<String, String>,
}

/// ALLOW_ANY is Istio's default since 1.1 (`pkg/config/mesh/mesh.go`).
pub fn policy(mode: Option<&str>) -> Result<Policy, String> {
    match mode {
        None | Some("ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS") => Ok(Policy::AllowAny),
        Some("REGISTRY_ONLY") => Ok(Policy::RegistryOnly),
        Some(other) => Err(format!(
            "outboundTrafficPolicy.mode: unknown value `{other}`"
        )),
    }
}
