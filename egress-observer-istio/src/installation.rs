//! How Istio is installed: Helm values of the chart istiod, an IstioOperator, or an Istio or
//! IstioRevision of the Sail operator; and the ConfigMaps that come of it, which istiod reads.
//!
//! What is absent has the chart's default. No default that is read here has changed since 1.20; where a
//! version would matter and none is given, the version stays unknown.

mod config_maps;
mod helm;
mod istio_operator;
mod merge;
mod profile;
mod sail;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::{mesh::canonical, objects::fields::shown, protojson::Refused};

/// The chart's default for `global.istioNamespace`.
const NAMESPACE: &str = "istio-system";

/// Which kind of text an installation is told by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationKind {
    /// `Helm values`, or the object's kind.
    pub kind: &'static str,
    /// The object's name; empty for Helm values.
    pub name: String,
}

/// `Installation` is what a control plane of one revision is installed with.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// What tells it.
    pub of: InstallationKind,
    /// The namespace of the control plane.
    pub namespace: String,
    /// Its revision; empty for the default one.
    pub revision: String,
    /// Helm values of the chart istiod, those of the profile included.
    values: Map<String, Value>,
    /// Where its mesh configuration and its values stand, as far as they are read from other fields.
    paths: FieldPaths,
}

/// Where an installation has what the chart knows by `meshConfig` and by its other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FieldPaths {
    mesh: &'static str,
    values: &'static str,
}

/// Why an installation says nothing of a mesh.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InstallationError {
    /// A field has a value that it cannot have.
    #[error("{field}: {value} is not {expected}")]
    Field {
        /// Its path.
        field: String,
        /// What stands there, as JSON.
        value: String,
        /// What should.
        expected: &'static str,
        /// What to do about it.
        fix: String,
    },
    /// A profile that Istio does not have.
    #[error("{field}: {name:?} is no profile of Istio")]
    Profile {
        /// Where it stands.
        field: &'static str,
        /// The profile.
        name: String,
    },
    /// A control plane elsewhere says what its proxies do.
    #[error("{field}: {name:?} installs no control plane that reads a mesh configuration here")]
    Remote {
        /// Where it stands.
        field: &'static str,
        /// The profile.
        name: String,
    },
    /// Something else.
    #[error(
        "{found}, and neither Helm values of istiod nor an IstioOperator, Istio or IstioRevision"
    )]
    SomethingElse {
        /// What it is.
        found: String,
        /// What to do about it.
        fix: &'static str,
    },
}

impl InstallationError {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::Field { fix, .. } => fix.clone(),
            Self::Profile { .. } => format!("write one of {}", profile::NAMES.join(", ")),
            Self::Remote { .. } => {
                "give the values, or the ConfigMaps, of the cluster that has the control plane"
                    .to_owned()
            }
            Self::SomethingElse { fix, .. } => (*fix).to_owned(),
        }
    }

    fn refused(prefix: &str, refused: &Refused) -> Self {
        let Refused::Field {
            field,
            value,
            expected,
        } = refused
        else {
            return Self::wrong(prefix, &Value::Null, "YAML");
        };
        Self::Field {
            field: joined(prefix, field),
            value: value.clone(),
            expected,
            fix: refused.fix(),
        }
    }

    fn wrong(field: &str, value: &Value, expected: &'static str) -> Self {
        Self::Field {
            field: field.to_owned(),
            value: shown(Some(value)),
            expected,
            fix: format!("write {expected}"),
        }
    }
}

impl Installation {
    /// What an object says, if it is one of those that install Istio. One without a control plane, such
    /// as an IstioOperator for gateways alone, is none.
    pub fn of_object(
        kind: &str,
        group: &str,
        object: &Value,
    ) -> Option<Result<Self, InstallationError>> {
        match (kind, group) {
            ("IstioOperator", "install.istio.io") => istio_operator::read(object).transpose(),
            ("Istio" | "IstioRevision", "sailoperator.io" | "operator.istio.io") => {
                Some(sail::read(kind == "Istio", object))
            }
            _ => None,
        }
    }

    /// What one document of a file of values says: Helm values, or one of those objects.
    pub fn of_document(document: &Value) -> Result<Self, InstallationError> {
        let kind = document.get("kind").and_then(Value::as_str);
        let Some(kind) = kind else {
            return helm::read(document);
        };
        let group = document.get("apiVersion").and_then(Value::as_str);
        let group = group.and_then(|version| version.split_once('/'));
        let (group, _) = group.unwrap_or_default();
        Self::of_object(kind, group, document).unwrap_or_else(|| {
            Err(InstallationError::SomethingElse {
                found: format!("a {kind}"),
                fix: "give objects with --manifests",
            })
        })
    }

    /// Takes in what was given after it for the same control plane, as Helm and istioctl do with
    /// several files.
    pub(crate) fn overlay(&mut self, later: &Self) {
        merge::over(&mut self.values, &later.values);
        self.of = later.of.clone();
        (self.namespace, self.revision) = control_plane(&self.values);
    }

    /// Whether both install the same control plane: files of Helm values are those of one release.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let of_one_release = self.of.name.is_empty() && self.of == other.of;
        of_one_release || (&self.namespace, &self.revision) == (&other.namespace, &other.revision)
    }
}

impl std::fmt::Display for InstallationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind)?;
        match &*self.name {
            "" => Ok(()),
            name => write!(f, " {name}"),
        }
    }
}

/// An installation with these values, on top of its profile's.
fn with_profile(
    of: InstallationKind,
    (paths, profile_field): (FieldPaths, &'static str),
    profile: Option<&Value>,
    mut user: Map<String, Value>,
) -> Result<Installation, InstallationError> {
    let mut values = Map::new();
    // What `helm show values` prints has the chart's own defaults below one of these.
    for name in ["_internal_defaults_do_not_set", "defaults"] {
        if let Some(Value::Object(defaults)) = user.remove(name) {
            merge::over(&mut values, &defaults);
        }
    }
    let by_profile = profile::values(profile_field, profile, &user, of.kind == "IstioOperator")?;
    merge::over(&mut values, &by_profile);
    merge::over(&mut values, &user);
    let (namespace, revision) = control_plane(&values);
    let installation = Installation {
        of,
        namespace,
        revision,
        values,
        paths,
    };
    installation.check()?;
    Ok(installation)
}

/// Namespace and revision of the control plane that values install.
fn control_plane(values: &Map<String, Value>) -> (String, String) {
    let namespace = text(merge::at(values, &["global", "istioNamespace"])).unwrap_or(NAMESPACE);
    let revision = text(values.get("revision")).unwrap_or_default();
    (namespace.to_owned(), canonical(revision).to_owned())
}

/// Text that is there and not empty.
fn text(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The fields of a value; none if it is absent or null.
fn fields(field: &str, value: Option<&Value>) -> Result<Map<String, Value>, InstallationError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(other) => Err(InstallationError::wrong(
            field,
            other,
            "fields, as `name: value`",
        )),
    }
}

fn joined(prefix: &str, field: &str) -> String {
    match (prefix, field) {
        ("", field) => field.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, field) => format!("{prefix}.{field}"),
    }
}

#[cfg(test)]
mod tests;
