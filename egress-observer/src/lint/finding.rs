//! One fault in one place.

use std::{fmt, path::Path, sync::Arc};

use super::code::LintCode;
use egress_observer_istio::{injection::pod, manifests::Located, objects::Metadata};

/// An object in a file. The order is that of reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectPlace {
    /// The file, as it was given.
    pub path: Arc<Path>,
    /// `metadata.namespace`; `default` where it is absent, empty for what has none.
    pub namespace: String,
    /// The object's kind.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ObjectPlace {
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
pub struct LintFinding {
    /// Where.
    pub place: ObjectPlace,
    /// What kind of fault.
    pub code: LintCode,
    /// The field's path in the object.
    pub field: String,
    /// What stands there; empty if nothing does.
    pub value: String,
    /// What is wrong, and what Istio does with it.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl ObjectPlace {
    /// Where an object stands.
    pub(super) fn of(located: &Located, kind: &str, metadata: &Metadata) -> Self {
        Self {
            path: Arc::clone(&located.path),
            namespace: pod::namespace(&metadata.namespace).to_string(),
            kind: kind.to_owned(),
            name: metadata.name.clone(),
        }
    }

    /// `Kind/namespace/name`, as suppressions and reports name it.
    pub(super) fn resource(&self) -> String {
        if self.namespace.is_empty() {
            format!("{}/{}", self.kind, self.name)
        } else {
            format!("{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }

    /// A fault here.
    pub(super) fn finding(
        &self,
        code: LintCode,
        field: impl Into<String>,
        value: impl ToString,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> LintFinding {
        LintFinding {
            place: self.clone(),
            code,
            field: field.into(),
            value: value.to_string(),
            message: message.into(),
            fix: fix.into(),
        }
    }
}
