//! A part of a text as values: YAML, or JSON values one behind the other.

use serde_json::Value;

use super::{documents::DocumentPart, plain::quoted};
use crate::yaml_fault::YamlFault;

/// Where a document is broken: the line of its file, and how.
pub(super) type Broken = (u64, YamlFault);

/// The documents of a part.
pub(super) fn values(part: &DocumentPart<'_>) -> Result<Vec<Value>, Broken> {
    match serde_saphyr::from_multiple_with_options(&quoted(part.text), options()) {
        Ok(documents) => Ok(documents),
        Err(_) if let Some(documents) = json_documents(part.text) => Ok(documents),
        Err(error) => Err(told(error.without_snippet(), part)),
    }
}

/// Several JSON values one behind the other, each on a line of its own or not: no YAML.
fn json_documents(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.collect::<Result<_, _>>().ok()
}

fn told(error: &serde_saphyr::Error, part: &DocumentPart<'_>) -> Broken {
    // The reader has seen this document alone.
    let at = error
        .location()
        .map_or(1, |location| location.line().max(1));
    let fault = if part.text.contains("{{") {
        YamlFault::Template
    } else {
        let line = part.text.lines().nth((at - 1) as usize);
        YamlFault::of(&error.to_string(), line.unwrap_or_default())
    };
    (part.line + at, fault)
}

/// A cluster's objects in one file are many; limits against aliases that multiply stay.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: usize::MAX,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_total_comment_bytes: usize::MAX,
        },
    }
}
