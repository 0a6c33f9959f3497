//! A change of the configuration: objects in, objects out. Nothing is applied to a cluster.

use std::{collections::HashMap, fmt, str::FromStr};

use thiserror::Error;

use super::set::{SetError, Setting};
use egress_observer_istio::objects::{
    kinds::{Kind, Object},
    name::ObjectName,
};

/// What is to change, in the order in which it is done.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Everything anew.
    pub(crate) after: Option<Vec<Object>>,
    /// Objects that come in place of their like, or to the others.
    pub(crate) apply: Vec<Object>,
    /// Objects that go.
    pub(crate) delete: Vec<Id>,
    /// Values that are set.
    pub(crate) set: Vec<Setting>,
    /// The revision whose values these are; all if there is none.
    pub(crate) revision: Option<String>,
}

/// Why a change cannot be made.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    #[error("--delete {id}: there is no such object among the manifests{others}")]
    NothingToDelete { id: Id, others: String },
    #[error(transparent)]
    Set(#[from] SetError),
}

impl Change {
    /// The objects after the change of those of today.
    pub(crate) fn make(self, today: &[Object]) -> Result<Vec<Object>, ChangeError> {
        let mut objects = match self.after {
            Some(after) => replaced(today, after),
            None => today.to_vec(),
        };
        apply(&mut objects, self.apply);
        for id in self.delete {
            delete(&mut objects, id)?;
        }
        for setting in &self.set {
            setting.edit(&mut objects, self.revision.as_deref())?;
        }
        Ok(objects)
    }
}

/// A complete second set. Pods are what runs, not configuration: those that it does not have, as
/// manifests from a repository do not, go on running.
fn replaced(today: &[Object], mut after: Vec<Object>) -> Vec<Object> {
    let mut known: HashMap<Id, &Object> = today
        .iter()
        .map(|object| (Id::of(object), object))
        .collect();
    for object in &mut after {
        if let Some(old) = known.remove(&Id::of(object)) {
            keep(old, object);
        }
    }
    let left = known
        .into_values()
        .filter(|object| matches!(object, Object::Pod(_)));
    after.extend(left.cloned());
    after
}

fn apply(objects: &mut Vec<Object>, new: Vec<Object>) {
    let mut places: HashMap<Id, usize> = objects
        .iter()
        .enumerate()
        .map(|(place, object)| (Id::of(object), place))
        .collect();
    for mut object in new {
        let id = Id::of(&object);
        if let Some(place) = places.get(&id) {
            keep(&objects[*place], &mut object);
            objects[*place] = object;
        } else {
            places.insert(id, objects.len());
            objects.push(object);
        }
    }
}

/// What the API server keeps of an object that is applied anew.
fn keep(old: &Object, new: &mut Object) {
    let was = old.metadata();
    let is = new.metadata_mut();
    keep_text(&mut is.uid, &was.uid);
    keep_text(&mut is.creation_timestamp, &was.creation_timestamp);
    match (old, new) {
        (Object::Pod(old), Object::Pod(new)) => {
            if new.metadata.owner_references.is_empty() {
                new.metadata
                    .owner_references
                    .clone_from(&old.metadata.owner_references);
            }
            if new.status.pod_ip.is_empty() && new.status.pod_ips.is_empty() {
                new.status = old.status.clone();
            }
        }
        (Object::Service(old), Object::Service(new)) => {
            keep_text(&mut new.spec.cluster_ip, &old.spec.cluster_ip);
            if new.spec.cluster_ips.is_empty() {
                new.spec.cluster_ips.clone_from(&old.spec.cluster_ips);
            }
        }
        (Object::ServiceEntry(old), Object::ServiceEntry(new))
            if new.status.addresses.is_empty() =>
        {
            new.status = old.status.clone();
        }
        _ => {}
    }
}

fn keep_text(is: &mut String, was: &String) {
    if is.is_empty() {
        is.clone_from(was);
    }
}

fn delete(objects: &mut Vec<Object>, id: Id) -> Result<(), ChangeError> {
    let n_before = objects.len();
    objects.retain(|object| Id::of(object) != id);
    if objects.len() < n_before {
        return Ok(());
    }
    let of_kind = objects
        .iter()
        .map(Id::of)
        .filter(|known| known.kind == id.kind);
    let mut others: Vec<String> = of_kind.map(|known| known.to_string()).collect();
    others.sort();
    others.truncate(5);
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("; there is {}", others.join(", ")),
    };
    Err(ChangeError::NothingToDelete { id, others })
}

