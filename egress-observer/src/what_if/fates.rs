//! What becomes of connections: when they change, and how many have the same fate.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{FlowCounts, Group, ReasonedVerdict, Total, When};
use egress_observer_istio::{
    judgement::Judgement,
    vocabulary::{Protocol, Verdict},
};

/// How many flows and connections have the same fate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FateCounts {
    pub(super) n_flows: u64,
    pub(super) n_connections: u64,
}

/// The fate of connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowFate {
    pub(super) namespace: Arc<str>,
    pub(super) workload: Arc<str>,
    pub(super) destination: FateDestination,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    pub(super) before: ReasonedVerdict,
    pub(super) now: ReasonedVerdict,
    pub(super) restarted: ReasonedVerdict,
    pub(super) when: When,
    pub(super) stale_already: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum FateDestination {
    Host(Arc<str>),
    Ip(IpAddr),
}

/// The verdict of a judgement, and its reason.
pub(super) fn outcome(judged: &Judgement<'_>) -> ReasonedVerdict {
    ReasonedVerdict {
        verdict: judged.verdict,
        reason: judged.reason,
    }
}

/// What is not known of a restart is no change: the report says so once for the pod.
pub(super) fn when(
    before: &Judgement<'_>,
    now: &Judgement<'_>,
    restarted: &Judgement<'_>,
    restart_is_known: bool,
) -> When {
    let at_once = before.verdict != now.verdict;
    let later = restart_is_known && now.verdict != restarted.verdict;
    match (at_once, later) {
        (true, true) => When::Twice,
        (true, false) => When::AtOnce,
        (false, true) => When::AfterRestart,
        (false, false) => When::Never,
    }
}

/// What was judged, and connections by verdict.
pub(super) fn totals<'f>(
    fates: impl Iterator<Item = (&'f FlowFate, &'f FateCounts)>,
) -> (FlowCounts, Vec<Total>) {
    let mut flows = FlowCounts::default();
    let mut totals: BTreeMap<Verdict, Total> = BTreeMap::new();
    for (fate, counts) in fates {
        let n = counts.n_connections;
        flows.flows += counts.n_flows;
        flows.connections = flows.connections.saturating_add(n);
        if fate.when != When::Never {
            flows.changed = flows.changed.saturating_add(n);
        }
        let before = &mut total(&mut totals, fate.before).before;
        *before = before.saturating_add(n);
        let now = &mut total(&mut totals, fate.now).now;
        *now = now.saturating_add(n);
        let restarted = &mut total(&mut totals, fate.restarted).restarted;
        *restarted = restarted.saturating_add(n);
    }
    (flows, totals.into_values().collect())
}

fn total(totals: &mut BTreeMap<Verdict, Total>, judged: ReasonedVerdict) -> &mut Total {
    let verdict = judged.verdict;
    totals.entry(verdict).or_insert(Total {
        verdict,
        before: 0,
        now: 0,
        restarted: 0,
    })
}

/// Those that change first, then the largest.
pub(super) fn groups(fates: impl Iterator<Item = (FlowFate, FateCounts)>, all: bool) -> Vec<Group> {
    let mut groups: Vec<Group> = fates
        .filter(|(fate, _)| all || fate.when != When::Never)
        .map(|(fate, counts)| Group {
            when: fate.when,
            namespace: fate.namespace.to_string(),
            workload: fate.workload.to_string(),
            destination: match fate.destination {
                FateDestination::Host(host) => host.to_string(),
                FateDestination::Ip(ip) => ip.to_string(),
            },
            port: fate.port,
            protocol: fate.protocol,
            before: fate.before,
            now: fate.now,
            restarted: fate.restarted,
            stale_already: fate.stale_already,
            flows: counts.n_flows,
            connections: counts.n_connections,
        })
        .collect();
    groups.sort_by(|a, b| {
        let size = (a.when, b.connections).cmp(&(b.when, a.connections));
        size.then_with(|| order(a).cmp(&order(b)))
    });
    groups
}

/// The order of groups that are alike in size: by name, then by whatever tells them apart.
fn order(group: &Group) -> impl Ord {
    let names = (&group.namespace, &group.workload, &group.destination);
    let judgements = [group.before, group.now, group.restarted];
    (
        names,
        group.port,
        group.protocol,
        judgements,
        group.stale_already,
    )
}
