//! `gateway.networking.k8s.io Gateway`, as far as it says which waypoints there are.

use serde::Deserialize;
use serde_json::Value;

use super::metadata::{Metadata, with_metadata};

with_metadata! { Gateway }

/// `gateway.networking.k8s.io Gateway`; v1 and v1beta1 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub struct Gateway {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: GatewaySpec,
    /// What its controller says; none in files that people write.
    #[serde(default)]
    pub status: Option<GatewayStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewaySpec {
    pub gateway_class_name: String,
    pub listeners: Vec<GatewayListener>,
}

/// `spec.listeners[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayListener {
    pub protocol: String,
    pub port: u16,
    pub allowed_routes: AllowedRoutes,
}

/// Who may use a listener.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AllowedRoutes {
    pub namespaces: AllowedNamespaces,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AllowedNamespaces {
    /// All, Selector or Same; Same where nothing is said.
    pub from: String,
    /// A LabelSelector.
    pub selector: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GatewayStatus {
    pub addresses: Vec<GatewayAddress>,
}

/// `status.addresses[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GatewayAddress {
    /// Hostname or IPAddress.
    #[serde(rename = "type")]
    pub address_type: String,
    pub value: String,
}

impl GatewayAddress {
    /// Whether istiod makes something of it (`getGatewayAddress` in
    /// `pilot/pkg/serviceregistry/ambient/waypoints.go`).
    pub fn is_known(&self) -> bool {
        matches!(self.address_type.as_str(), "Hostname" | "IPAddress")
    }
}
