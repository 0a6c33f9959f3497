//! What an object declares.

use std::{
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::Arc,
};

use super::{
    claim::Claim,
    host_entry::{HostEntry, RegistryEntry},
    named_waypoint::NamedWaypoint,
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    reader::Namespaces,
};
use crate::{objects::Metadata, vocabulary::Export};

/// What an object declares, and what of it cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    pub(super) object: ObjectRef,
    pub(super) hosts: Vec<Arc<HostEntry>>,
    pub(super) problems: Vec<UnreadableValue>,
}

impl Declaration {
    /// Every host at every port.
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.hosts.iter().flat_map(Claim::all)
    }
}

/// An object's entry, as far as all kinds have the same. The namespaces that it names are known from
/// then on. Its `resolution` and selector must be equal, besides its labels and `exportTo`, in entries
/// that Istio merges.
pub(super) fn entry(
    kind: ObjectKind,
    metadata: &Metadata,
    export_to: &[String],
    (resolution, selector): (&str, impl Hash),
    namespaces: &mut Namespaces,
) -> RegistryEntry {
    let mut object = ObjectRef::new(kind, &metadata.namespace, &metadata.name);
    let (namespace, name) = namespaces.intern(&object.namespace);
    for word in Export::of(export_to, &[]).namespaces(&name) {
        namespaces.intern(word);
    }
    object.namespace = name;
    let mut words = export_to.to_vec();
    words.sort_unstable();
    words.dedup();
    let mut digest = DefaultHasher::new();
    (&metadata.labels, selector).hash(&mut digest);
    let selects_as = digest.finish();
    (selects_as, words, resolution).hash(&mut digest);
    RegistryEntry {
        object,
        created: metadata.creation_timestamp.clone(),
        resolution: resolution.to_owned(),
        location: String::new(),
        export_to: export_to.to_vec(),
        has_no_endpoints: false,
        namespace,
        waypoint: NamedWaypoint::of(&metadata.labels),
        merges_as: digest.finish(),
        selects_as,
    }
}
