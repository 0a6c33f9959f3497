//! Installations among what was read, and the ConfigMaps that come of them.

use std::sync::Arc;

use super::{
    reading::{Located, Reading},
    remark::{LocatedInstallation, Remark},
};
use crate::objects::{ConfigMap, kinds::Object, name::ObjectName};

impl LocatedInstallation {
    fn origin(&self) -> String {
        let path = self.path.display();
        let of = &self.installation.of;
        if of.name.is_empty() {
            format!("{path}")
        } else {
            format!("{of} in {path}")
        }
    }

    fn objects(&self) -> impl Iterator<Item = Located> {
        let maps = self.installation.config_maps(&self.origin()).into_iter();
        maps.map(|map: ConfigMap| Located {
            object: Object::ConfigMap(map),
            path: Arc::clone(&self.path),
        })
    }
}

impl Reading {
    /// Makes the ConfigMaps of the installations that were found among objects. One that is there counts
    /// in place of what would be made: it is what istiod reads.
    pub(super) fn install_found(&mut self) {
        for one in merged(std::mem::take(&mut self.installations)) {
            for made in one.objects() {
                let name = ObjectName::of(&made.object);
                if self.position(&name).is_some() {
                    let text = format!(
                        "{}: ConfigMap {name} is there, and counts",
                        one.installation.of
                    );
                    self.remarks.push(Remark {
                        path: Arc::clone(&one.path),
                        text,
                    });
                } else {
                    self.objects.push(made);
                }
            }
        }
    }

    /// Makes the ConfigMaps of installations that are asked for: they count in place of those that are
    /// there.
    pub(super) fn install_given(&mut self, given: Vec<LocatedInstallation>) {
        for one in merged(given) {
            for made in one.objects() {
                let name = ObjectName::of(&made.object);
                match self.position(&name) {
                    Some(at) => {
                        let path = std::mem::replace(&mut self.objects[at], made).path;
                        let origin = one.origin();
                        self.remarks.push(Remark {
                            path,
                            text: format!("ConfigMap {name} does not count: {origin} does"),
                        });
                    }
                    None => self.objects.push(made),
                }
            }
        }
    }

    /// The place of the last ConfigMap of a name.
    fn position(&self, name: &ObjectName) -> Option<usize> {
        self.objects.iter().rposition(|located| {
            matches!(located.object, Object::ConfigMap(_))
                && ObjectName::of(&located.object) == *name
        })
    }
}

/// One for each control plane, what is given later on top.
fn merged(all: Vec<LocatedInstallation>) -> Vec<LocatedInstallation> {
    let mut merged: Vec<LocatedInstallation> = Vec::new();
    for one in all {
        let mut known = merged.iter_mut();
        match known.find(|known| known.installation.is_same_as(&one.installation)) {
            Some(known) => {
                known.installation.overlay(&one.installation);
                known.path = one.path;
            }
            None => merged.push(one),
        }
    }
    merged
}
