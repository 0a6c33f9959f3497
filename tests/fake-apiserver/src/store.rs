//! Objects, the versions of the whole, and what happened lately.
//!
//! One counter is the version of everything, as in etcd. The history is the API server's watch
//! cache: changes that fell out of it cannot be watched from any more.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{
    object::{Key, Object, fill_in, prepare, version_of},
    resources::Resource,
};

pub(super) type Objects = BTreeMap<Key, Arc<Object>>;

/// One change of one object. `after` is what became of it; of a deleted one it is the last state,
/// with the version of the deletion.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) resource: &'static Resource,
    pub(super) key: Key,
    pub(super) before: Option<Arc<Object>>,
    pub(super) after: Arc<Object>,
    pub(super) deleted: bool,
}

/// A version that history does not reach back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooOld {
    /// The oldest that it reaches back to.
    pub(super) oldest: u64,
}

#[derive(Debug)]
pub(super) struct Store {
    version: u64,
    oldest: u64,
    window: usize,
    objects: BTreeMap<&'static str, Objects>,
    history: VecDeque<Change>,
}

impl Store {
    /// Empty, at a version; remembers the last `window` changes.
    pub(super) fn new(version: u64, window: usize) -> Self {
        Self {
            version,
            oldest: version,
            window,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn objects(&self, resource: &Resource) -> Objects {
        self.objects.get(resource.id).cloned().unwrap_or_default()
    }

    pub(super) fn get(&self, resource: &Resource, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(resource.id)?.get(key)
    }

    /// The objects as they were at an earlier version: later changes are taken back.
    pub(super) fn objects_at(&self, resource: &Resource, version: u64) -> Result<Objects, TooOld> {
        let later = self.since(version)?;
        let mut objects = self.objects(resource);
        for change in later.rev().filter(|change| change.resource == resource) {
            match &change.before {
                Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                None => objects.remove(&change.key),
            };
        }
        Ok(objects)
    }

    /// The changes after a version, oldest first.
    pub(super) fn since(
        &self,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, TooOld> {
        if version < self.oldest {
            return Err(TooOld {
                oldest: self.oldest,
            });
        }
        let known = self
            .history
            .partition_point(|change| change.version <= version);
        Ok(self.history.range(known..))
    }

    /// Forgets what happened: only from now on can be watched.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.oldest = self.version;
    }

    /// Creates or replaces an object, with the fields that an API server fills in. One that does
    /// not differ from what is there changes nothing; one with another `uid` is another object.
    pub(super) fn apply(&mut self, resource: &'static Resource, mut object: Value) -> Result<()> {
        let key = prepare(resource, &mut object)?;
        let mut before = self.get(resource, &key).map(|before| before.value());
        if let (Some(old), Some(uid)) = (&before, object["metadata"].get("uid"))
            && old["metadata"]["uid"] != *uid
        {
            self.delete(resource, &key)?;
            before = None;
        }
        fill_in(resource, &mut object, before.as_ref());
        if let Some(before) = &before {
            object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if *before == object {
                return Ok(());
            }
        }
        self.put(resource, key, object, self.version + 1);
        Ok(())
    }

    pub(super) fn delete(&mut self, resource: &'static Resource, key: &Key) -> Result<()> {
        let last = self.get(resource, key).with_context(|| {
            format!("there is no {} {}/{}", resource.id, key.namespace, key.name)
        })?;
        let last = last.value();
        self.remove(resource, key.clone(), last, self.version + 1);
        Ok(())
    }

    /// What a recording says, at the version that it says.
    pub(super) fn record(
        &mut self,
        resource: &'static Resource,
        mut object: Value,
        deleted: bool,
    ) -> Result<()> {
        let key = prepare(resource, &mut object)?;
        let version = version_of(&object)?;
        ensure!(
            version > self.version,
            "the recording is at version {version}, the storage at {} already",
            self.version
        );
        if deleted {
            ensure!(
                self.get(resource, &key).is_some(),
                "the recording deletes {}/{}, which is not there",
                key.namespace,
                key.name
            );
            self.remove(resource, key, object, version);
        } else {
            self.put(resource, key, object, version);
        }
        Ok(())
    }

    /// Something else happened meanwhile: versions go on to this one.
    pub(super) fn advance(&mut self, version: u64) {
        self.version = self.version.max(version);
    }

    fn put(&mut self, resource: &'static Resource, key: Key, mut object: Value, version: u64) {
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let after = Arc::new(Object::new(&object));
        let objects = self.objects.entry(resource.id).or_default();
        let before = objects.insert(key.clone(), Arc::clone(&after));
        self.remember(Change {
            version,
            resource,
            key,
            before,
            after,
            deleted: false,
        });
    }

    fn remove(&mut self, resource: &'static Resource, key: Key, mut last: Value, version: u64) {
        last["metadata"]["resourceVersion"] = json!(version.to_string());
        let before = self
            .objects
            .get_mut(resource.id)
            .and_then(|objects| objects.remove(&key));
        self.remember(Change {
            version,
            resource,
            key,
            before,
            after: Arc::new(Object::new(&last)),
            deleted: true,
        });
    }

    fn remember(&mut self, change: Change) {
        self.version = change.version;
        self.history.push_back(change);
        while self.history.len() > self.window {
            if let Some(forgotten) = self.history.pop_front() {
                self.oldest = forgotten.version;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::by_id;

    fn pods() -> &'static Resource {
        by_id("pods").unwrap()
    }

    fn pod(name: &str, node: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"name": name}, "spec": {"nodeName": node}})
    }

    fn nodes_at(store: &Store, version: u64) -> Vec<(String, String)> {
        let objects = store.objects_at(pods(), version).unwrap();
        let named = objects.iter().map(|(key, pod)| {
            let node = pod.selected["spec"]["nodeName"].as_str().unwrap();
            (key.name.clone(), node.to_owned())
        });
        named.collect()
    }

    fn store() -> Store {
        let mut store = Store::new(10, 100);
        store.apply(pods(), pod("a", "one")).unwrap();
        store.apply(pods(), pod("b", "one")).unwrap();
        store.apply(pods(), pod("a", "two")).unwrap();
        let key = Key {
            namespace: "default".to_owned(),
            name: "b".to_owned(),
        };
        store.delete(pods(), &key).unwrap();
        store
    }

    #[test]
    fn every_version_can_be_seen_again() {
        let store = store();
        let at = |pods: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = pods.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            owned.collect()
        };
        assert_eq!(nodes_at(&store, 10), at(&[]));
        assert_eq!(nodes_at(&store, 12), at(&[("a", "one"), ("b", "one")]));
        assert_eq!(nodes_at(&store, 13), at(&[("a", "two"), ("b", "one")]));
        assert_eq!(nodes_at(&store, 14), at(&[("a", "two")]));
    }

