//! istiod, as far as its own pod says what it reads.

use std::collections::BTreeMap;

use crate::objects::{
    ContainerSpec, EnvVar, PodTemplate,
    istiod::{DISCOVERY, REVISION, SHARED_MESH_CONFIG},
};

/// `ControlPlane` is an istiod: where it runs, for which revision, and with which settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    pub(super) namespace: String,
    /// Empty for the default one.
    pub(super) revision: String,
    /// `None` for a value that stands elsewhere.
    env: BTreeMap<String, Option<String>>,
    /// Whether there may be other variables.
    open: bool,
}

/// Which ConfigMap istiod reads below its revision's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SharedConfig<'a> {
    /// None.
    No,
    /// The one of its namespace that is called so.
    Named(&'a str),
    /// Its name stands where nobody looks.
    Elsewhere,
}

impl ControlPlane {
    /// What a workload's template says of istiod, if it makes that.
    pub(crate) fn of(namespace: &str, template: &PodTemplate) -> Option<Self> {
        let containers = template.spec.containers.iter();
        let own = containers.into_iter().find(|own| own.name == DISCOVERY)?;
        let env = environment(own);
        let label = template.metadata.labels.get("istio.io/rev");
        let named = env.get(REVISION).and_then(Option::as_ref);
        let revision = named.or(label).cloned();
        Some(Self {
            namespace: namespace.to_owned(),
            revision: super::canonical(&revision.unwrap_or_default()).to_owned(),
            env,
            open: !own.env_from.is_empty(),
        })
    }

    /// The value of an environment variable, if it is there and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name)?.as_deref();
        value.filter(|value| !value.is_empty())
    }

    /// The ConfigMap of its namespace below the revision's own (`pilot/pkg/features/pilot.go`
    /// `SharedMeshConfig`). An entry of `env` wins over `envFrom`.
    pub(super) fn shared_config(&self) -> SharedConfig<'_> {
        match self.env.get(SHARED_MESH_CONFIG) {
            Some(Some(name)) if name.is_empty() => SharedConfig::No,
            Some(Some(name)) => SharedConfig::Named(name),
            Some(None) => SharedConfig::Elsewhere,
            None if self.open => SharedConfig::Elsewhere,
            None => SharedConfig::No,
        }
    }
}

fn environment(container: &ContainerSpec) -> BTreeMap<String, Option<String>> {
    let given = container.env.iter();
    given
        .map(|entry| {
            (
                entry.name.clone(),
                plain(entry).then(|| entry.value.clone()),
            )
        })
        .collect()
}

/// Whether a value is what is written; a reference to another variable is not (`$(NAME)`).
fn plain(entry: &EnvVar) -> bool {
    entry.value_from.is_none() && !entry.value.contains("$(")
}
