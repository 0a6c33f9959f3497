//! What tests change and requests read, from two threads.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    faults::Faults,
    log::Log,
    rbac::Rbac,
    resources::{Found, Resource, Served},
    store::Store,
};

/// What the server makes of `sendInitialEvents`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamingLists {
    /// As Kubernetes 1.34 and later do.
    #[default]
    Served,
    /// As 1.27 to 1.31 and 1.33: known, but refused.
    SwitchedOff,
    /// As 1.26 and before: ignored, but what goes with it is refused.
    Unknown,
}

/// Everything but connections.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) served: Served,
    pub(super) streaming_lists: StreamingLists,
    pub(super) faults: Faults,
    pub(super) rbac: Option<Rbac>,
    pub(super) log: Log,
    pub(super) latency: Duration,
    /// Lines that every watch of a resource gets instead of events.
    pub(super) recorded: BTreeMap<&'static str, String>,
    /// How often the watches of a resource were cut.
    pub(super) cuts: BTreeMap<&'static str, u64>,
}

impl State {
    pub(super) fn cuts_of(&self, resource: &Resource) -> u64 {
        self.cuts.get(resource.id).copied().unwrap_or_default()
    }

    pub(super) fn is_served(&self, resource: &Resource, version: &str) -> bool {
        let found = self
            .served
            .find(resource.group(), version, resource.plural());
        matches!(found, Found::Resource(_))
    }

    pub(super) fn recorded(&self, resource: &Resource) -> Option<String> {
        self.recorded.get(resource.id).cloned()
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Wakes the watches.
    changed: watch::Sender<()>,
    pub(super) user: String,
    pub(super) token: String,
    pub(super) bookmark_interval: Duration,
}

impl Shared {
    pub(super) fn new(
        state: State,
        user: String,
        token: String,
        bookmark_interval: Duration,
    ) -> Self {
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            user,
            token,
            bookmark_interval,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the state is reported by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and tells the watches.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_replace(());
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
