//! The configuration of every revision, one ConfigMap in or out at a time.

mod settle;

use std::collections::{BTreeMap, HashMap};

use tracing::warn;

use super::{
    config::{MeshConfig, MeshText, OutboundMode},
    control_plane::ControlPlane,
    coverage::MeshCoverage,
    injector::Injector,
    known::Known,
    names::{MADE_FROM, canonical, outranks, revision_of},
    sources::{MeshDoubt, RevisionConfig},
    values::InjectorValues,
};
use crate::{
    objects::{ConfigMap, Metadata, name::ObjectName},
    rules::Version,
    vocabulary::Policy,
};

/// `Mesh` is the configuration of all revisions.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// Every ConfigMap with a mesh configuration; istiod may be told to read any.
    texts: BTreeMap<ObjectName, Known<MeshText>>,
    /// What ConfigMaps that are in no cluster were made from.
    made_from: BTreeMap<ObjectName, String>,
    /// istiod, by the workload that makes it.
    control_planes: BTreeMap<ObjectName, ControlPlane>,
    /// What is known not to be there.
    coverage: MeshCoverage,
    /// What follows from these, by revision; the default one is the empty string.
    configs: HashMap<String, RevisionConfig>,
    injectors: HashMap<String, InjectorState>,
    /// The revision that a tag stands for.
    tags: HashMap<String, String>,
}

/// What is known of an injector's ConfigMap.
#[derive(Clone, Debug)]
struct InjectorState {
    map: ObjectName,
    known: Known<Injector>,
}

impl Mesh {
    /// Whether a ConfigMap has a mesh configuration or an injector's values in it, whosever they are.
    pub(crate) fn has_configuration(object: &ConfigMap) -> bool {
        let is_injector = revision_of(&object.metadata.name, "istio-sidecar-injector").is_some();
        object
            .data
            .contains_key(if is_injector { "values" } else { "mesh" })
    }

    /// Takes a ConfigMap in. Whether it is one of Istio's: others are kept as well, for istiod may be
    /// told to read them. What Istio refuses is named in the log, and is in doubt.
    pub fn apply(&mut self, object: &ConfigMap) -> bool {
        let Metadata {
            name, namespace, ..
        } = &object.metadata;
        let map = object_name(namespace, name);
        match object.metadata.annotations.get(MADE_FROM) {
            Some(origin) => drop(self.made_from.insert(map.clone(), origin.clone())),
            None => drop(self.made_from.remove(&map)),
        }
        if let Some(revision) = revision_of(name, "istio-sidecar-injector") {
            return self.apply_injector(revision, object);
        }
        let Some(text) = object.data.get("mesh") else {
            return false;
        };
        let read = MeshText::read(text);
        if let Err(refused) = &read
            && revision_of(name, "istio").is_some()
        {
            warn!(config_map = %name, key = "mesh", %refused, "Istio refuses the mesh configuration");
        }
        self.texts.entry(map.clone()).or_default().set(read);
        self.settle();
        revision_of(name, "istio").is_some() || self.is_shared(&map)
    }

    fn apply_injector(&mut self, revision: &str, object: &ConfigMap) -> bool {
        let Metadata {
            name, namespace, ..
        } = &object.metadata;
        let Some(values) = object.data.get("values") else {
            return false;
        };
        let known = self.injectors.get(canonical(revision));
        if known.is_some_and(|known| outranks(&known.map.namespace, namespace)) {
            return true;
        }
        let values = InjectorValues::read(values);
        if let Err(refused) = &values {
            warn!(config_map = %name, key = "values", %refused, "Istio refuses the injector's values");
        }
        let config = object
            .data
            .get("config")
            .map(|text| serde_saphyr::from_str(text));
        let map = object_name(namespace, name);
        let injector = values.map(|values| Injector {
            name: self.told(&map),
            values,
            // Templates of people's own may be anything; what they select is said plainly.
            config: config.and_then(Result::ok).unwrap_or_default(),
        });
        let state = self.injectors.entry(canonical(revision).to_owned());
        let state = state.or_insert_with(|| InjectorState {
            map: map.clone(),
            known: Known::default(),
        });
        if state.map != map {
            *state = InjectorState {
                map,
                known: Known::default(),
            };
        }
        state.known.set(injector);
        self.settle();
        true
    }

