//! Objects that say which addresses a cluster gives out. All but ServiceCIDRs are read by `suggest
//! ranges` alone.

use serde::Deserialize;

use super::metadata::{Metadata, with_metadata};

with_metadata! { Node ServiceCidr IpPool CiliumNode Network }

/// `v1 Node`.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: NodeSpec,
    #[serde(default)]
    pub status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// Up to Kubernetes 1.15 the only one.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: String,
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<String>,
    #[serde(rename = "providerID")]
    pub provider_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    pub node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    pub kubelet_version: String,
}

/// `networking.k8s.io ServiceCIDR`; all versions are alike.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceCidr {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ServiceCidrSpec,
    #[serde(default)]
    pub status: Conditions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceCidrSpec {
    pub cidrs: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Conditions {
    pub conditions: Vec<Condition>,
}

/// `status.conditions[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub name: String,
    /// True, False or Unknown.
    pub status: String,
}

/// Calico's `IPPool`, of `crd.projectcalico.org` or `projectcalico.org`.
#[derive(Clone, Debug, Deserialize)]
pub struct IpPool {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: IpPoolSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpPoolSpec {
    pub cidr: String,
    pub disabled: bool,
    /// Workload, Tunnel, LoadBalancer; empty is the first two.
    pub allowed_uses: Vec<String>,
}

/// `cilium.io CiliumNode`.
#[derive(Clone, Debug, Deserialize)]
pub struct CiliumNode {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: CiliumNodeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CiliumNodeSpec {
    pub ipam: CiliumIpam,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CiliumIpam {
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<String>,
}

/// OpenShift's `config.openshift.io Network`: what was asked for, and what is.
#[derive(Clone, Debug, Deserialize)]
pub struct Network {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: NetworkRanges,
    #[serde(default)]
    pub status: NetworkRanges,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkRanges {
    pub cluster_network: Vec<ClusterNetwork>,
    pub service_network: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterNetwork {
    pub cidr: String,
}
