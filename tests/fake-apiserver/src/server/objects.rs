//! A server's objects, as tests change and see them.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::ApiServer;
use crate::{
    manifests,
    object::Key,
    resources::{self, Resource},
    transcript::{self, Event, Transcript},
};

impl ApiServer {
    /// Creates or replaces an object. One that is the same already changes nothing.
    pub fn apply(&self, object: Value) -> Result<()> {
        let resource = resource_of(&object)?;
        self.shared
            .change(|state| state.store.apply(resource, object))
    }

    /// Applies the objects of YAML documents.
    pub fn apply_yaml(&self, text: &str) -> Result<()> {
        let objects = manifests::parse(text)?;
        objects
            .into_iter()
            .try_for_each(|object| self.apply(object))
    }

    /// Applies the objects of a file, or of the files in a directory.
    pub fn load(&self, path: &Path) -> Result<()> {
        let objects = manifests::load(path)?;
        objects
            .into_iter()
            .try_for_each(|object| self.apply(object))
    }

    /// Makes the objects those of a directory: all of them are read before any is changed.
    pub fn become_like(&self, path: &Path) -> Result<()> {
        let objects = manifests::load(path)?;
        let mut wanted = BTreeSet::new();
        for object in &objects {
            let resource = resource_of(object)?;
            wanted.insert((resource.id, key_of(resource, object)));
        }
        objects
            .into_iter()
            .try_for_each(|object| self.apply(object))?;
        self.shared.change(|state| {
            for resource in resources::all() {
                for key in state.store.objects(resource).into_keys() {
                    if !wanted.contains(&(resource.id, key.clone())) {
                        state.store.delete(resource, &key)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Deletes an object of a resource, such as `pods`; the namespace is empty for those in none.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) -> Result<()> {
        let resource = resources::known(resource)?;
        let key = Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.shared
            .change(|state| state.store.delete(resource, &key))
    }

    /// The objects of a resource, without kind and version.
    pub fn objects(&self, resource: &str) -> Result<Vec<Value>> {
        let objects = self
            .shared
            .state()
            .store
            .objects(resources::known(resource)?);
        Ok(objects.values().map(|object| object.value()).collect())
    }

    /// The version of the whole.
    pub fn version(&self) -> u64 {
        self.shared.state().store.version()
    }

    /// Forgets what happened: watches from before get 410. Those that run go on.
    pub fn compact(&self) {
        self.shared.change(|state| state.store.compact());
    }

    /// Makes the storage go through everything that was recorded, in the recorded versions.
    pub fn replay(&self, transcript: &Transcript) -> Result<()> {
        let mut events = transcript.events().iter();
        events.try_for_each(|event| self.replay_event(transcript, event))
    }

    /// One step of [`Self::replay`].
    pub fn replay_event(&self, transcript: &Transcript, event: &Event) -> Result<()> {
        let resource = transcript.resource;
        self.shared
            .change(|state| transcript::record(&mut state.store, resource, event))
    }

    /// From now on every watch of the transcript's resource gets its lines, byte for byte, and
    /// nothing else.
    pub fn answer_with(&self, transcript: &Transcript) {
        let (id, text) = (transcript.resource.id, transcript.text.clone());
        self.shared.change(|state| state.recorded.insert(id, text));
    }
}

fn resource_of(object: &Value) -> Result<&'static Resource> {
    let [version, kind] =
        ["apiVersion", "kind"].map(|field| object[field].as_str().unwrap_or_default());
    resources::by_kind(version, kind)
        .with_context(|| format!("the API server knows no kind `{kind}` of `{version}`"))
}

/// The key that an object will have.
fn key_of(resource: &Resource, object: &Value) -> Key {
    let default = if resource.namespaced { "default" } else { "" };
    let metadata = &object["metadata"];
    Key {
        namespace: metadata["namespace"].as_str().unwrap_or(default).to_owned(),
        name: metadata["name"].as_str().unwrap_or_default().to_owned(),
    }
}
