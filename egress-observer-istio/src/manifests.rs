//! Objects from files: YAML or JSON, several documents, `List`s, directories.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::objects::{self, addressing::Addressing};

/// An object of a kind that is read.
#[derive(Clone, Debug)]
pub enum Object {
    Pod(objects::Pod),
    ConfigMap(objects::ConfigMap),
    Namespace(objects::MetadataOnly),
    Service(objects::Service),
    Workload(Box<objects::Workload>),
    MutatingWebhookConfiguration(objects::MetadataOnly),
    ServiceEntry(objects::ServiceEntry),
    Sidecar(objects::Sidecar),
    VirtualService(objects::VirtualService),
    DestinationRule(objects::DestinationRule),
    ProxyConfig(objects::ProxyConfig),
    Addressing(Addressing),
}

/// An object, and where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    pub object: Object,
    /// The file.
    pub path: Arc<Path>,
}

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not YAML.
    #[error("{path} is not valid YAML: {message}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A document is no object.
    #[error("{path}: document {document}: no `kind`; expected a Kubernetes object")]
    NoKind {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        document: usize,
    },
    /// A field of an object has the wrong type, or is missing.
    #[error("{path}: {kind} {name}: {problem}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The object's kind.
        kind: String,
        /// Its namespace and name.
        name: String,
        /// Which field, and what is wrong with it.
        problem: FieldError,
    },
}

/// In place of a path.
const STANDARD_INPUT: &str = "-";

/// Reads files, standard input (`-`), and the `.yaml`, `.yml` and `.json` files of directories (not of their
/// subdirectories), in the order of their names. Objects of other kinds are passed over.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Located>, ManifestError> {
    let mut objects = Vec::new();
    for path in paths {
        for file in files(path)? {
            let text = if file == Path::new(STANDARD_INPUT) {
                io::read_to_string(io::stdin())
            } else {
                fs::read_to_string(&file)
            };
            let text = text.map_err(|source| ManifestError::Read {
                path: file.clone(),
                source,
            })?;
            let path: Arc<Path> = file.into();
            parse(&path, &text, &mut |object| {
                objects.push(Located {
                    object,
                    path: Arc::clone(&path),
                });
            })?;
        }
    }
    Ok(objects)
}

/// The objects alone, where it does not matter in which file each stands.
pub fn objects(paths: &[PathBuf]) -> Result<Vec<Object>, ManifestError> {
    let located = read(paths)?.into_iter();
    Ok(located.map(|located| located.object).collect())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let failed = |source| ManifestError::Read {
        path: path.to_owned(),
        source,
    };
    if path == Path::new(STANDARD_INPUT) || !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let known = file.extension().is_some_and(|extension| {
            ["yaml", "yml", "json"]
                .iter()
                .any(|known| extension == *known)
        });
        if known && !hidden && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

pub fn parse(path: &Path, text: &str, take: &mut dyn FnMut(Object)) -> Result<(), ManifestError> {
    // A cluster's objects in one file are many; limits against aliases that multiply stay.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: usize::MAX,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_total_comment_bytes: usize::MAX,
        },
    };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            ManifestError::Yaml {
                path: path.to_owned(),
                message: error.to_string(),
            }
        })?;
    for (index, document) in documents.into_iter().enumerate() {
        // What stands between two separators may be nothing.
        if !document.is_null() {
            object(path, index + 1, document, take)?;
        }
    }
    Ok(())
}

