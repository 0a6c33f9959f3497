//! What a reading of files changes: what is there now, and what is gone.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    path::Path,
    sync::Arc,
};

use tracing::warn;

use crate::metrics::health::ObjectCounts;
use egress_observer_istio::{
    injection::pod,
    manifests::{Fault, Reading, Unreadable},
    objects::{
        kinds::{Kind, Object},
        name::ObjectName,
    },
    view::change::{self, ObjectChange},
};

/// What a reading of the files changes.
#[derive(Debug, Default)]
pub(crate) struct Reload {
    pub(crate) changes: Vec<ObjectChange>,
    pub(crate) counts: ObjectCounts,
}

/// The objects that files had so far, and in which file each was.
#[derive(Debug, Default)]
pub(super) struct KnownObjects(HashMap<(Kind, ObjectName), Arc<Path>>);

impl KnownObjects {
    /// Takes in what was read. What cannot be read leaves its last state in place; where it cannot be
    /// told what that is, everything that its file had.
    pub(super) fn take(&mut self, mut reading: Reading) -> Reload {
        let unreadable = mem::take(&mut reading.unreadable);
        let left = Left::by(&unreadable);
        let there = reading.objects.iter().map(|located| {
            let object = &located.object;
            let key = (object.kind(), ObjectName::of(object));
            (key, Arc::clone(&located.path))
        });
        let before = mem::replace(&mut self.0, there.collect());
        let (objects, repeated) = reading.unique();
        for repeated in repeated {
            warn!("{repeated}");
        }
        for object in &objects {
            warn_if_nobodys(object);
        }
        let mut changes = change::all_at_once(objects);
        for (key, path) in before {
            if self.0.contains_key(&key) {
                continue;
            }
            if left.has(&key, &path) {
                self.0.insert(key, path);
            } else {
                changes.push(ObjectChange::Removed(key.0, key.1));
            }
        }
        Reload {
            changes,
            counts: ObjectCounts {
                pods: self.n(Kind::Pod),
                config_maps: 0,
                service_entries: self.n(Kind::ServiceEntry),
                unreadable: count(&unreadable),
            },
        }
    }

    fn n(&self, kind: Kind) -> usize {
        let of_kind = self.0.keys().filter(|(known, _)| *known == kind);
        of_kind.count()
    }
}

/// A pod's cgroups are named by its uid.
fn warn_if_nobodys(object: &Object) {
    if let Object::Pod(pod) = object
        && pod::uid(&pod.metadata).is_empty()
    {
        let name = ObjectName::of(object);
        warn!(pod = %name, "has no metadata.uid: its connections cannot be told");
    }
}

fn count(unreadable: &[Unreadable]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for one in unreadable {
        let of = match &one.fault {
            Fault::Field { kind, .. } => kind.plural(),
            Fault::NotText | Fault::NotYaml(_) | Fault::NoKind | Fault::Installation { .. } => {
                "unknown"
            }
        };
        *counts.entry(of).or_default() += 1;
    }
    counts
}

/// What cannot be read, and so is left as it was.
struct Left<'r> {
    objects: HashSet<(Kind, &'r ObjectName)>,
    files: HashSet<&'r Path>,
}

impl<'r> Left<'r> {
    fn by(unreadable: &'r [Unreadable]) -> Self {
        let mut left = Self {
            objects: HashSet::new(),
            files: HashSet::new(),
        };
        for one in unreadable {
            match &one.fault {
                Fault::Field { kind, name, .. } => drop(left.objects.insert((*kind, name))),
                Fault::NotText | Fault::NotYaml(_) | Fault::NoKind | Fault::Installation { .. } => {
                    left.files.insert(&one.path);
                }
            }
        }
        left
    }

    fn has(&self, (kind, name): &(Kind, ObjectName), path: &Path) -> bool {
        self.objects.contains(&(*kind, name)) || self.files.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "kind: Pod\nmetadata: {name: a, uid: u1}\n";
    const B: &str = "kind: ServiceEntry\nmetadata: {name: b}\nspec: {hosts: [b.test]}\n";

    /// The names of what a text sets and removes.
    fn take(known: &mut KnownObjects, documents: &[&str]) -> (Vec<String>, Vec<String>) {
        let text = documents.join("---\n");
        let reload = known.take(Reading::of("shop.yaml".as_ref(), &text));
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for change in reload.changes {
            match change {
                ObjectChange::Set(object) => set.push(ObjectName::of(&object).name),
                ObjectChange::Removed(_, name) => removed.push(name.name),
            }
        }
        (set, removed)
    }

    fn expect(found: (Vec<String>, Vec<String>), set: &[&str], removed: &[&str]) {
        let (set, removed) = (set.iter(), removed.iter());
        let expected = (
            set.map(ToString::to_string),
            removed.map(ToString::to_string),
        );
        assert_eq!(found, (expected.0.collect(), expected.1.collect()));
    }

    #[test]
    fn what_is_there_no_more_is_gone() {
        let mut known = KnownObjects::default();
        expect(take(&mut known, &[A, B]), &["b", "a"], &[]);
        expect(take(&mut known, &[B]), &["b"], &["a"]);
        expect(take(&mut known, &[B]), &["b"], &[]);
    }

    #[test]
    fn an_object_that_cannot_be_read_stays_as_it_was() {
        let mut known = KnownObjects::default();
        take(&mut known, &[A, B]);
        let bad = "kind: ServiceEntry\nmetadata: {name: b}\nspec: {hosts: b.test}\n";
        expect(take(&mut known, &[bad]), &[], &["a"]);
        // Still: nothing told that it is gone.
        expect(take(&mut known, &[bad]), &[], &[]);
        expect(take(&mut known, &[]), &[], &["b"]);
    }

    #[test]
    fn where_it_cannot_be_told_what_is_broken_the_whole_file_stays() {
        let mut known = KnownObjects::default();
        take(&mut known, &[A, B]);
        expect(take(&mut known, &[A, "kind: [\n"]), &["a"], &[]);
        expect(take(&mut known, &[A]), &["a"], &["b"]);
    }

    #[test]
    fn what_cannot_be_read_is_counted_by_kind() {
        let text = "kind: [\n---\nkind: Pod\nmetadata: 1\n---\njust: text\n";
        let reload = KnownObjects::default().take(Reading::of("a.yaml".as_ref(), text));
        let expected = BTreeMap::from([("pods", 1), ("unknown", 2)]);
        assert_eq!(reload.counts.unreadable, expected);
    }
}
