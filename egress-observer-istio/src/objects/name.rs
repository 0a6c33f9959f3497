//! What an object is called among those of its kind.

use std::fmt;

use super::kinds::{Kind, Object};

/// An absent namespace is this one, as `kubectl` has it.
const DEFAULT: &str = "default";

/// Namespace and name of an object; the namespace is empty for what has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

impl ObjectName {
    /// The name of an object, in the namespace `default` where it is in one and does not say which.
    pub fn of(object: &Object) -> Self {
        let metadata = object.metadata();
        Self::new(object.kind(), &metadata.namespace, &metadata.name)
    }

    /// The name of an object of a kind, by the namespace as it is written: an absent one is
    /// `default` for kinds that are in namespaces, and left out for others.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        let namespace = if !kind.facts().namespaced {
            ""
        } else if namespace.is_empty() {
            DEFAULT
        } else {
            namespace
        };
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}