fn object(
    path: &Path,
    document: usize,
    mut value: Value,
    take: &mut dyn FnMut(Object),
) -> Result<(), ManifestError> {
    let Some(kind) = value.get("kind").and_then(Value::as_str).map(str::to_owned) else {
        return Err(ManifestError::NoKind {
            path: path.to_owned(),
            document,
        });
    };
    // `List`, and the `PodList` and so on that an API server answers with.
    if kind.ends_with("List")
        && let Some(Value::Array(items)) = value.get_mut("items").map(Value::take)
    {
        let item_kind = kind.strip_suffix("List").unwrap_or_default();
        let api_version = value.get("apiVersion").cloned();
        for mut item in items {
            if let Some(fields) = item.as_object_mut()
                && !item_kind.is_empty()
            {
                fields.entry("kind").or_insert_with(|| item_kind.into());
                if let Some(api_version) = &api_version {
                    let own = fields.entry("apiVersion");
                    own.or_insert_with(|| api_version.clone());
                }
            }
            object(path, document, item, take)?;
        }
        return Ok(());
    }
    // Other groups have kinds of the same names (Knative's Service, for example).
    let api_version = value.get("apiVersion").and_then(Value::as_str);
    let group = api_version.map(|version| version.split_once('/').map_or("", |(group, _)| group));
    let group = group.map(str::to_owned);
    let of = |expected: &str| group.as_deref().is_none_or(|group| group == expected);
    let istio = of("networking.istio.io");
    take(match kind.as_str() {
        "Pod" if of("") => Object::Pod(typed(path, &kind, value)?),
        "ConfigMap" if of("") => Object::ConfigMap(typed(path, &kind, value)?),
        "Namespace" if of("") => Object::Namespace(typed(path, &kind, value)?),
        "Service" if of("") => Object::Service(typed(path, &kind, value)?),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" if of("apps") => {
            Object::Workload(Box::new(typed(path, &kind, value)?))
        }
        "Job" | "CronJob" if of("batch") => Object::Workload(Box::new(typed(path, &kind, value)?)),
        "MutatingWebhookConfiguration" => {
            Object::MutatingWebhookConfiguration(typed(path, &kind, value)?)
        }
        "ServiceEntry" if istio => Object::ServiceEntry(typed(path, &kind, value)?),
        "Sidecar" if istio => Object::Sidecar(typed(path, &kind, value)?),
        "VirtualService" if istio => Object::VirtualService(typed(path, &kind, value)?),
        "DestinationRule" if istio => Object::DestinationRule(typed(path, &kind, value)?),
        "ProxyConfig" if istio => Object::ProxyConfig(typed(path, &kind, value)?),
        kind => match addressing(path, kind, &of, value)? {
            Some(object) => Object::Addressing(object),
            None => return Ok(()),
        },
    });
    Ok(())
}

/// An object that says which addresses the cluster gives out, if it is one.
fn addressing(
    path: &Path,
    kind: &str,
    of: &dyn Fn(&str) -> bool,
    value: Value,
) -> Result<Option<Addressing>, ManifestError> {
    let calico = || of("crd.projectcalico.org") || of("projectcalico.org");
    Ok(Some(match kind {
        "Node" if of("") => Addressing::Node(typed(path, kind, value)?),
        "ServiceCIDR" if of("networking.k8s.io") => {
            Addressing::ServiceCidr(typed(path, kind, value)?)
        }
        "IPPool" if calico() => Addressing::IpPool(typed(path, kind, value)?),
        "CiliumNode" if of("cilium.io") => Addressing::CiliumNode(typed(path, kind, value)?),
        "Network" if of("config.openshift.io") => Addressing::Network(typed(path, kind, value)?),
        _ => return Ok(None),
    }))
}

