//! What the mesh's configuration says about all objects.

use crate::{mesh::ROOT_NAMESPACE, vocabulary::host_name::CLUSTER_DOMAIN};

/// What the mesh's configuration says about all objects. An empty value is Istio's own default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryDefaults {
    /// `rootNamespace`, whose Sidecar and DestinationRules are for all.
    pub root_namespace: String,
    /// `defaultServiceExportTo`.
    pub service_export_to: Vec<String>,
    /// `defaultVirtualServiceExportTo`.
    pub virtual_service_export_to: Vec<String>,
    /// What the names of Services end in, behind `svc`: `istiod --domain`.
    pub cluster_domain: String,
}

impl Default for RegistryDefaults {
    fn default() -> Self {
        Self {
            root_namespace: ROOT_NAMESPACE.to_owned(),
            service_export_to: vec!["*".to_owned()],
            virtual_service_export_to: vec!["*".to_owned()],
            cluster_domain: CLUSTER_DOMAIN.to_owned(),
        }
    }
}

impl RegistryDefaults {
    /// The same, with Istio's own values where nothing is said.
    pub(super) fn completed(self) -> Self {
        let own = Self::default();
        Self {
            root_namespace: non_empty(self.root_namespace, own.root_namespace),
            cluster_domain: non_empty(self.cluster_domain, own.cluster_domain),
            service_export_to: some(self.service_export_to, own.service_export_to),
            virtual_service_export_to: some(
                self.virtual_service_export_to,
                own.virtual_service_export_to,
            ),
        }
    }
}

fn non_empty(said: String, default: String) -> String {
    if said.is_empty() { default } else { said }
}

fn some(said: Vec<String>, default: Vec<String>) -> Vec<String> {
    if said.is_empty() { default } else { said }
}