/// Which object it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    kind: Kind,
    name: ObjectName,
}

/// Kinds that can be deleted. A pod that is gone opens no connections, so nothing could be said of it.
fn deletable() -> impl Iterator<Item = Kind> {
    let all = Kind::ALL.iter().copied();
    all.filter(|kind| *kind != Kind::Pod)
}

/// Text that names no object.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` is not KIND/NAMESPACE/NAME, or KIND/NAME for a Namespace, where KIND is one of {kinds}"
)]
pub(crate) struct IdError {
    text: String,
    kinds: String,
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        id(text).ok_or_else(|| IdError {
            text: text.to_owned(),
            kinds: deletable().map(Kind::as_str).collect::<Vec<_>>().join(", "),
        })
    }
}

fn id(text: &str) -> Option<Id> {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] => (*kind, None, *name),
        [kind, namespace, name] => (*kind, Some(*namespace), *name),
        _ => return None,
    };
    let kind = deletable().find(|known| known.as_str().eq_ignore_ascii_case(kind))?;
    let namespace = match (kind.facts().namespaced, namespace) {
        (true, Some(namespace)) if !namespace.is_empty() => namespace,
        (true, None) => "default",
        (false, None) => "",
        _ => return None,
    };
    let name = ObjectName {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    (!name.name.is_empty()).then_some(Id { kind, name })
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl Id {
    fn of(object: &Object) -> Self {
        Self {
            kind: object.kind(),
            name: ObjectName::of(object),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn entry(name: &str, created: &str, addresses: Value) -> Object {
        let value = json!({
            "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"hosts": ["a.test"]}, "status": {"addresses": addresses},
        });
        Object::ServiceEntry(serde_json::from_value(value).unwrap())
    }

    fn names(objects: &[Object]) -> Vec<String> {
        objects
            .iter()
            .map(|object| Id::of(object).to_string())
            .collect()
    }

    #[test]
    fn what_is_applied_keeps_what_the_server_gave_it() {
        let address = json!([{"value": "240.240.0.5", "host": "a.test"}]);
        let today = [entry("a", "2026-01-01T00:00:00Z", address)];
        let change = Change {
            apply: vec![entry("a", "", json!([])), entry("b", "", json!([]))],
            ..Change::default()
        };
        let after = change.make(&today).unwrap();
        assert_eq!(
            names(&after),
            ["ServiceEntry/default/a", "ServiceEntry/default/b"]
        );
        let Object::ServiceEntry(kept) = &after[0] else {
            panic!("{after:?}")
        };
        assert_eq!(kept.metadata.creation_timestamp, "2026-01-01T00:00:00Z");
        assert_eq!(kept.status.addresses.len(), 1);
    }

    #[test]
    fn pods_run_on_under_a_second_set() {
        let pod = json!({"metadata": {"name": "p", "namespace": "shop"}});
        let pod = Object::Pod(serde_json::from_value(pod).unwrap());
        let change = Change {
            after: Some(vec![entry("b", "", json!([]))]),
            ..Change::default()
        };
        let after = change.make(&[pod, entry("a", "", json!([]))]).unwrap();
        assert_eq!(names(&after), ["ServiceEntry/default/b", "Pod/shop/p"]);
    }

    #[test]
    fn what_is_deleted_is_gone_and_must_be_there() {
        let today = [entry("a", "", json!([])), entry("b", "", json!([]))];
        let delete = |text: &str| {
            let change = Change {
                delete: vec![text.parse().unwrap()],
                ..Change::default()
            };
            change.make(&today)
        };
        let left = delete("serviceEntry/a").unwrap();
        assert_eq!(names(&left), ["ServiceEntry/default/b"]);
        let said = delete("ServiceEntry/shop/a").unwrap_err().to_string();
        let expected = "; there is ServiceEntry/default/a, ServiceEntry/default/b";
        assert!(said.ends_with(expected), "{said}");
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for text in [
            "a",
            "Pod/shop/a",
            "ServiceEntry/shop/",
            "ServiceEntry//a",
            "Namespace/shop/a",
            "Sidecar/a/b/c",
        ] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
        let id: Id = "namespace/shop".parse().unwrap();
        assert_eq!(id.to_string(), "Namespace/shop");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,30}", likely in "(Sidecar|Namespace)?[a-z/]{0,12}") {
            drop(text.parse::<Id>());
            drop(likely.parse::<Id>());
        }
    }
}
