//! A part of a file that cannot be read.

use std::{borrow::Cow, fmt, path::Path, sync::Arc};

use thiserror::Error;

use crate::{
    installation::InstallationError,
    objects::{fields::FieldError, kinds::Kind, name::ObjectName},
    yaml_fault::YamlFault,
};

/// A document, or an object in it, that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Unreadable {
    /// The file that it stands in.
    pub path: Arc<Path>,
    /// The number of the document in the file, counted from 1.
    pub document: usize,
    /// The line of the file where the fault is, or else where the document begins.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file is not text.
    NotText,
    /// The document is not YAML.
    NotYaml(YamlFault),
    /// The document is no object, as it has no `kind`.
    NoKind,
    /// A field of an object has the wrong type, or is missing.
    Field {
        /// The object's kind.
        kind: Kind,
        /// The object's namespace and name.
        name: ObjectName,
        /// The field, and what is wrong with it.
        problem: FieldError,
    },
    /// What tells how Istio is installed says what it cannot.
    Installation {
        /// Kind and name; empty for Helm values.
        of: String,
        /// What is wrong.
        problem: InstallationError,
    },
}

impl Fault {
    /// What to do about it; nothing where that cannot be said.
    pub fn fix(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NotText => Some("save it as UTF-8".into()),
            Self::NotYaml(fault) => fault.fix().map(Cow::Borrowed),
            Self::NoKind => Some("add `apiVersion` and `kind`, or leave it out".into()),
            Self::Field { problem, .. } => problem.fix().map(Cow::Borrowed),
            Self::Installation { problem, .. } => Some(problem.fix().into()),
        }
    }
}

impl fmt::Display for Fault {
    /// Without the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => f.write_str("not text in UTF-8"),
            Self::NotYaml(fault) => write!(f, "not valid YAML: {fault}"),
            Self::NoKind => f.write_str("no `kind`; expected a Kubernetes object"),
            Self::Field {
                kind,
                name,
                problem,
            } => match &*name.name {
                "" => write!(f, "{kind} without a name: {problem}"),
                _ => write!(f, "{kind} {name}: {problem}"),
            },
            Self::Installation { of, problem } if of.is_empty() => problem.fmt(f),
            Self::Installation { of, problem } => write!(f, "{of}: {problem}"),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, document, line) = (self.path.display(), self.document, self.line);
        write!(f, "{path}: document {document}")?;
        match self.fault {
            Fault::NotText | Fault::NotYaml(_) => write!(f, ", line {line}")?,
            Fault::NoKind | Fault::Field { .. } | Fault::Installation { .. } => {
                write!(f, ", from line {line}")?
            }
        }
        write!(f, ": {}", self.fault)?;
        match self.fault.fix() {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}
