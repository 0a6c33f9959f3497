//! Namespaces as numbers, and who may see a claim.

use std::{iter, sync::Arc};

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
    /// Both of these, by age: what is asked for, and nothing is kept by.
    Listed(NamespaceId),
    /// Every namespace.
    Everyone,
    /// Nobody in the mesh, but whoever asks why something does not match.
    Curious,
}

impl Reader {
    /// Whether a client in `namespace` is among them; none is one that no object has mentioned.
    pub(super) fn is_met_by(self, namespace: Option<NamespaceId>) -> bool {
        match self {
            Self::Private(id) | Self::Granted(id) | Self::Listed(id) => Some(id) == namespace,
            Self::Everyone => true,
            Self::Curious => false,
        }
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

/// Which lists of services a client's sidecar gets. What is private to its namespace comes before what
/// is exported to it up to 1.30; since 1.31 both are one list (`exportedToNamespace` in
/// `initServiceRegistry`, `pilot/pkg/model/push_context.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Audience {
    /// None is one that no object has mentioned.
    namespace: Option<NamespaceId>,
    has_one_list: bool,
}

impl Audience {
    pub(super) const fn new(namespace: Option<NamespaceId>, has_one_list: bool) -> Self {
        Self {
            namespace,
            has_one_list,
        }
    }

    /// All readers that the client is, in their order.
    pub(super) fn readers(self) -> impl Iterator<Item = Reader> {
        let (all, n_others) = match (self.namespace, self.has_one_list) {
            (Some(id), false) => (
                [Reader::Private(id), Reader::Granted(id), Reader::Everyone],
                0,
            ),
            (Some(id), true) => ([Reader::Everyone, Reader::Listed(id), Reader::Everyone], 1),
            (None, _) => ([Reader::Everyone; 3], 2),
        };
        all.into_iter().skip(n_others)
    }
}

impl Reader {
    /// Those that something is kept by, of which this one is made: one, or two.
    pub(super) fn parts(self) -> (Self, Option<Self>) {
        match self {
            Self::Listed(id) => (Self::Private(id), Some(Self::Granted(id))),
            Self::Private(_) | Self::Granted(_) | Self::Everyone | Self::Curious => (self, None),
        }
    }

    /// Whether what is kept by any of some readers is for this one.
    pub(super) fn is_among(self, kept_by: &[Self]) -> bool {
        let (one, other) = self.parts();
        kept_by.contains(&one) || other.is_some_and(|other| kept_by.contains(&other))
    }
}

/// What two readers see, each the oldest first, as one list.
pub(super) fn by_age<'c, T: Ord + 'c>(
    one: impl Iterator<Item = &'c T>,
    other: impl Iterator<Item = &'c T>,
) -> impl Iterator<Item = &'c T> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second < first => other.next(),
        (None, _) => other.next(),
        (Some(_), _) => one.next(),
    })
}
