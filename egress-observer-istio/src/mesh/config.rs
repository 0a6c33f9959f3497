//! Istio's mesh configuration: key `mesh` of the ConfigMap `istio[-<revision>]`, and of the one that
//! `SHARED_MESH_CONFIG` names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    names::ROOT_NAMESPACE,
    schema::{MESH_CONFIG, PROXY_CONFIG},
    selector::LabelSelector,
    validate::{validate_mesh, validate_proxy},
};
use crate::{
    protojson::{Refused, decode, decode_yaml, yaml_to_json},
    vocabulary::Policy,
};

/// `MeshConfig` is Istio's, as far as it is read (`istio/api mesh/v1alpha1/config.proto`), with the
/// defaults of `pkg/config/mesh/mesh.go` `DefaultMeshConfig` in what is absent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshConfig {
    /// What sidecars do with what the mesh does not know; absent is ALLOW_ANY.
    pub outbound_traffic_policy: Option<MeshOutboundPolicy>,
    pub proxy_listen_port: i32,
    pub proxy_inbound_listen_port: i32,
    pub default_config: ProxyConfigText,
    /// The namespace whose Sidecar, ProxyConfig and so on count for all.
    pub root_namespace: String,
    /// An empty list is `*`, here and in the next two.
    pub default_service_export_to: Vec<String>,
    pub default_virtual_service_export_to: Vec<String>,
    pub default_destination_rule_export_to: Vec<String>,
    /// Which namespaces istiod looks at, any of these; all if there is none.
    pub discovery_selectors: Vec<LabelSelector>,
}

impl Default for MeshConfig {
    fn default() -> Self {
        Self {
            outbound_traffic_policy: None,
            proxy_listen_port: 15_001,
            proxy_inbound_listen_port: 15_006,
            default_config: ProxyConfigText::default(),
            root_namespace: ROOT_NAMESPACE.to_owned(),
            default_service_export_to: Vec::new(),
            default_virtual_service_export_to: Vec::new(),
            default_destination_rule_export_to: Vec::new(),
            discovery_selectors: Vec::new(),
        }
    }
}

/// `MeshOutboundPolicy` is `outboundTrafficPolicy`: a message that is there has mode 0 unless it says otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MeshOutboundPolicy {
    pub mode: OutboundMode,
}

/// `OutboundMode` is `outboundTrafficPolicy.mode`. Istio looks for ALLOW_ANY: a number that has no name
/// is what it is not (`pilot/pkg/networking/core/listener_builder.go`, `httproute.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum OutboundMode {
    /// Refuses unknown destinations.
    #[default]
    RegistryOnly,
    /// Lets them through.
    AllowAny,
    /// Lets them through, and resolves the host of plaintext HTTP itself (1.31).
    AllowAnyDynamicDns,
}

impl From<String> for OutboundMode {
    fn from(name: String) -> Self {
        match name.as_str() {
            "ALLOW_ANY" => Self::AllowAny,
            "ALLOW_ANY_DYNAMIC_DNS" => Self::AllowAnyDynamicDns,
            _ => Self::RegistryOnly,
        }
    }
}

impl OutboundMode {
    /// As the configuration has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RegistryOnly => "REGISTRY_ONLY",
            Self::AllowAny => "ALLOW_ANY",
            Self::AllowAnyDynamicDns => "ALLOW_ANY_DYNAMIC_DNS",
        }
    }

    /// What it means for a destination that the mesh does not know.
    pub fn policy(self) -> Policy {
        match self {
            Self::RegistryOnly => Policy::RegistryOnly,
            Self::AllowAny | Self::AllowAnyDynamicDns => Policy::AllowAny,
        }
    }
}

/// `ProxyConfigText` is `ProxyConfig` as part of the mesh configuration and of the annotation
/// `proxy.istio.io/config`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfigText {
    pub interception_mode: Option<String>,
    pub proxy_metadata: BTreeMap<String, String>,
}

