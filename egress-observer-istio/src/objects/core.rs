//! Kubernetes' own objects around pods: ConfigMaps, Namespaces, Services, webhooks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::{Metadata, with_metadata};

with_metadata! { ConfigMap NamespaceObject WebhookObject ServiceObject }

/// `v1 ConfigMap`.
#[derive(Clone, Debug, Deserialize)]
pub struct ConfigMap {
    pub metadata: Metadata,
    #[serde(default)]
    pub data: BTreeMap<String, String>,
}

/// `v1 Namespace`, by its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub struct NamespaceObject {
    pub metadata: Metadata,
}

/// `MutatingWebhookConfiguration`, by its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub struct WebhookObject {
    pub metadata: Metadata,
}

/// `v1 Service`.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceObject {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// ClusterIP, NodePort, LoadBalancer or ExternalName.
    #[serde(rename = "type")]
    pub service_type: String,
    /// `None` for a headless Service, empty for an ExternalName.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: String,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    pub external_name: String,
    /// Labels of its pods.
    pub selector: BTreeMap<String, String>,
    pub ports: Vec<KubernetesPort>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubernetesPort {
    pub name: String,
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    pub app_protocol: String,
}
