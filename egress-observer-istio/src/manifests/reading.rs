//! What files say: objects, and what cannot be read.

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use serde_json::Value;

use super::{
    documents::{DocumentPart, parts},
    plain::quoted,
    tally::ObjectTally,
    unreadable::{Fault, Unreadable},
};
use crate::objects::{
    fields::metadata_text,
    kinds::{Kind, Object},
    name::ObjectName,
};

/// An object, and where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    pub object: Object,
    /// The file that the object stands in.
    pub path: Arc<Path>,
}

/// All that was read of some files.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The objects, in the order of files.
    pub objects: Vec<Located>,
    /// The documents, and objects in them, that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// How many objects of which kinds were found.
    pub tally: ObjectTally,
}

/// An object that stands in files more than once; the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The object's kind.
    pub kind: Kind,
    /// The object's namespace and name.
    pub name: ObjectName,
    /// The file of one that does not count.
    pub before: Arc<Path>,
    /// The file of the next one.
    pub path: Arc<Path>,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, path) = (self.before.display(), self.path.display());
        let Self { kind, name, .. } = self;
        if self.before == self.path {
            write!(
                f,
                "{path}: {kind} {name} stands there twice: the last one counts"
            )
        } else {
            write!(
                f,
                "{path}: {kind} {name} stands in {before}, too: the last one counts"
            )
        }
    }
}

impl Reading {
    /// Reads the documents of one text; `path` is what they are said to be from.
    pub fn of(path: &Path, text: &str) -> Self {
        let mut reading = Self::default();
        reading.add(&path.into(), text);
        reading
    }

    /// The objects, of each that stands there several times the last one, and which those are.
    pub fn unique(self) -> (Vec<Object>, Vec<Repeated>) {
        let mut last: HashMap<(Kind, ObjectName), usize> = HashMap::new();
        let mut objects: Vec<Option<Located>> = Vec::with_capacity(self.objects.len());
        let mut repeated = Vec::new();
        for located in self.objects {
            let kind = located.object.kind();
            let name = ObjectName::of(&located.object);
            let before = last.insert((kind, name.clone()), objects.len());
            if let Some(before) = before.and_then(|at| objects[at].take()) {
                repeated.push(Repeated {
                    kind,
                    name,
                    before: before.path,
                    path: Arc::clone(&located.path),
                });
            }
            objects.push(Some(located));
        }
        let objects = objects.into_iter().flatten();
        (objects.map(|located| located.object).collect(), repeated)
    }

    /// Every object, or the first thing that cannot be read.
    pub fn complete(mut self) -> Result<Vec<Object>, Box<Unreadable>> {
        if !self.unreadable.is_empty() {
            return Err(Box::new(self.unreadable.swap_remove(0)));
        }
        let objects = self.objects.into_iter();
        Ok(objects.map(|located| located.object).collect())
    }

    /// Reads one file.
    pub(super) fn add(&mut self, path: &Arc<Path>, text: &str) {
        let n_before = self.tally.n_found();
        let mut document = 1;
        for part in parts(text) {
            document += self.part(path, document, &part);
        }
        if self.tally.n_found() == n_before {
            self.tally.empty(Arc::clone(path));
        }
    }

    /// Reads one file that is not text.
    pub(super) fn add_not_text(&mut self, path: &Arc<Path>, line: u64) {
        self.refuse(path, 1, line, Fault::NotText);
    }

    /// How many documents there are in it.
    fn part(&mut self, path: &Arc<Path>, document: usize, part: &DocumentPart<'_>) -> usize {
        if part.is_empty {
            return 1;
        }
        let documents: Vec<Value> =
            match serde_saphyr::from_multiple_with_options(&quoted(part.text), options()) {
                Ok(documents) => documents,
                Err(_) if let Some(documents) = json_documents(part.text) => documents,
                Err(error) => {
                    let (line, message) = told(error.without_snippet(), part.line);
                    let is_template = part.text.contains("{{");
                    let fault = Fault::NotYaml {
                        message,
                        is_template,
                    };
                    self.refuse(path, document, line, fault);
                    return 1;
                }
            };
        let n = documents.len().max(1);
        for (document, value) in (document..).zip(documents) {
            let place = (document, part.line + 1);
            self.object(path, place, value);
        }
        n
    }