/// `MeshText` is the text of a mesh configuration, as far as Istio takes it: the fields that it has, by
/// their JSON names.
#[derive(Clone, Debug, Default)]
pub struct MeshText(Map<String, Value>);

impl MeshText {
    /// What a text says, unless Istio refuses it as a whole (`pkg/config/mesh/mesh.go`
    /// `ApplyMeshConfig`). `default_config` is looked at like everything else, and then thrown away:
    /// only under its JSON name it counts (`extractYamlField`).
    pub fn read(text: &str) -> Result<Self, Refused> {
        let value = yaml_to_json(text).map_err(Refused::NotYaml)?;
        let mut fields = decode(MESH_CONFIG, &value)?;
        if value.get("defaultConfig").is_none_or(Value::is_null) {
            fields.remove("defaultConfig");
        }
        validate_mesh(&fields)?;
        Ok(Self(fields))
    }

    /// Both, this one on top of the other: fields replace each other, but those of `defaultConfig` one by
    /// one, and `proxyMetadata` entry by entry (`MergeProxyConfig`).
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let mut merged = below.0.clone();
        for (name, value) in &self.0 {
            match (merged.get_mut(name), value) {
                (Some(Value::Object(below)), Value::Object(own)) if name == "defaultConfig" => {
                    merge_proxy_config(below, own);
                }
                (_, value) => drop(merged.insert(name.clone(), value.clone())),
            }
        }
        Self(merged)
    }

    /// Whether it says itself what sidecars do with what the mesh does not know.
    pub fn has_policy(&self) -> bool {
        self.0.contains_key("outboundTrafficPolicy")
    }

    /// The configuration that it amounts to, on top of Istio's defaults.
    pub fn config(&self) -> MeshConfig {
        let fields = Value::Object(self.0.clone());
        // What the decoder has accepted has the right types.
        MeshConfig::deserialize(fields).unwrap_or_default()
    }
}

fn merge_proxy_config(below: &mut Map<String, Value>, own: &Map<String, Value>) {
    for (name, value) in own {
        match (below.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(own)) if name == "proxyMetadata" => {
                below.extend(own.clone());
            }
            (_, value) => drop(below.insert(name.clone(), value.clone())),
        }
    }
}

impl MeshConfig {
    /// What a text says by itself, unless Istio refuses it.
    pub fn read(text: &str) -> Result<Self, Refused> {
        MeshText::read(text).map(|text| text.config())
    }

    /// What sidecars do with what the mesh does not know: ALLOW_ANY is Istio's default since 1.1.
    pub fn outbound_mode(&self) -> OutboundMode {
        let policy = self.outbound_traffic_policy.as_ref();
        policy.map_or(OutboundMode::AllowAny, |policy| policy.mode)
    }

    /// Whether istiod looks at a namespace with these labels (`pkg/kube/namespace/filter.go`).
    pub fn discovers(&self, labels: &BTreeMap<String, String>) -> bool {
        let selectors = &self.discovery_selectors;
        selectors.is_empty()
            || selectors
                .iter()
                .any(|selector| selector.is_empty() || selector.selects(labels))
    }
}

impl ProxyConfigText {
    /// What an annotation `proxy.istio.io/config` says, unless the injector refuses the pod
    /// (`pkg/kube/inject/validate.go` `validateProxyConfig`).
    pub fn read(text: &str) -> Result<Self, Refused> {
        let fields = decode_yaml(PROXY_CONFIG, text)?;
        validate_proxy(&fields, "")?;
        Ok(Self::deserialize(Value::Object(fields)).unwrap_or_default())
    }
}

/// The policy of a Sidecar, whose mode is text. ALLOW_ANY is Istio's default.
pub fn policy(mode: Option<&str>) -> Result<Policy, String> {
    match mode {
        None | Some("ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS") => Ok(Policy::AllowAny),
        Some("REGISTRY_ONLY") => Ok(Policy::RegistryOnly),
        Some(other) => Err(format!(
            "outboundTrafficPolicy.mode: unknown value `{other}`"
        )),
    }
}

#[cfg(test)]
mod tests;
