//! What is known of a document of Istio that comes in several states.

use crate::protojson::Refused;

/// The last state that Istio took, and why it refuses the newest one, if it does. A running istiod goes on
/// with the last one; one that starts knows none (`pkg/config/mesh/meshwatcher/collection.go`).
#[derive(Clone, Debug)]
pub(super) struct Known<T> {
    pub(super) last: Option<T>,
    pub(super) refused: Option<Refused>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            last: None,
            refused: None,
        }
    }
}

impl<T> Known<T> {
    /// Takes a new state in.
    pub(super) fn set(&mut self, state: Result<T, Refused>) {
        match state {
            Ok(state) => {
                self.last = Some(state);
                self.refused = None;
            }
            Err(refused) => self.refused = Some(refused),
        }
    }

    /// The newest state, unless it is refused.
    pub(super) fn taken(&self) -> Option<&T> {
        self.last.as_ref().filter(|_| self.refused.is_none())
    }
}
