//! The filter chains of a listener.

use super::{claim::Claim, egress::Egress, listener::ConflictKind};

/// What takes a connection on a listener, by what the client says first. What has a name or a range
/// to go by is asked before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chains<'r> {
    pub(super) egress: &'r Egress,
    /// Plaintext HTTP, if the listener tells it from the rest.
    pub(super) http: Option<&'r Claim>,
    /// What nothing else takes.
    pub(super) tcp: Option<&'r Claim>,
    /// Whether HTTP is told by its `Host`, and is not all for the one claim.
    pub(super) by_host: bool,
    /// The only kind that is there, if its servers speak first: it keeps others out.
    pub(super) only: Option<ConflictKind>,
    /// The sniffed claim that is part of it, where there can be one only.
    pub(super) sniffed: Option<&'r Claim>,
}
