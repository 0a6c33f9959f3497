//! What an object declares.

use std::sync::Arc;

use super::{
    claim::{Claim, RegistryEntry},
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    reader::Namespaces,
};
use crate::{objects::Metadata, vocabulary::Export};

/// What an object declares, and what of it cannot be read.
#[derive(Debug)]
pub(super) struct Declaration {
    pub(super) object: ObjectRef,
    pub(super) claims: Vec<Arc<Claim>>,
    pub(super) problems: Vec<UnreadableValue>,
}

/// An object's entry, as far as all kinds have the same. The namespaces that it names are known from
/// then on.
pub(super) fn entry(
    kind: ObjectKind,
    metadata: &Metadata,
    export_to: &[String],
    namespaces: &mut Namespaces,
) -> RegistryEntry {
    let mut object = ObjectRef::new(kind, &metadata.namespace, &metadata.name);
    let (namespace, name) = namespaces.intern(&object.namespace);
    for word in Export::of(export_to, &[]).namespaces(&name) {
        namespaces.intern(word);
    }
    object.namespace = name;
    RegistryEntry {
        object,
        created: metadata.creation_timestamp.clone(),
        resolution: String::new(),
        location: String::new(),
        export_to: export_to.to_vec(),
        namespace,
    }
}
