//! Kubernetes' own objects around pods: ConfigMaps, Namespaces, Services, webhooks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::{AnyObject, Metadata, with_metadata};

/// The annotation that says which namespaces see a Service.
pub const EXPORT_TO: &str = "networking.istio.io/exportTo";

with_metadata! { ConfigMap NamespaceObject WebhookObject }

/// A `v1 ConfigMap`; data in bytes is not read.
#[derive(Clone, Debug, Deserialize)]
pub struct ConfigMap {
    pub metadata: Metadata,
    #[serde(default)]
    pub data: BTreeMap<String, String>,
}

/// A `v1 Namespace`, by its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub struct NamespaceObject {
    pub metadata: Metadata,
}

/// A `MutatingWebhookConfiguration`, by its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub struct WebhookObject {
    pub metadata: Metadata,
}

/// A `v1 Service`, as far as it says who may reach it, and where.
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

/// The `spec` of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// The `type`: ClusterIP, NodePort, LoadBalancer or ExternalName.
    #[serde(rename = "type")]
    pub service_type: String,
    /// The first cluster IP: `None` for a headless Service, empty for an ExternalName.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: String,
    /// The cluster IPs, at most one for each address family, the first one included.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    /// The host that an ExternalName stands for.
    pub external_name: String,
    /// The labels of the Service's pods; an empty map selects none.
    pub selector: BTreeMap<String, String>,
    pub ports: Vec<KubernetesPort>,
}

/// One of `spec.ports[]` of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubernetesPort {
    pub name: String,
    /// The number that clients dial.
    pub port: u16,
    /// The transport: TCP, UDP or SCTP.
    pub protocol: String,
    /// The protocol that is spoken, which counts before what the port's name says.
    pub app_protocol: String,
}
