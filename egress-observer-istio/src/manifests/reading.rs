//! What files say: objects, and what cannot be read.

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use serde_json::Value;

use super::{
    documents::{DocumentPart, parts},
    parse::values,
    remark::{LocatedInstallation, Remark},
    tally::ObjectTally,
    unreadable::{Fault, Unreadable},
};
use crate::{
    installation::Installation,
    objects::{
        fields::metadata_text,
        kinds::{Kind, Object},
        name::ObjectName,
    },
    yaml_fault::YamlFault,
};

const KUSTOMIZE: &str = "kustomize.config.k8s.io";
const BUILT: &str = "passed over; build it first, with `kubectl kustomize`";

/// How a file was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// By its name.
    ByName,
    /// In a directory that was named: it need not be meant.
    InDirectory,
}

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
    /// What else there is to say of files.
    pub remarks: Vec<Remark>,
    pub(super) installations: Vec<LocatedInstallation>,
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
        reading.add(&path.into(), text, Found::ByName);
        reading.install_found();
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
    pub(super) fn add(&mut self, path: &Arc<Path>, text: &str, found: Found) {
        let n_before = self.n_told();
        let mut document = 1;
        for part in parts(text) {
            document += self.part(path, document, &part, found);
        }
        if self.n_told() == n_before {
            self.tally.empty(Arc::clone(path));
        }
    }

    fn n_told(&self) -> usize {
        self.tally.n_found() + self.remarks.len() + self.installations.len()
    }

    /// Says something of a file or directory.
    pub(super) fn remark(&mut self, path: &Arc<Path>, text: &str) {
        self.remarks.push(Remark {
            path: Arc::clone(path),
            text: text.to_owned(),
        });
    }

    /// Reads one file that is not text.
    pub(super) fn add_not_text(&mut self, path: &Arc<Path>, line: u64) {
        self.refuse(path, 1, line, Fault::NotText);
    }

    /// How many documents there are in it.
    fn part(
        &mut self,
        path: &Arc<Path>,
        document: usize,
        part: &DocumentPart<'_>,
        found: Found,
    ) -> usize {
        if part.is_empty {
            return 1;
        }
        let documents = match values(part) {
            Ok(documents) => documents,
            Err((_, YamlFault::Template)) if found == Found::InDirectory => {
                self.remark(
                    path,
                    "a template, passed over; render it first, with `helm template`",
                );
                return 1;
            }
            Err((line, fault)) => {
                self.refuse(path, document, line, Fault::NotYaml(fault));
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
                    self.remark(path, BUILT);
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
            self.other(path, place, (&kind, group), &value);
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

    /// An object of a kind that is not read as itself.
    fn other(
        &mut self,
        path: &Arc<Path>,
        place: (usize, u64),
        (kind, group): (&str, Option<&str>),
        value: &Value,
    ) {
        let installation = Installation::of_object(kind, group.unwrap_or_default(), value);
        match installation {
            Some(Ok(installation)) => self.installations.push(LocatedInstallation {
                installation,
                path: Arc::clone(path),
            }),
            Some(Err(problem)) => {
                let of = format!("{kind} {}", metadata_text(value, "name"));
                self.refuse(path, place.0, place.1, Fault::Installation { of, problem });
            }
            None => {
                self.tally.passed_over(kind, group);
                if group == Some(KUSTOMIZE) {
                    self.remark(path, BUILT);
                }
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
            Some(("Kustomization", KUSTOMIZE))
        }
        _ => None,
    }
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

#[cfg(test)]
mod tests;