    #[test]
    fn what_history_forgot_is_too_old() {
        let mut store = store();
        assert!(store.since(10).is_ok());
        assert_eq!(store.since(9).err(), Some(TooOld { oldest: 10 }));
        store.compact();
        assert_eq!(store.since(13).err(), Some(TooOld { oldest: 14 }));
        assert_eq!(store.since(14).unwrap().count(), 0);

        let mut narrow = Store::new(10, 2);
        for name in ["a", "b", "c"] {
            narrow.apply(pods(), pod(name, "one")).unwrap();
        }
        assert_eq!(narrow.since(10).err(), Some(TooOld { oldest: 11 }));
        assert_eq!(narrow.since(11).unwrap().count(), 2);
    }

    #[test]
    fn the_same_object_again_is_no_change() {
        let mut store = store();
        store.apply(pods(), pod("a", "two")).unwrap();
        assert_eq!(store.version(), 14);
        let objects = store.objects(pods());
        let (_, a) = objects.first_key_value().unwrap();
        assert_eq!(a.value()["metadata"]["generation"], 2);
    }

    #[test]
    fn another_uid_is_another_object() {
        let mut store = store();
        let mut again = pod("a", "two");
        again["metadata"]["uid"] = json!("other");
        store.apply(pods(), again).unwrap();
        let deleted: Vec<bool> = store.since(14).unwrap().map(|it| it.deleted).collect();
        assert_eq!(deleted, [true, false]);
    }
}
