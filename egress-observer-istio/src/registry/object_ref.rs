//! Which object something is said by, and what in it cannot be read.

use std::{fmt, sync::Arc};

use crate::injection::pod::namespace;

/// The kinds of objects that a registry is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `networking.istio.io ServiceEntry`.
    ServiceEntry,
    /// `v1 Service`.
    Service,
    /// `networking.istio.io Sidecar`.
    Sidecar,
    /// `networking.istio.io VirtualService`.
    VirtualService,
    /// `networking.istio.io DestinationRule`.
    DestinationRule,
    /// `gateway.networking.k8s.io Gateway`.
    Gateway,
}

impl ObjectKind {
    /// As in `kind` of a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceEntry => "ServiceEntry",
            Self::Service => "Service",
            Self::Sidecar => "Sidecar",
            Self::VirtualService => "VirtualService",
            Self::DestinationRule => "DestinationRule",
            Self::Gateway => "Gateway",
        }
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectRef {
    pub(super) fn new(kind: ObjectKind, in_namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace(in_namespace),
            name: name.into(),
        }
    }

    /// What tells it from others of its kind.
    pub(super) fn key(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.namespace), Arc::clone(&self.name))
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        write!(f, "{kind} {}/{}", self.namespace, self.name)
    }
}

/// A value in an object that cannot be read, and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableValue {
    /// The object.
    pub object: ObjectRef,
    /// The field.
    pub field: &'static str,
    /// What stands there.
    pub value: String,
    /// What should.
    pub expected: &'static str,
}

impl fmt::Display for UnreadableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            field,
            value,
            expected,
        } = self;
        write!(f, "{object}: {field}: `{value}` is not {expected}")
    }
}