    fn object(&mut self, path: &Arc<Path>, place: (usize, u64), mut value: Value) {
        let Some(kind) = value.get("kind").and_then(Value::as_str).map(str::to_owned) else {
            match kind_of_file(path) {
                Some((kind, group)) if value.is_object() => {
                    self.tally.passed_over(kind, Some(group));
                }
                _ => self.refuse(path, place.0, place.1, Fault::NoKind),
            }
            return;
        };
        // `List`, and the `PodList` and so on that an API server answers with.
        if kind.ends_with("List")
            && let Some(Value::Array(items)) = value.get_mut("items").map(Value::take)
        {
            let item_kind = kind.strip_suffix("List").unwrap_or_default();
            for mut item in items {
                inherit(&mut item, item_kind, value.get("apiVersion"));
                self.object(path, place, item);
            }
            return;
        }
        let api_version = value.get("apiVersion").and_then(Value::as_str);
        let group =
            api_version.map(|version| version.split_once('/').map_or("", |(group, _)| group));
        let Some(kind) = Kind::find(&kind, group) else {
            self.tally.passed_over(&kind, group);
            return;
        };
        let (namespace, name) = (
            metadata_text(&value, "namespace"),
            metadata_text(&value, "name"),
        );
        let name = ObjectName::new(kind, namespace, name);
        // One that is called otherwise here.
        if value.get("kind").and_then(Value::as_str) != Some(kind.as_str()) {
            value["kind"] = kind.as_str().into();
        }
        match Object::read(kind, value) {
            Ok(object) => {
                self.tally.read(kind);
                let path = Arc::clone(path);
                self.objects.push(Located { object, path });
            }
            Err(problem) => {
                let fault = Fault::Field {
                    kind,
                    name,
                    problem,
                };
                self.refuse(path, place.0, place.1, fault);
            }
        }
    }

    fn refuse(&mut self, path: &Arc<Path>, document: usize, line: u64, fault: Fault) {
        self.tally.unreadable();
        self.unreadable.push(Unreadable {
            path: Arc::clone(path),
            document,
            line,
            fault,
        });
    }
}

/// What a file is by its name, where it need not say so itself: kind and group. Kustomize takes a
/// missing `kind` for its own (`FixKustomizationPostUnmarshalling` in
/// `api/types/kustomization.go` of kubernetes-sigs/kustomize).
fn kind_of_file(path: &Path) -> Option<(&'static str, &'static str)> {
    match path.file_name()?.to_str()? {
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => {
            Some(("Kustomization", "kustomize.config.k8s.io"))
        }
        _ => None,
    }
}

/// Several JSON values one behind the other, each on a line of its own or not: no YAML.
fn json_documents(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.collect::<Result<_, _>>().ok()
}

/// The line of the file where a document is broken, and what is wrong there.
fn told(error: &serde_saphyr::Error, lines_before: u64) -> (u64, String) {
    let mut message = error.to_string();
    let Some(location) = error.location() else {
        return (lines_before + 1, message);
    };
    // The reader has seen this document alone.
    let place = format!(" at line {}, column {}", location.line(), location.column());
    if message.ends_with(&place) {
        message.truncate(message.len() - place.len());
    }
    (lines_before + location.line().max(1), message)
}

/// What an item of a list does not say itself.
fn inherit(item: &mut Value, kind: &str, api_version: Option<&Value>) {
    let Some(fields) = item.as_object_mut().filter(|_| !kind.is_empty()) else {
        return;
    };
    fields.entry("kind").or_insert_with(|| kind.into());
    if let Some(api_version) = api_version {
        let own = fields.entry("apiVersion");
        own.or_insert_with(|| api_version.clone());
    }
}

/// A cluster's objects in one file are many; limits against aliases that multiply stay.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: usize::MAX,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_total_comment_bytes: usize::MAX,
        },
    }
}

#[cfg(test)]
mod tests;
