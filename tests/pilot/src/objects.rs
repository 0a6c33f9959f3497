//! Manifests as they are: kind, metadata, the rest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Labels, annotations.
pub type Labels = BTreeMap<String, String>;

/// Which object: kind, namespace, name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// One object of the manifests.
#[derive(Clone, Debug)]
pub struct Object {
    pub reference: ObjectRef,
    pub labels: Labels,
    pub annotations: Labels,
    /// `metadata.creationTimestamp`, which sorts as text; none is before all others.
    pub created: String,
    pub value: Value,
}

impl Object {
    /// Nothing for what has no kind or name.
    pub fn read(value: &Value) -> Option<Self> {
        let metadata = &value["metadata"];
        let [namespace, created] = ["namespace", "creationTimestamp"]
            .map(|field| metadata[field].as_str().unwrap_or_default().to_owned());
        Some(Self {
            reference: ObjectRef {
                kind: value["kind"].as_str()?.to_owned(),
                namespace,
                name: metadata["name"].as_str()?.to_owned(),
            },
            labels: labels(&metadata["labels"]),
            annotations: labels(&metadata["annotations"]),
            created,
            value: value.clone(),
        })
    }

    pub fn namespace(&self) -> &str {
        &self.reference.namespace
    }

    pub fn name(&self) -> &str {
        &self.reference.name
    }

    pub fn is(&self, kind: &str) -> bool {
        self.reference.kind == kind
    }
}

/// A map of texts.
pub(crate) fn labels(value: &Value) -> Labels {
    value
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Whether all of the selector's labels are among those.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

/// All objects of values, those in lists apart.
pub fn all(values: &[Value]) -> Vec<Object> {
    values
        .iter()
        .flat_map(|value| match value["items"].as_array() {
            Some(items)
                if value["kind"]
                    .as_str()
                    .is_some_and(|kind| kind.ends_with("List")) =>
            {
                items.iter().collect()
            }
            _ => vec![value],
        })
        .filter_map(Object::read)
        .collect()
}

/// The documents of a file of YAML or JSON.
pub fn read_file(path: &Path) -> Result<Vec<Value>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_yaml(&text).with_context(|| format!("cannot read {}", path.display()))
}

/// The documents of a text of YAML or JSON.
pub fn read_yaml(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents
        .into_iter()
        .filter(|value| !value.is_null())
        .collect())
}
