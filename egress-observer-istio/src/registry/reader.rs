//! Namespaces as numbers, and who may see a claim.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::vocabulary::Export;

/// A namespace that some object has mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NamespaceId(u32);

/// The namespaces that objects have mentioned. None is ever forgotten; there are not many.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespaces {
    by_name: HashMap<Arc<str>, NamespaceId>,
}

impl Namespaces {
    pub(super) fn get(&self, name: &str) -> Option<NamespaceId> {
        self.by_name.get(name).copied()
    }

    /// The namespace, and its name in the one place where that is kept.
    pub(super) fn intern(&mut self, name: &str) -> (NamespaceId, Arc<str>) {
        if let Some((name, id)) = self.by_name.get_key_value(name) {
            return (*id, Arc::clone(name));
        }
        let id = NamespaceId(u32::try_from(self.by_name.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        (id, name)
    }
}

/// Who may see a claim, in the order in which a sidecar gets to hear of claims: what is private or
/// exported to its namespace comes before what everybody sees, whatever its age
/// (`servicesExportedToNamespace` in `pilot/pkg/model/push_context.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reader {
    /// The claim's own namespace, and no other.
    Private(NamespaceId),
    /// Another one that `exportTo` names.
    Granted(NamespaceId),
    /// Every namespace.
    Everyone,
    /// Nobody in the mesh, but whoever asks why something does not match.
    Curious,
}

impl Reader {
    /// Whether a client in `namespace` is among them; none is one that no object has mentioned.
    pub(super) fn is_met_by(self, namespace: Option<NamespaceId>) -> bool {
        match self {
            Self::Private(id) | Self::Granted(id) => Some(id) == namespace,
            Self::Everyone => true,
            Self::Curious => false,
        }
    }

    /// All that a client in `namespace` is, in their order.
    pub(super) fn of(namespace: Option<NamespaceId>) -> impl Iterator<Item = Self> {
        let (all, n_others) = match namespace {
            Some(id) => ([Self::Private(id), Self::Granted(id), Self::Everyone], 0),
            None => ([Self::Everyone; 3], 2),
        };
        all.into_iter().skip(n_others)
    }

    /// Those to whom an object of the namespace `own` is exported. A namespace that no object
    /// mentions has nobody who could read.
    pub(super) fn all(
        export: Export<'_>,
        (own, name): (NamespaceId, &str),
        namespaces: &Namespaces,
    ) -> Vec<Self> {
        if export.is_to_everyone() {
            return vec![Self::Everyone];
        }
        let mut readers = Vec::new();
        for id in export
            .namespaces(name)
            .filter_map(|name| namespaces.get(name))
        {
            let reader = if id == own {
                Self::Private(id)
            } else {
                Self::Granted(id)
            };
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        readers
    }
}
