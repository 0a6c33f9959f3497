//! Which parts of a mesh's configuration are known not to be there, and which may be there unseen.

use std::collections::BTreeSet;

use crate::objects::name::ObjectName;

/// `MeshCoverage` is what is known of what is not there. Files say nothing of it: what they do not give
/// may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshCoverage {
    /// Whether istiods may be there unseen, as their Deployments may not be read.
    pub istiods_hidden: bool,
    /// ConfigMaps that were looked for: one that is not known is not there.
    pub listed: BTreeSet<ObjectName>,
    /// ConfigMaps that may be there unseen.
    pub hidden: BTreeSet<ObjectName>,
}

/// What it means that an object is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Nobody gave it.
    NotGiven,
    /// It is not there.
    NotThere,
    /// Nobody may look.
    Hidden,
}

impl MeshCoverage {
    pub(super) fn absence(&self, map: &ObjectName) -> Absence {
        if self.hidden.contains(map) {
            Absence::Hidden
        } else if self.listed.contains(map) {
            Absence::NotThere
        } else {
            Absence::NotGiven
        }
    }
}
