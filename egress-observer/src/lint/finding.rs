//! One fault in one place.

use std::{fmt, path::Path, sync::Arc};

use super::code::Code;

/// An object in a file. The order is that of reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was given.
    pub path: Arc<Path>,
    /// `metadata.namespace`; `default` where it is absent, empty for what has none.
    pub namespace: String,
    /// The object's kind.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for Place {
    /// Without the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// A fault. Everything but the code may hold text from manifests, of any kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What kind of fault.
    pub code: Code,
    /// The field's path in the object.
    pub field: String,
    /// What stands there; empty if nothing does.
    pub value: String,
    /// What is wrong, and what Istio does with it.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl Place {
    /// A fault here.
    pub(super) fn finding(
        &self,
        code: Code,
        field: impl Into<String>,
        value: impl ToString,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding {
            place: self.clone(),
            code,
            field: field.into(),
            value: value.to_string(),
            message: message.into(),
            fix: fix.into(),
        }
    }
}