    /// Forgets a ConfigMap. Whether anything was known from it.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let map = object_name(namespace, name);
        let had_text = self.texts.remove(&map).is_some();
        self.made_from.remove(&map);
        let n_before = self.injectors.len();
        self.injectors.retain(|_, state| state.map != map);
        self.settle();
        had_text || self.injectors.len() < n_before
    }

    /// Takes in what a workload says of istiod, or that it makes none. Whether that changes anything.
    pub(crate) fn set_control_plane(
        &mut self,
        name: ObjectName,
        own: Option<ControlPlane>,
    ) -> bool {
        let before = match own.clone() {
            Some(own) => self.control_planes.insert(name, own),
            None => self.control_planes.remove(&name),
        };
        if before == own {
            return false;
        }
        self.settle();
        true
    }

    /// Whether a ConfigMap is one of those that hold a mesh configuration, by its name or because istiod
    /// is told to read it.
    pub fn is_mesh_config(&self, namespace: &str, name: &str) -> bool {
        revision_of(name, "istio").is_some() || self.is_shared(&object_name(namespace, name))
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

    /// Whether the last state of some ConfigMap is refused.
    pub fn is_unreadable(&self) -> bool {
        let mut injectors = self.injectors.values();
        let mut texts = self.texts.iter();
        injectors.any(|state| state.known.refused.is_some())
            || texts.any(|(map, known)| {
                let counts = revision_of(&map.name, "istio").is_some() || self.is_shared(map);
                counts && known.refused.is_some()
            })
    }

    /// Takes in what is known not to be there. Whether that changes anything.
    pub(crate) fn set_coverage(&mut self, coverage: MeshCoverage) -> bool {
        if self.coverage == coverage {
            return false;
        }
        self.coverage = coverage;
        self.settle();
        true
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

    /// The mesh configuration of a revision: where it is in doubt, what istiod has had before or begins
    /// with.
    pub fn config(&self, revision: &str) -> Option<&MeshConfig> {
        self.of(&self.configs, revision).map(|config| &config.mesh)
    }

    /// Why the mesh configuration of a revision is in doubt, if it is.
    pub fn doubt(&self, revision: &str) -> Option<&MeshDoubt> {
        self.of(&self.configs, revision)?.doubt.as_ref()
    }

    /// What sidecars of a revision do with what the mesh does not know.
    pub fn outbound_mode(&self, revision: &str) -> Option<OutboundMode> {
        self.of(&self.configs, revision)?.mode
    }

    /// The same in two words.
    pub fn policy(&self, revision: &str) -> Option<Policy> {
        self.outbound_mode(revision).map(OutboundMode::policy)
    }

    /// The object that says so, for people.
    pub fn config_name(&self, revision: &str) -> Option<String> {
        let config = self.of(&self.configs, revision)?;
        Some(format!("ConfigMap {}", config.of_policy))
    }

    /// The ConfigMap that a revision's (or a tag's) mesh configuration stands in, whether or not it is
    /// known, for people.
    pub fn wanted_config(&self, revision: &str) -> String {
        match self.of(&self.configs, revision) {
            Some(config) => format!("ConfigMap {}", config.own),
            None => format!(
                "ConfigMap {} of the control plane's namespace",
                own_name(self.revision(revision))
            ),
        }
    }

    /// The ConfigMap of a revision's (or a tag's) injector, by its name alone.
    pub fn wanted_injector(&self, revision: &str) -> String {
        let suffix = own_name(self.revision(revision));
        format!(
            "istio-sidecar-injector{}",
            suffix.trim_start_matches("istio")
        )
    }

    /// istiod of a revision.
    pub fn control_plane(&self, revision: &str) -> Option<&ControlPlane> {
        let revision = self.revision(revision);
        let mut planes = self.control_planes.values();
        planes.find(|plane| plane.revision == revision)
    }

    /// A variable of istiod's environment, as its workload or else the injector's values have it.
    pub fn istiod_variable(&self, revision: &str, name: &str) -> Option<&str> {
        match self.control_plane(revision) {
            Some(plane) => plane.variable(name),
            None => self
                .injector(revision)?
                .values
                .pilot
                .env
                .get(name)?
                .as_str(),
        }
    }

    /// Every injector by its revision, the default one (empty) first.
    pub fn injectors(&self) -> Vec<(&str, &Injector)> {
        let all = self.injectors.iter();
        let mut all: Vec<_> = all
            .filter_map(|(revision, state)| Some((revision.as_str(), state.known.taken()?)))
            .collect();
        all.sort_by_key(|(revision, _)| *revision);
        all
    }

    /// The injector of a revision, unless its values are refused.
    pub fn injector(&self, revision: &str) -> Option<&Injector> {
        self.of(&self.injectors, revision)?.known.taken()
    }

    /// The version of a revision's istiod, by the values of its injector. ztunnel and istio-cni, whose
    /// version no pod of others shows, are taken to have the same.
    pub fn istiods_version(&self, revision: &str) -> Option<Version> {
        let injector = self.injector(revision)?;
        Version::of_tag(&injector.values.global.tag)
    }

    /// Why the values of a revision's injector are refused, if they are, for people.
    pub fn injector_refused(&self, revision: &str) -> Option<String> {
        let state = self.of(&self.injectors, revision)?;
        let refused = state.known.refused.as_ref()?;
        Some(format!(
            "Istio refuses the values of ConfigMap {} ({refused}): an istiod that runs goes on with those \
             it had before, one that starts injects nothing",
            state.map
        ))
    }
}

/// The ConfigMap of a revision's mesh configuration (`pilot/pkg/bootstrap/mesh.go`
/// `getMeshConfigMapName`).
fn own_name(revision: &str) -> String {
    match canonical(revision) {
        "" => "istio".to_owned(),
        revision => format!("istio-{revision}"),
    }
}

fn object_name(namespace: &str, name: &str) -> ObjectName {
    ObjectName {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
