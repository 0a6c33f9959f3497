//! What every object has.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, de::DeserializeOwned};

/// What every object has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    /// RFC 3339; empty in files that people write.
    pub creation_timestamp: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub owner_references: Vec<OwnerReference>,
}

/// `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    pub kind: String,
    pub name: String,
    pub controller: bool,
}

/// An object, whatever its kind.
pub trait AnyObject: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// `metadata`.
    fn metadata(&self) -> &Metadata;

    /// The same, to change it.
    fn metadata_mut(&mut self) -> &mut Metadata;

    /// What it calls itself, where several kinds are read alike.
    fn own_kind(&self) -> Option<&str> {
        None
    }

    /// Without what nobody reads.
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
