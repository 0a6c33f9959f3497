//! Changes, tried on a copy of the cluster before anybody is told to make them: whether they help,
//! and what they take away.

mod change;
mod commands;
mod loss;

pub(crate) use self::{
    change::{TriedChange, stand_in},
    commands::{differences, patch},
    loss::{Sight, losses},
};

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
};

use egress_observer_istio::{registry::ObjectRef, view::Snapshot};

/// A cluster, and a copy of it for trials, which is made when it is first needed. Each trial changes
/// the copy and takes the changes back.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    snapshot: &'a Snapshot,
    /// The Sidecar of the client; others cost time.
    sidecar: Option<&'a ObjectRef>,
    copy: OnceCell<RefCell<Snapshot>>,
    /// What entries take away that are found by nothing but a host that no other entry has, by port: it
    /// is the same whatever the host is.
    by_port: RefCell<HashMap<u16, Vec<String>>>,
}

impl<'a> Trial<'a> {
    /// For one client, which has this Sidecar, if any.
    pub(crate) fn new(snapshot: &'a Snapshot, sidecar: Option<&'a ObjectRef>) -> Self {
        Self {
            snapshot,
            sidecar,
            copy: OnceCell::new(),
            by_port: RefCell::default(),
        }
    }

    /// What changes take away, looked at once for all hosts that nothing knows.
    pub(crate) fn lost(
        &self,
        changes: &[TriedChange],
        is_new_host: bool,
        look: impl FnOnce() -> Vec<String>,
    ) -> Vec<String> {
        let [TriedChange::Declare(entry)] = changes else {
            return look();
        };
        let ([port], [], true) = (&*entry.ports, &*entry.addresses, is_new_host) else {
            return look();
        };
        if let Some(known) = self.by_port.borrow().get(&port.number) {
            return known.clone();
        }
        let lost = look();
        self.by_port.borrow_mut().insert(port.number, lost.clone());
        lost
    }

    /// What is seen of the cluster with these changes; nothing, if one of them cannot be made.
    pub(crate) fn with<T>(
        &self,
        changes: &[TriedChange],
        look: impl FnOnce(&Snapshot) -> T,
    ) -> Option<T> {
        let copy = self.copy.get_or_init(|| {
            let mut copy = self.snapshot.clone();
            copy.registry.keep_sidecar(self.sidecar);
            RefCell::new(copy)
        });
        let mut copy = copy.borrow_mut();
        let mut made = Vec::new();
        for change in changes {
            made.extend(change.make(&mut copy.registry));
        }
        let seen = (made.len() == changes.len()).then(|| look(&copy));
        for undo in made.into_iter().rev() {
            copy.registry.undo(undo);
        }
        seen
    }
}
