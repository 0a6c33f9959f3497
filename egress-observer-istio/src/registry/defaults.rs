//! What the mesh's configuration says about all objects.

use crate::mesh::ROOT_NAMESPACE;

/// What the mesh's configuration says about all objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) root_namespace: String,
    pub(super) service_export_to: Vec<String>,
}

impl Defaults {
    /// An empty value is Istio's own.
    pub(super) fn new(root_namespace: &str, service_export_to: &[String]) -> Self {
        Self {
            root_namespace: match root_namespace {
                "" => ROOT_NAMESPACE.to_owned(),
                name => name.to_owned(),
            },
            service_export_to: match service_export_to {
                [] => vec!["*".to_owned()],
                words => words.to_vec(),
            },
        }
    }
}
