//! The Helm values that the injector renders its template with: key `values` of its ConfigMap.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// `InjectorValues` are the Helm values of key `values`, as far as they are read
/// (`manifests/charts/istio-control/istio-discovery/values.yaml`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InjectorValues {
    pub global: GlobalValues,
    pub pilot: PilotValues,
    /// Up to 1.21.
    #[serde(rename = "istio_cni")]
    pub istio_cni: EnabledValue,
    pub sidecar_injector_webhook: WebhookValues,
}

/// `GlobalValues` are `global`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GlobalValues {
    pub proxy: ProxyValues,
    pub native_nftables: bool,
    pub platform: String,
    #[serde(deserialize_with = "text")]
    pub tag: String,
}

/// `ProxyValues` are `global.proxy`; what is absent is the chart's default.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyValues {
    #[serde(rename = "includeIPRanges", deserialize_with = "text")]
    pub include_ip_ranges: String,
    #[serde(rename = "excludeIPRanges", deserialize_with = "text")]
    pub exclude_ip_ranges: String,
    #[serde(deserialize_with = "text")]
    pub include_outbound_ports: String,
    #[serde(deserialize_with = "text")]
    pub exclude_outbound_ports: String,
    /// `istiod --domain`; empty is cluster.local.
    #[serde(deserialize_with = "text")]
    pub cluster_domain: String,
}

impl Default for ProxyValues {
    fn default() -> Self {
        Self {
            include_ip_ranges: "*".to_owned(),
            exclude_ip_ranges: String::new(),
            include_outbound_ports: String::new(),
            exclude_outbound_ports: String::new(),
            cluster_domain: String::new(),
        }
    }
}

/// `PilotValues` are `pilot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PilotValues {
    pub cni: EnabledValue,
}

/// An `EnabledValue` is a part of Istio that is installed or not.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EnabledValue {
    pub enabled: bool,
}

/// `WebhookValues` are `sidecarInjectorWebhook`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebhookValues {
    pub enable_namespaces_by_default: bool,
}

/// A field is text, or a number that stands where text should (`--set global.proxy.excludeOutboundPorts=22`).
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        other @ (Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Err(D::Error::custom(format_args!("`{other}` is not text")))
        }
    }
}
