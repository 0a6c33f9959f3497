//! Which pods a change makes stale, and whether a restart changes anything for their connections.

use std::{collections::BTreeMap, sync::Arc};

use super::{Open, Restart, Stale, sides::PodSides};
use egress_observer_istio::{
    injection::{
        pod::Pod,
        restart,
        setup::{Membership, Setup},
    },
    vocabulary::Reason,
};

/// What the flows of a pod say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effect {
    pub(super) n_flows: u64,
    /// Flows and connections that a restart changes.
    pub(super) n_changed_flows: u64,
    pub(super) n_changed: u64,
}

impl Effect {
    /// Takes in a flow of this many connections, which a restart changes or does not.
    pub(super) fn add(&mut self, n: u64, changed: bool) {
        self.n_flows += 1;
        if changed {
            self.n_changed_flows += 1;
            self.n_changed = self.n_changed.saturating_add(n);
        }
    }

    fn sum(&mut self, other: &Self) {
        self.n_flows += other.n_flows;
        self.n_changed_flows += other.n_changed_flows;
        self.n_changed = self.n_changed.saturating_add(other.n_changed);
    }
}

/// Namespace and name.
type Workload = (Arc<str>, Arc<str>);

/// Pods of a workload that need a restart for the same cause.
type RestartKey = (Stale, Workload, Option<String>);

/// Pods of a workload of which the same is missing.
type OpenKey = (Workload, Reason, String);

/// Pods to restart, and those of which that is not known, by workload.
pub(super) fn restarts<'p>(
    pods: impl Iterator<Item = (&'p PodSides, &'p Effect)>,
) -> (Vec<Restart>, Vec<Open>) {
    let mut restarts: BTreeMap<RestartKey, (u64, Effect)> = BTreeMap::new();
    let mut open: BTreeMap<OpenKey, u64> = BTreeMap::new();
    for (sides, effect) in pods {
        let pod = &sides.before;
        let workload = (Arc::clone(&pod.namespace), Arc::clone(&pod.workload));
        let stale = sides.now.stale();
        if stale == Some(true) || effect.n_changed_flows > 0 {
            let stale = if sides.stale_already == Some(true) {
                Stale::Already
            } else {
                Stale::ByThisChange
            };
            let key = (stale, workload, pod.workload_kind.clone());
            let (n_pods, sum) = restarts.entry(key).or_default();
            *n_pods += 1;
            sum.sum(effect);
        } else if stale.is_none() {
            let (reason, because) = missing(&sides.now);
            *open.entry((workload, reason, because)).or_default() += 1;
        }
    }
    (
        restarts.into_iter().map(restart_of).collect(),
        open.into_iter().map(open_of).collect(),
    )
}

fn restart_of((key, (pods, effect)): (RestartKey, (u64, Effect))) -> Restart {
    let (stale, (namespace, workload), kind) = key;
    Restart {
        stale,
        command: restart::command(&namespace, &workload, kind.as_deref()),
        namespace: namespace.to_string(),
        workload: workload.to_string(),
        kind,
        pods,
        effect: (effect.n_flows > 0).then_some(effect.n_changed_flows > 0),
        connections: effect.n_changed,
    }
}

fn open_of((((namespace, workload), reason, because), pods): (OpenKey, u64)) -> Open {
    Open {
        namespace: namespace.to_string(),
        workload: workload.to_string(),
        pods,
        reason,
        because,
    }
}

/// What is missing to tell whether a pod needs a restart.
fn missing(pod: &Pod) -> (Reason, String) {
    unknown(&pod.applied)
        .or_else(|| unknown(&pod.desired))
        .unwrap_or((Reason::NotSynced, String::new()))
}

/// Why a setup is not known.
fn unknown(setup: &Setup) -> Option<(Reason, String)> {
    let Membership::Unknown(reason) = setup.membership else {
        return None;
    };
    // What was read and is wrong says more than where it stands.
    let because = match (reason, setup.notes.as_slice()) {
        (Reason::UnreadableConfig, notes @ [_, ..]) => notes.join("; "),
        _ => setup.source.clone(),
    };
    Some((reason, because))
}
