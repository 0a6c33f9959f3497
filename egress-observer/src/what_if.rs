//! What a change of the configuration would change, before anyone applies it: which connections get
//! another verdict, at once or after a restart of their pods, and which pods need that restart.
//! Pure: objects and flows in, a report out.
//!
//! ```text
//! objects -> change::Change -> objects -> Snapshot (today, after)
//!                    flows::Flow x world::World -> compare::Comparison -> report -> text
//! ```

pub(crate) mod change;
pub(crate) mod compare;
mod fates;
mod restarts;
pub(crate) mod set;
mod sides;
mod text;
pub(crate) mod world;

use serde::Serialize;

use egress_observer_istio::vocabulary::{Protocol, Reason, Verdict};

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhatIfReport {
    /// `egress-observer.io/v1alpha1`.
    pub(crate) api_version: &'static str,
    /// `WhatIf`.
    pub(crate) kind: &'static str,
    /// The change, as it was given.
    pub(crate) change: Vec<String>,
    pub(crate) flows: FlowCounts,
    /// Connections by verdict: what has none is left out.
    pub(crate) totals: Vec<Total>,
    /// Those that change first.
    pub(crate) groups: Vec<Group>,
    /// Pods to restart.
    pub(crate) restarts: Vec<Restart>,
    /// Pods of which it cannot be told whether they need one.
    pub(crate) unknown: Vec<Open>,
    /// What the verdicts rest on.
    pub(crate) notes: Vec<String>,
}

impl WhatIfReport {
    /// How many connections would get one of these verdicts that they do not have today.
    pub(crate) fn newly(&self, verdicts: &[Verdict]) -> u64 {
        let groups = self.groups.iter().filter(|group| group.is_newly(verdicts));
        groups
            .map(|group| group.connections)
            .fold(0, u64::saturating_add)
    }
}

/// What was judged.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlowCounts {
    /// Flows that were judged.
    pub(crate) flows: u64,
    /// Their connections.
    pub(crate) connections: u64,
    /// Connections that change, at once or after a restart.
    pub(crate) changed: u64,
    /// Flows of pods or containers that are not among the manifests.
    pub(crate) unplaced: u64,
    /// Lines that are no flows.
    pub(crate) bad_lines: u64,
}

/// Connections with one verdict.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Total {
    pub(crate) verdict: Verdict,
    pub(crate) before: u64,
    pub(crate) now: u64,
    pub(crate) restarted: u64,
}

/// A verdict and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct ReasonedVerdict {
    pub(crate) verdict: Verdict,
    pub(crate) reason: Reason,
}

/// When a connection changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// When the change is applied.
    AtOnce,
    /// Then, and again after a restart of its pod.
    Twice,
    /// After a restart of its pod.
    AfterRestart,
    /// Never, as far as that is known.
    Never,
}

/// Connections of one workload to one destination with the same fate.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    pub(crate) when: When,
    pub(crate) namespace: String,
    pub(crate) workload: String,
    /// The host of the entry that takes it, else the name or the address that it dials.
    pub(crate) destination: String,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// As things are.
    pub(crate) before: ReasonedVerdict,
    /// After the change, for the pod that keeps running.
    pub(crate) now: ReasonedVerdict,
    /// After the change and a restart of the pod.
    pub(crate) restarted: ReasonedVerdict,
    /// Whether the pod needs a restart already today, so that one may change more than this change
    /// does; null if that is not known.
    pub(crate) stale_already: Option<bool>,
    pub(crate) flows: u64,
    pub(crate) connections: u64,
}

impl Group {
    /// Whether its connections get one of these verdicts that they do not have today.
    fn is_newly(&self, verdicts: &[Verdict]) -> bool {
        self.when != When::Never
            && [self.now, self.restarted].iter().any(|after| {
                after.verdict != self.before.verdict && verdicts.contains(&after.verdict)
            })
    }
}

/// Whose fault it is that a pod needs a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stale {
    /// The change's.
    ByThisChange,
    /// It needs one already today.
    Already,
}

/// Pods of one workload to restart.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Restart {
    pub(crate) stale: Stale,
    pub(crate) namespace: String,
    pub(crate) workload: String,
    /// The kind of the workload; null if the pod is its own.
    pub(crate) kind: Option<String>,
    pub(crate) pods: u64,
    /// Whether the restart changes any of their flows; null if none of theirs was given.
    pub(crate) effect: Option<bool>,
    /// How many connections it changes.
    pub(crate) connections: u64,
    /// How to restart them, where one command does it.
    pub(crate) command: Option<String>,
}

/// Pods of one workload of which something is missing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Open {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) pods: u64,
    pub(crate) reason: Reason,
    pub(crate) because: String,
}