fn typed<T: DeserializeOwned>(path: &Path, kind: &str, value: Value) -> Result<T, ManifestError> {
    let name = |field: &str| {
        let value = value.pointer(&format!("/metadata/{field}"));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    let name = match (name("namespace"), name("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (None, Some(name)) => name,
        (_, None) => "without a name".to_owned(),
    };
    read_value(value).map_err(|problem| ManifestError::Field {
        path: path.to_owned(),
        kind: kind.to_owned(),
        name,
        problem,
    })
}

/// A field of an object has the wrong type, or is missing.
#[derive(Clone, Debug, Error)]
#[error("field `{field}`: {message}")]
pub struct FieldError {
    /// The field's path.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Reads an object, as far as its type says.
pub fn read_value<T: DeserializeOwned>(mut value: Value) -> Result<T, FieldError> {
    drop_nulls(&mut value);
    // The field's path costs as much as the rest, and is wanted only where something is wrong.
    if let Ok(object) = T::deserialize(&value) {
        return Ok(object);
    }
    serde_path_to_error::deserialize(value).map_err(|error| FieldError {
        field: error.path().to_string(),
        message: error.into_inner().to_string(),
    })
}

/// Drops fields that are `null`: to Kubernetes that is the same as absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Object>, ManifestError> {
        let mut objects = Vec::new();
        parse(Path::new("shop.yaml"), text, &mut |object| {
            objects.push(object)
        })?;
        Ok(objects)
    }

    #[test]
    fn documents_and_lists_are_read_alike() {
        let text = "---\n\
                    kind: Pod\nmetadata: {name: a, namespace: shop, uid: u1}\n\
                    ---\n---\n\
                    kind: List\nitems:\n- {kind: Pod, metadata: {name: b}}\n- {kind: Secret}\n\
                    ---\n\
                    kind: PodList\nitems:\n- metadata: {name: c}\n";
        let names: Vec<_> = read_text(text)
            .unwrap()
            .into_iter()
            .map(|object| {
                let Object::Pod(pod) = object else {
                    panic!("{object:?}")
                };
                pod.metadata.name
            })
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn kinds_of_the_same_name_are_told_by_their_group() {
        let read = |text: &str| {
            let objects = read_text(text).unwrap().into_iter();
            let kinds = objects.map(|object| {
                let Object::Addressing(object) = object else {
                    panic!("{object:?}")
                };
                object.kind()
            });
            kinds.collect::<Vec<_>>()
        };
        let pool = "kind: IPPool\nmetadata: {name: a}\nspec: {cidr: 10.0.0.0/8}\n";
        for (group, kinds) in [
            ("crd.projectcalico.org/v1", vec!["IPPool"]),
            ("projectcalico.org/v3", vec!["IPPool"]),
            ("ipam.metal3.io/v1alpha1", vec![]),
        ] {
            assert_eq!(read(&format!("apiVersion: {group}\n{pool}")), kinds);
        }
        // As the API server answers: its items have neither.
        let list = |group: &str| {
            let items = "items: [{metadata: {name: a}}]";
            read(&format!(
                "apiVersion: {group}\nkind: NetworkList\n{items}\n"
            ))
        };
        assert_eq!(list("config.openshift.io/v1"), ["Network"]);
        assert_eq!(list("operator.openshift.io/v1"), [""; 0]);
    }

    #[test]
    fn a_wrong_field_is_named_with_its_object_and_file() {
        let text = "kind: ServiceEntry\nmetadata: {name: ext, namespace: shop}\n\
                    spec: {hosts: [a.test], ports: [{number: eighty}]}\n";
        let error = read_text(text).unwrap_err().to_string();
        assert!(
            error.starts_with("shop.yaml: ServiceEntry shop/ext: field `spec.ports[0].number`:"),
            "{error}"
        );
    }

    #[test]
    fn broken_yaml_names_the_file_and_line() {
        let error = read_text("kind: Pod\nmetadata: {name: [\n")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("shop.yaml is not valid YAML:"), "{error}");
        assert!(error.contains("line"), "{error}");
    }

    #[test]
    fn a_file_may_hold_a_whole_cluster() {
        let documents: Vec<_> = (0..5_000)
            .map(|i| format!("kind: Pod\nmetadata: {{name: p{i}}}\n"))
            .collect();
        assert_eq!(read_text(&documents.join("---\n")).unwrap().len(), 5_000);
    }

    #[test]
    fn something_else_than_an_object_is_refused() {
        let error = read_text("just: text\n").unwrap_err().to_string();
        assert_eq!(
            error,
            "shop.yaml: document 1: no `kind`; expected a Kubernetes object"
        );
    }
}
