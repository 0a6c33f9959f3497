//! Why Istio refuses a document.

use std::fmt;

use thiserror::Error;

use super::yaml::YamlError;

/// Why Istio refuses a document as a whole.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// It is no YAML.
    NotYaml(YamlError),
    /// A field has a value that it cannot have.
    Field {
        /// The field's path; empty for the document itself.
        field: String,
        /// What stands there, as JSON.
        value: String,
        /// What should.
        expected: &'static str,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYaml(problem) => write!(f, "it is not YAML: {problem}"),
            Self::Field {
                field,
                value,
                expected,
            } => {
                let field = if field.is_empty() {
                    "the document"
                } else {
                    field
                };
                write!(f, "{field}: {value} is not {expected}")
            }
        }
    }
}

impl Refused {
    /// The field's path; empty where the document as a whole is wrong.
    pub fn field(&self) -> &str {
        match self {
            Self::NotYaml(_) => "",
            Self::Field { field, .. } => field,
        }
    }

    /// What stands there, as JSON.
    pub fn value(&self) -> &str {
        match self {
            Self::NotYaml(_) => "",
            Self::Field { value, .. } => value,
        }
    }

    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::NotYaml(_) => "write it as YAML".to_owned(),
            Self::Field {
                value, expected, ..
            } if expected.starts_with("text") && !value.starts_with(['[', '{']) => {
                format!("put it in quotes: \"{value}\"")
            }
            Self::Field { expected, .. } => format!("write {expected}"),
        }
    }
}
