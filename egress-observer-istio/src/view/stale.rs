//! What changes made stale.

use std::collections::HashSet;

use crate::objects::name::ObjectName;

/// What has to be made anew.
#[derive(Debug, Default)]
pub(super) struct StaleParts {
    pub(super) every_pod: bool,
    /// Namespaces.
    pub(super) pods_of: HashSet<String>,
    pub(super) pods: HashSet<ObjectName>,
    /// Namespaces whose pods changed: selectors look at them.
    pub(super) selected_in: HashSet<String>,
    pub(super) webhooks: bool,
    pub(super) proxy_configs: bool,
    pub(super) ranges: bool,
    /// Which namespaces istiod looks at.
    pub(super) discovery: bool,
}

impl StaleParts {
    /// Whether most pods may have to be made anew.
    pub(super) fn many_pods(&self) -> bool {
        self.every_pod || !self.pods_of.is_empty()
    }

    /// Whether a pod has to be made anew.
    pub(super) fn has(&self, name: &ObjectName) -> bool {
        self.every_pod || self.pods_of.contains(&name.namespace) || self.pods.contains(name)
    }
}
