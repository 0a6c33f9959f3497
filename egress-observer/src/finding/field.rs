//! Fields of a line: text that is not copied to be written, and what is read as far as it can be.

use std::{borrow::Cow, fmt::Display};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

use egress_observer_istio::vocabulary::RegistryMatch;

/// Text of a line.
pub(crate) enum LineText<'a> {
    /// It is written as the value displays itself.
    #[cfg_attr(
        not(feature = "agent"),
        expect(dead_code, reason = "only an agent writes lines")
    )]
    Shown(&'a dyn Display),
    /// It was read.
    Read(Cow<'a, str>),
}

/// The text of a value.
#[cfg(feature = "agent")]
pub(super) fn shown<T: Display>(value: &T) -> LineText<'_> {
    LineText::Shown(value)
}

impl<'a> LineText<'a> {
    /// The text alone.
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Shown(value) => value.to_string().into(),
            Self::Read(text) => text,
        }
    }

    /// The text, kept.
    pub(crate) fn into_string(self) -> String {
        self.into_text().into_owned()
    }
}

impl Serialize for LineText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(value) => serializer.collect_str(value),
            Self::Read(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LineText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// On its own, a `Cow` is copied.
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Borrowed<'b>(#[serde(borrow)] Cow<'b, str>);

        Borrowed::deserialize(deserializer).map(|text| Self::Read(text.0))
    }
}

/// Reads text; anything else is nothing.
pub(super) fn text<'de, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<LineText<'a>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(LineText::Read(text.into())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    })
}

/// Reads a word of a closed set; anything else is nothing.
pub(super) fn word<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).ok())
}

/// Reads what the mesh knows of a destination. An explanation has an object here.
pub(super) fn registry<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RegistryMatch>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let word = value.get("match").unwrap_or(&value);
    Ok(RegistryMatch::deserialize(word).ok())
}
