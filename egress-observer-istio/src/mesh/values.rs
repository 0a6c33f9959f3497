//! The Helm values that the injector renders its template with: key `values` of its ConfigMap.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::schema::VALUES;
use crate::protojson::{Refused, decode_yaml};

/// `InjectorValues` are the Helm values of key `values`, as far as they are read
/// (`manifests/charts/istio-control/istio-discovery/values.yaml`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InjectorValues {
    pub global: GlobalValues,
    pub pilot: PilotValues,
    /// Up to 1.21.
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
    /// Text or a number.
    #[serde(deserialize_with = "text")]
    pub tag: String,
}

impl InjectorValues {
    /// What a text says, unless the injector refuses it as a whole (`pkg/kube/inject/webhook.go`
    /// `NewValuesConfig`, from 1.14 on).
    pub fn read(text: &str) -> Result<Self, Refused> {
        let fields = decode_yaml(VALUES, text)?;
        // What the decoder has accepted has the right types.
        Ok(Self::deserialize(Value::Object(fields)).unwrap_or_default())
    }

    /// Whether the CNI plugin makes the rules.
    pub fn by_cni(&self) -> bool {
        self.pilot.cni.enabled || self.istio_cni.enabled
    }

    /// The cluster's domain, which Services have in their names.
    pub fn cluster_domain(&self) -> &str {
        match self.global.proxy.cluster_domain.as_str() {
            "" => "cluster.local",
            domain => domain,
        }
    }
}

/// `ProxyValues` are `global.proxy`; what is absent is the chart's default.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyValues {
    #[serde(rename = "includeIPRanges")]
    pub include_ip_ranges: String,
    #[serde(rename = "excludeIPRanges")]
    pub exclude_ip_ranges: String,
    pub include_outbound_ports: String,
    pub exclude_outbound_ports: String,
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
    /// istiod's environment.
    pub env: Map<String, Value>,
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

/// A field is text, or a number that stands where text should (`--set global.tag=1.27`).
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_absent_and_absent_is_the_charts_default() {
        let text = r#"{"global": {"proxy": {"includeIPRanges": null}, "tag": 1.27},
            "pilot": {"cni": null}, "istio_cni": null, "sidecarInjectorWebhook": null}"#;
        let values = InjectorValues::read(text).unwrap();
        assert_eq!(values.global.proxy.include_ip_ranges, "*");
        assert_eq!(
            (values.by_cni(), values.cluster_domain()),
            (false, "cluster.local")
        );
        assert_eq!(values.global.tag, "1.27");
        let text =
            r#"{"istio_cni": {"enabled": true}, "global": {"proxy": {"clusterDomain": "corp"}}}"#;
        let values = InjectorValues::read(text).unwrap();
        assert_eq!((values.by_cni(), values.cluster_domain()), (true, "corp"));
    }

    #[test]
    fn a_wrong_type_refuses_all_values() {
        for (text, field) in [
            (
                r#"{"pilot": {"cni": {"enabled": "true"}}}"#,
                "pilot.cni.enabled",
            ),
            (
                r#"{"global": {"proxy": {"excludeOutboundPorts": 443}}}"#,
                "global.proxy.excludeOutboundPorts",
            ),
            (
                r#"{"global": {"nativeNftables": "yes"}}"#,
                "global.nativeNftables",
            ),
            (r#"{"global": []}"#, "global"),
        ] {
            assert_eq!(InjectorValues::read(text).unwrap_err().field(), field);
        }
    }
}
