//! Changes, tried on a copy of the cluster before anybody is told to make them: whether they help,
//! and what they take away.

mod change;
mod commands;
mod loss;

pub(crate) use self::{
    change::{Change, stand_in},
    commands::{differences, patch},
    loss::{Sight, losses},
};

use std::cell::{OnceCell, RefCell};

use egress_observer_istio::view::Snapshot;

/// A cluster, and a copy of it for trials, which is made when it is first needed. Each trial changes
/// the copy and takes the changes back.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    snapshot: &'a Snapshot,
    copy: OnceCell<RefCell<Snapshot>>,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            copy: OnceCell::new(),
        }
    }

    /// What is seen of the cluster with these changes; nothing, if one of them cannot be made.
    pub(crate) fn with<T>(
        &self,
        changes: &[Change],
        look: impl FnOnce(&Snapshot) -> T,
    ) -> Option<T> {
        let copy = self
            .copy
            .get_or_init(|| RefCell::new(self.snapshot.clone()));
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
