//! Kubernetes objects, as YAML that helm and kubectl print.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// All objects of a text with several documents; empty documents are none.
pub fn read(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("not YAML")?;
    let objects: Vec<Value> = documents.into_iter().filter(|d| !d.is_null()).collect();
    for object in &objects {
        object["kind"].as_str().context("an object has no kind")?;
        object["metadata"]["name"]
            .as_str()
            .context("an object has no name")?;
    }
    Ok(objects)
}

pub fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

/// Kind and name, for messages and to find an object again.
pub fn title(object: &Value) -> String {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{} {namespace}/{name}", kind(object)),
        None => format!("{} {name}", kind(object)),
    }
}

/// A list, or nothing if there is none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The texts of a list of texts.
pub fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}
