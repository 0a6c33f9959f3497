//! Kubernetes' own objects around pods: ConfigMaps, Namespaces, Services, webhooks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::{AnyObject, Metadata, with_metadata};

/// The annotation that says which namespaces see a Service.
pub const EXPORT_TO: &str = "networking.istio.io/exportTo";

with_metadata! { ConfigMap NamespaceObject WebhookObject }

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

impl AnyObject for ServiceObject {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// Without what says nothing of who may reach it, and where. Its labels stay: Istio merges only
    /// what has the same ones (`canMergeServices` in `pilot/pkg/model/sidecar.go`).
    fn trimmed(self) -> Self {
        let metadata = self.metadata;
        let mut annotations = metadata.annotations;
        annotations.retain(|name, _| name == EXPORT_TO);
        Self {
            metadata: Metadata {
                name: metadata.name,
                namespace: metadata.namespace,
                creation_timestamp: metadata.creation_timestamp,
                labels: metadata.labels,
                annotations,
                ..Metadata::default()
            },
            spec: self.spec,
        }
    }
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
