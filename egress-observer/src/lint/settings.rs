//! What the manifests themselves do not say.

use ipnet::IpNet;

/// What is known besides the manifests.
#[derive(Clone, Debug, Default)]
pub struct LintSettings {
    /// Pod and Service ranges of the cluster.
    pub cluster_ranges: Vec<IpNet>,
}
