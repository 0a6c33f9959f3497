//! Objects that say which addresses a cluster gives out. All but ServiceCIDRs are read by `suggest
//! ranges` alone.

use serde::Deserialize;

use super::metadata::{Metadata, with_metadata};

with_metadata! { Node ServiceCidr IpPool CiliumNode Network }

/// A `v1 Node`, as far as it tells the ranges of the cluster and what the cluster runs on.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: NodeSpec,
    #[serde(default)]
    pub status: NodeStatus,
}

/// The `spec` of a Node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// The first range of the node's pods; up to Kubernetes 1.15 the only one.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: String,
    /// The ranges of the node's pods, at most one for each address family.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<String>,
    /// The machine in the words of the cloud that it is from, such as `gce://project/zone/name`.
    #[serde(rename = "providerID")]
    pub provider_id: String,
}

/// The `status` of a Node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    pub node_info: NodeInfo,
}

/// The `status.nodeInfo` of a Node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// The kubelet's version, such as `v1.33.1-eks-1a2b3c`, where clouds add a mark of theirs.
    pub kubelet_version: String,
}

/// A `networking.k8s.io ServiceCIDR`, of which all versions are alike.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceCidr {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ServiceCidrSpec,
    #[serde(default)]
    pub status: Conditions,
}

/// The `spec` of a ServiceCIDR.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceCidrSpec {
    /// The ranges of cluster IPs, at most one for each address family.
    pub cidrs: Vec<String>,
}

/// A `status` of which only the conditions are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Conditions {
    pub conditions: Vec<Condition>,
}

/// One of `status.conditions[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// The condition's `type`, such as `Ready`.
    #[serde(rename = "type")]
    pub name: String,
    /// Whether the condition holds: True, False or Unknown.
    pub status: String,
}

/// Calico's `IPPool`, of `crd.projectcalico.org` or `projectcalico.org`.
#[derive(Clone, Debug, Deserialize)]
pub struct IpPool {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: IpPoolSpec,
}

/// The `spec` of an IPPool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpPoolSpec {
    pub cidr: String,
    /// Whether no new addresses are given out from the pool.
    pub disabled: bool,
    /// What the pool's addresses are for: Workload, Tunnel, LoadBalancer; an empty list is the
    /// first two.
    pub allowed_uses: Vec<String>,
}

/// A `cilium.io CiliumNode`.
#[derive(Clone, Debug, Deserialize)]
pub struct CiliumNode {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: CiliumNodeSpec,
}

/// The `spec` of a CiliumNode.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CiliumNodeSpec {
    pub ipam: CiliumIpam,
}

/// The `spec.ipam` of a CiliumNode.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CiliumIpam {
    /// The ranges from which Cilium gives the node's pods their addresses.
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

/// The ranges of a Network: those of its `spec` or those of its `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkRanges {
    pub cluster_network: Vec<ClusterNetwork>,
    /// The ranges of Services, in CIDR form.
    pub service_network: Vec<String>,
}

/// One range of pods, as `clusterNetwork[]` has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterNetwork {
    pub cidr: String,
}
