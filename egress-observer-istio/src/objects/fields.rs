//! Reading the fields of an object, and saying which of them is wrong.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use thiserror::Error;

/// A field of an object has the wrong type, or is missing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("field `{field}`: {message}")]
pub struct FieldError {
    /// The field's path, such as `spec.hosts[0]`.
    pub field: String,
    /// What stands there, as JSON, cut where it is long; empty if nothing does.
    pub value: String,
    /// What is wrong with the value.
    pub message: String,
    expected: Expected,
}

/// So much of a value is shown.
const SHOWN: usize = 60;

/// Reads an object as far as its type says. Fields that are `null` count as absent, as they do for
/// Kubernetes; the error is about the first field that has the wrong type.
pub fn read_value<T: DeserializeOwned>(mut value: Value) -> Result<T, FieldError> {
    drop_nulls(&mut value);
    // The field's path costs as much as the rest, and is wanted only where something is wrong.
    if let Ok(object) = T::deserialize(&value) {
        return Ok(object);
    }
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let place = at(&value, error.path());
        FieldError::new(error.path().to_string(), place, &error.inner().to_string())
    })
}

/// Drops fields that are `null`: to Kubernetes that is the same as absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What stands at a path.
fn at<'v>(value: &'v Value, path: &serde_path_to_error::Path) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

pub(crate) fn shown(value: Option<&Value>) -> String {
    let mut text = value.map_or_else(String::new, Value::to_string);
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

impl FieldError {
    fn new(field: String, value: Option<&Value>, message: &str) -> Self {
        let value = shown(value);
        let expected = Expected::of(message);
        let message = match expected.in_words() {
            Some(words) => format!("{value} is not {words}"),
            None => message.replacen("missing field", "there is no field", 1),
        };
        Self {
            field,
            value,
            message,
            expected,
        }
    }

    /// What to do about the field, by what the reader expected to stand there; nothing where the
    /// message alone is all that can be said.
    pub fn fix(&self) -> Option<&'static str> {
        match self.expected {
            Expected::Field => Some("add the field"),
            Expected::List => Some("write a list, also of one: [...]"),
            Expected::Text => {
                let has_parts = self.value.starts_with(['[', '{']);
                (!has_parts).then_some("put the value in quotes")
            }
            Expected::Port => {
                Some("write a whole number from 1 to 65535, as ports are, without quotes")
            }
            Expected::Number => Some("write a whole number, without quotes"),
            Expected::Truth => Some("write true or false, without quotes"),
            Expected::Fields => Some("write fields below it, as `name: value`"),
            Expected::Other => None,
        }
    }
}

/// What should stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A field that is not there.
    Field,
    List,
    Text,
    /// A number as ports have.
    Port,
    Number,
    Truth,
    /// An object.
    Fields,
    /// Something that its type says in words.
    Other,
}

impl Expected {
    /// What the reader says it is, in the words of its own types.
    fn of(message: &str) -> Self {
        let (_, expected) = message.split_once("expected ").unwrap_or_default();
        let words = [
            ("a sequence", Self::List),
            ("a string", Self::Text),
            ("a borrowed string", Self::Text),
            ("u16", Self::Port),
            ("u8", Self::Number),
            ("u32", Self::Number),
            ("u64", Self::Number),
            ("i32", Self::Number),
            ("i64", Self::Number),
            ("a boolean", Self::Truth),
            ("a map", Self::Fields),
            ("struct", Self::Fields),
        ];
        let found = words.iter().find(|(word, _)| expected.starts_with(word));
        match found {
            Some((_, expected)) => *expected,
            None if message.starts_with("missing field") => Self::Field,
            None => Self::Other,
        }
    }

    const fn in_words(self) -> Option<&'static str> {
        Some(match self {
            Self::List => "a list",
            Self::Text => "text",
            Self::Port => "the number of a port",
            Self::Number => "a whole number in range",
            Self::Truth => "true or false",
            Self::Fields => "fields, as `name: value`",
            Self::Field | Self::Other => return None,
        })
    }
}

/// The text of a field in an object's `metadata`, as it is written; empty if there is none.
pub fn metadata_text<'v>(object: &'v Value, field: &str) -> &'v str {
    let value = object
        .get("metadata")
        .and_then(|metadata| metadata.get(field));
    value.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::ServiceEntryObject;

    fn wrong(spec: Value) -> FieldError {
        let object = json!({"metadata": {"name": "a"}, "spec": spec});
        read_value::<ServiceEntryObject>(object).unwrap_err()
    }

    #[test]
    fn a_wrong_field_is_told_with_its_value_and_a_fix() {
        let error = wrong(json!({"hosts": "a.test"}));
        assert_eq!((&*error.field, &*error.value), ("spec.hosts", "\"a.test\""));
        assert_eq!(error.fix(), Some("write a list, also of one: [...]"));
        let error = wrong(json!({"hosts": [1]}));
        assert_eq!((&*error.field, &*error.value), ("spec.hosts[0]", "1"));
        assert_eq!(error.fix(), Some("put the value in quotes"));
        let error = wrong(json!({"hosts": [], "ports": [{"number": "80"}]}));
        assert_eq!(error.field, "spec.ports[0].number");
        assert!(error.fix().unwrap().contains("without quotes"));
        let error = wrong(json!({}));
        assert_eq!((&*error.value, error.fix()), ("{}", Some("add the field")));
    }

    #[test]
    fn a_long_value_is_cut() {
        let error = wrong(json!({"hosts": "é".repeat(100)}));
        assert!(error.value.ends_with("..."), "{}", error.value);
        assert_eq!(error.value.chars().count(), SHOWN + 3);
    }
}
