//! istiod, as far as its own pod says what it reads.

use std::collections::BTreeMap;

use crate::objects::{ContainerSpec, PodTemplate};

/// The container of istiod.
const DISCOVERY: &str = "discovery";
/// Its variable that names the ConfigMap below the revision's own.
pub(super) const SHARED_MESH_CONFIG: &str = "SHARED_MESH_CONFIG";

/// `ControlPlane` is an istiod: where it runs, for which revision, and with which settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    pub(super) namespace: String,
    /// Empty for the default one.
    pub(super) revision: String,
    env: BTreeMap<String, String>,
}

impl ControlPlane {
    /// What a workload's template says of istiod, if it makes that.
    pub(crate) fn of(namespace: &str, template: &PodTemplate) -> Option<Self> {
        let containers = template.spec.containers.iter();
        let own = containers.into_iter().find(|own| own.name == DISCOVERY)?;
        let env = environment(own);
        let label = template.metadata.labels.get("istio.io/rev");
        let revision = env.get("REVISION").or(label).cloned();
        Some(Self {
            namespace: namespace.to_owned(),
            revision: super::canonical(&revision.unwrap_or_default()).to_owned(),
            env,
        })
    }

    /// The value of an environment variable, if it is there and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The ConfigMap of its namespace below the revision's own (`pilot/pkg/features/pilot.go`
    /// `SharedMeshConfig`).
    pub(super) fn shared_config(&self) -> Option<&str> {
        self.variable(SHARED_MESH_CONFIG)
    }
}

/// Values that stand elsewhere are left out.
fn environment(container: &ContainerSpec) -> BTreeMap<String, String> {
    let given = container.env.iter();
    let plain = given.filter(|entry| entry.value_from.is_none());
    plain
        .map(|entry| (entry.name.clone(), entry.value.clone()))
        .collect()
}
