//! Which host a connection is told by, where an entry takes it.

use std::sync::Arc;

use egress_observer_istio::{judgement::Judgement, vocabulary::Verdict};

/// The host of the entry that takes a connection, unless that is not the one that was dialled: then the
/// connection is told by what was dialled, not by where it went.
pub(crate) fn declared_host<'a>(judged: &Judgement<'a>) -> Option<&'a Arc<str>> {
    judged.host.filter(|_| judged.verdict != Verdict::Misrouted)
}
