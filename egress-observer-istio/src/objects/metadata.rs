//! What every object has.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, de::DeserializeOwned};

/// What every object has in its `metadata`. What is absent there is empty here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    /// When the object was made, as RFC 3339 has it; empty in files that people write.
    pub creation_timestamp: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub owner_references: Vec<OwnerReference>,
}

/// One of `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    pub kind: String,
    pub name: String,
    /// Whether the owner is the one that manages the object; at most one is.
    pub controller: bool,
}

/// An object, whatever its kind.
pub trait AnyObject: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// The object's `metadata`.
    fn metadata(&self) -> &Metadata;

    /// The object's `metadata`, to change it.
    fn metadata_mut(&mut self) -> &mut Metadata;

    /// The `kind` that the object calls itself, where several kinds are read as one type.
    fn own_kind(&self) -> Option<&str> {
        None
    }

    /// The object without what nobody reads, for the memory that it takes.
    fn trimmed(self) -> Self {
        self
    }
}

macro_rules! with_metadata {
    ($($object:ty)+) => {
        $(impl $crate::objects::metadata::AnyObject for $object {
            fn metadata(&self) -> &$crate::objects::metadata::Metadata {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut $crate::objects::metadata::Metadata {
                &mut self.metadata
            }
        })+
    };
}
pub(super) use with_metadata;
