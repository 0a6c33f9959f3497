//! Objects that say which addresses a cluster gives out. Only `suggest ranges` reads them.

use serde::Deserialize;

use super::Metadata;

/// One of them.
#[derive(Clone, Debug)]
pub(crate) enum Addressing {
    Node(Node),
    ServiceCidr(ServiceCidr),
    IpPool(IpPool),
    CiliumNode(CiliumNode),
    Network(Network),
}

impl Addressing {
    /// Its kind, as the API has it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Node(_) => "Node",
            Self::ServiceCidr(_) => "ServiceCIDR",
            Self::IpPool(_) => "IPPool",
            Self::CiliumNode(_) => "CiliumNode",
            Self::Network(_) => "Network",
        }
    }

    /// `metadata`. None of them has a namespace.
    pub(crate) const fn metadata(&self) -> &Metadata {
        match self {
            Self::Node(object) => &object.metadata,
            Self::ServiceCidr(object) => &object.metadata,
            Self::IpPool(object) => &object.metadata,
            Self::CiliumNode(object) => &object.metadata,
            Self::Network(object) => &object.metadata,
        }
    }

    /// The same, to change it.
    pub(crate) const fn metadata_mut(&mut self) -> &mut Metadata {
        match self {
            Self::Node(object) => &mut object.metadata,
            Self::ServiceCidr(object) => &mut object.metadata,
            Self::IpPool(object) => &mut object.metadata,
            Self::CiliumNode(object) => &mut object.metadata,
            Self::Network(object) => &mut object.metadata,
        }
    }
}

/// `v1 Node`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: NodeSpec,
    #[serde(default)]
    pub(crate) status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeSpec {
    /// Up to Kubernetes 1.15 the only one.
    #[serde(rename = "podCIDR")]
    pub(crate) pod_cidr: String,
    #[serde(rename = "podCIDRs")]
    pub(crate) pod_cidrs: Vec<String>,
    #[serde(rename = "providerID")]
    pub(crate) provider_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeStatus {
    pub(crate) node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeInfo {
    pub(crate) kubelet_version: String,
}

/// `networking.k8s.io ServiceCIDR`; all versions are alike.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ServiceCidr {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: ServiceCidrSpec,
    #[serde(default)]
    pub(crate) status: Conditions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceCidrSpec {
    pub(crate) cidrs: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Conditions {
    pub(crate) conditions: Vec<Condition>,
}

/// `status.conditions[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) name: String,
    /// True, False or Unknown.
    pub(crate) status: String,
}

/// Calico's `IPPool`, of `crd.projectcalico.org` or `projectcalico.org`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct IpPool {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: IpPoolSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IpPoolSpec {
    pub(crate) cidr: String,
    pub(crate) disabled: bool,
    /// Workload, Tunnel, LoadBalancer; empty is the first two.
    pub(crate) allowed_uses: Vec<String>,
}

/// `cilium.io CiliumNode`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CiliumNode {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: CiliumNodeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CiliumNodeSpec {
    pub(crate) ipam: CiliumIpam,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CiliumIpam {
    #[serde(rename = "podCIDRs")]
    pub(crate) pod_cidrs: Vec<String>,
}

/// OpenShift's `config.openshift.io Network`: what was asked for, and what is.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Network {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: NetworkRanges,
    #[serde(default)]
    pub(crate) status: NetworkRanges,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NetworkRanges {
    pub(crate) cluster_network: Vec<ClusterNetwork>,
    pub(crate) service_network: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterNetwork {
    pub(crate) cidr: String,
}
