//! The configuration of every revision, one ConfigMap in or out at a time.

use std::collections::{BTreeSet, HashMap};

use tracing::warn;

use super::{
    config::{MeshConfig, policy},
    injector::Injector,
    names::{canonical, outranks, revision_of},
};
use crate::{
    objects::{ConfigMap, Metadata},
    vocabulary::Policy,
};

/// `Mesh` is the configuration of all revisions.
#[derive(Debug, Default)]
pub struct Mesh {
    /// By revision; the default one is the empty string.
    configs: HashMap<String, RevisionConfig>,
    injectors: HashMap<String, (String, Injector)>,
    /// The revision that a tag stands for.
    tags: HashMap<String, String>,
    /// ConfigMaps whose last state cannot be read: the one before stays.
    unreadable: BTreeSet<String>,
}

/// What the ConfigMap `istio` of a revision says.
#[derive(Debug)]
struct RevisionConfig {
    namespace: String,
    /// Namespace and name of the ConfigMap.
    name: String,
    mesh: MeshConfig,
    policy: Option<Policy>,
}

impl Mesh {
    /// Takes a ConfigMap in, if it is one of Istio's. What cannot be read is named in the log and
    /// not known.
    pub fn apply(&mut self, object: &ConfigMap) -> bool {
        let Metadata {
            name, namespace, ..
        } = &object.metadata;
        if let Some(revision) = revision_of(name, "istio-sidecar-injector") {
            return self.apply_injector(revision, object);
        }
        let (Some(revision), Some(text)) = (revision_of(name, "istio"), object.data.get("mesh"))
        else {
            return false;
        };
        let known = self.configs.get(canonical(revision));
        if known.is_some_and(|known| outranks(&known.namespace, namespace)) {
            return true;
        }
        let mesh: MeshConfig = match serde_saphyr::from_str(text) {
            Ok(mesh) => mesh,
            Err(problem) => {
                warn!(config_map = name, key = "mesh", %problem, "mesh configuration not known");
                self.unreadable.insert(format!("{namespace}/{name}"));
                return true;
            }
        };
        let policy = match policy(mesh.outbound_traffic_policy.mode.as_deref()) {
            Ok(policy) => Some(policy),
            Err(problem) => {
                warn!(config_map = name, key = "mesh", %problem, "policy not known");
                None
            }
        };
        self.unreadable.remove(&format!("{namespace}/{name}"));
        let config = RevisionConfig {
            namespace: namespace.clone(),
            name: format!("{namespace}/{name}"),
            mesh,
            policy,
        };
        self.configs.insert(canonical(revision).to_owned(), config);
        true
    }

    fn apply_injector(&mut self, revision: &str, object: &ConfigMap) -> bool {
        let Metadata {
            name, namespace, ..
        } = &object.metadata;
        let Some(values) = object.data.get("values") else {
            return false;
        };
        let known = self.injectors.get(canonical(revision));
        if known.is_some_and(|(known, _)| outranks(known, namespace)) {
            return true;
        }
        let values = match serde_saphyr::from_str(values) {
            Ok(values) => values,
            Err(problem) => {
                warn!(config_map = name, key = "values", %problem, "injection not known");
                self.unreadable.insert(format!("{namespace}/{name}"));
                return true;
            }
        };
        let config = object
            .data
            .get("config")
            .map(|text| serde_saphyr::from_str(text));
        self.unreadable.remove(&format!("{namespace}/{name}"));
        let injector = Injector {
            name: format!("{namespace}/{name}"),
            values,
            // Templates of people's own may be anything; what they select is said plainly.
            config: config.and_then(Result::ok).unwrap_or_default(),
        };
        let injector = (namespace.clone(), injector);
        self.injectors
            .insert(canonical(revision).to_owned(), injector);
        true
    }

    /// Forgets a ConfigMap. Whether anything was known from it.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let own = format!("{namespace}/{name}");
        self.unreadable.remove(&own);
        let n_before = self.configs.len() + self.injectors.len();
        self.configs.retain(|_, config| config.name != own);
        self.injectors
            .retain(|_, (_, injector)| injector.name != own);
        self.configs.len() + self.injectors.len() < n_before
    }

    /// Takes in what tags all injection webhooks stand for, in place of what was known.
    pub(crate) fn set_webhooks<'a>(&mut self, all: impl Iterator<Item = &'a Metadata>) {
        self.tags.clear();
        all.for_each(|metadata| self.apply_webhook(metadata));
    }

    /// Takes in what tag an injection webhook stands for.
    pub(crate) fn apply_webhook(&mut self, metadata: &Metadata) {
        let labels = &metadata.labels;
        if let (Some(tag), Some(revision)) =
            (labels.get("istio.io/tag"), labels.get("istio.io/rev"))
        {
            self.tags.insert(tag.clone(), revision.clone());
        }
    }

    /// Whether the last state of some ConfigMap cannot be read.
    pub fn is_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// The revision that a revision's or a tag's name stands for.
    fn revision<'a>(&'a self, name: &'a str) -> &'a str {
        let named = if name.is_empty() { "default" } else { name };
        self.tags
            .get(named)
            .map_or(canonical(name), |revision| canonical(revision))
    }

    /// A revision's own, or the only one there is for one that is not known (a tag, perhaps).
    fn of<'a, T>(&'a self, all: &'a HashMap<String, T>, revision: &str) -> Option<&'a T> {
        let own = all.get(canonical(revision));
        let known = own.or_else(|| all.get(self.revision(revision)));
        known.or_else(|| all.values().next().filter(|_| all.len() == 1))
    }

    /// The mesh configuration of a revision.
    pub fn config(&self, revision: &str) -> Option<&MeshConfig> {
        self.of(&self.configs, revision).map(|config| &config.mesh)
    }

    /// The policy of a revision.
    pub fn policy(&self, revision: &str) -> Option<Policy> {
        self.of(&self.configs, revision)?.policy
    }

    /// The object that says so, for people.
    pub(crate) fn config_name(&self, revision: &str) -> Option<String> {
        let config = self.of(&self.configs, revision)?;
        Some(format!("ConfigMap {}", config.name))
    }

    /// Every injector by its revision, the default one (empty) first.
    pub fn injectors(&self) -> Vec<(&str, &Injector)> {
        let all = self.injectors.iter();
        let mut all: Vec<_> = all
            .map(|(revision, (_, injector))| (revision.as_str(), injector))
            .collect();
        all.sort_by_key(|(revision, _)| *revision);
        all
    }

    /// The injector of a revision.
    pub fn injector(&self, revision: &str) -> Option<&Injector> {
        self.of(&self.injectors, revision)
            .map(|(_, injector)| injector)
    }
}

#[cfg(test)]
mod tests;
