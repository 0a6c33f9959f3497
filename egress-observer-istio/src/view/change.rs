//! What happens to objects.

use std::collections::HashSet;

use tracing::warn;

use crate::{
    injection::pod,
    objects::{
        kinds::{Kind, Object},
        name::ObjectName,
    },
};

/// What happened to an object.
#[derive(Clone, Debug)]
pub enum ObjectChange {
    /// The object is there, new or with another content than before.
    Set(Box<Object>),
    /// The object of this kind and name is gone.
    Removed(Kind, ObjectName),
}

impl ObjectChange {
    /// Whether the change may alter how connections are judged, other than by who makes them:
    /// whether it is about anything but pods.
    pub fn of_configuration(&self) -> bool {
        match self {
            Self::Set(object) => !matches!(**object, Object::Pod(_)),
            Self::Removed(kind, _) => *kind != Kind::Pod,
        }
    }
}

/// Objects that are all there at once, as changes in the order that costs least: what all others are
/// read by first, and last the pods, which depend on everything.
pub fn all_at_once(mut objects: Vec<Object>) -> Vec<ObjectChange> {
    objects.sort_by_key(|object| rank(object.kind()));
    let mut uids = HashSet::new();
    for object in &mut objects {
        let Object::Pod(pod) = object else { continue };
        // People copy files. The name is as good, but for telling whose a cgroup is.
        let uid = pod::uid(&pod.metadata);
        if !uid.is_empty() && !uids.insert(uid.to_owned()) {
            let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
            warn!(
                namespace,
                name, uid, "a pod with the uid of another: told by its name alone"
            );
            pod.metadata.uid.clear();
            pod.metadata.annotations.remove(pod::MIRROR);
        }
    }
    let changes = objects.into_iter();
    changes
        .map(|object| ObjectChange::Set(Box::new(object)))
        .collect()
}

fn rank(kind: Kind) -> u8 {
    if kind == Kind::ConfigMap {
        0
    } else if kind == Kind::Pod {
        3
    } else {
        1 + u8::from(kind == Kind::ServiceEntry)
    }
}
