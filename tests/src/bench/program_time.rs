//! Part 1: how long the programs run for one TCP connection of which both ends are watched.
//!
//! The kernel's own clock tells, which takes some 80 ns by itself at every run, and calling a
//! program that does nothing has its price too. Neither is the work of our programs: so programs
//! that do nothing are measured on the same hooks, in turns with ours, and subtracted.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::{
    BenchPlan,
    hooks::{HOOKS, Hook},
    programs::{self, Runs, RunsByHook},
    quartiles::Quartiles,
    stand::Stand,
};
use crate::wait;

/// How long the last connections may take to end.
const SETTLE: Duration = Duration::from_secs(10);

/// Nanoseconds per connection, and what they are made of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProgramTime {
    pub(super) programs: Vec<Program>,
    /// All runs of our programs, with the kernel's clock.
    pub(super) ours_ns: Quartiles,
    /// All runs of the empty programs, with the kernel's clock.
    pub(super) empty_ns: Quartiles,
    /// The headline: [`Self::ours_ns`] less [`Self::empty_ns`], of neighbouring rounds. What our
    /// programs cost more than programs that do nothing, with the callbacks that they ask for.
    pub(super) net_ns: Quartiles,
    /// The same, less the cost of an empty run for every run of ours, also for those that the
    /// empty programs did not ask for. What our own instructions take.
    pub(super) net_of_every_run_ns: Quartiles,
}

/// One hook.
#[derive(Debug, Serialize)]
pub(super) struct Program {
    pub(super) hook: &'static str,
    pub(super) ours: Rate,
    pub(super) empty: Rate,
}

/// Medians over all rounds.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rate {
    pub(super) runs_per_connection: f64,
    /// With the kernel's clock; null where nothing ran.
    pub(super) ns_per_run: Option<f64>,
}

/// Two neighbouring measurements.
struct Round {
    empty: RunsByHook,
    ours: RunsByHook,
}

pub(super) fn measure(stand: &Stand<'_>, plan: BenchPlan) -> Result<ProgramTime> {
    let hooks = hooks_of_the_agent(stand)?;
    let statistics = stand.statistics()?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let programs = stand.empty_programs(&hooks)?;
        let empty = runs_during(stand, programs.pid(), plan)?;
        programs.finish()?;
        let agent = stand.agent()?;
        let ours = runs_during(stand, agent.pid(), plan)?;
        agent.stop()?;
        rounds.push(Round { empty, ours });
    }
    statistics.finish()?;
    Ok(summary(&rounds, f64::from(plan.connections)))
}

fn hooks_of_the_agent(stand: &Stand<'_>) -> Result<Vec<Hook>> {
    let agent = stand.agent()?;
    let hooks = programs::hooks(agent.pid())?;
    agent.stop()?;
    Ok(hooks)
}

/// What the programs of `pid` run for one half of a round.
fn runs_during(stand: &Stand<'_>, pid: u32, plan: BenchPlan) -> Result<RunsByHook> {
    // Caches are warm and the flow is known, as on a node that runs for a while.
    stand.connect(plan.connections.div_ceil(10))?;
    let before = settled(pid)?;
    stand.connect(plan.connections)?;
    let after = settled(pid)?;
    let since = after.into_iter().map(|(hook, after)| {
        let before = before.get(hook).copied().unwrap_or_default();
        let runs = Runs {
            ns: after.ns - before.ns,
            count: after.count - before.count,
        };
        (hook, runs)
    });
    Ok(since.collect())
}

/// The runs so far, once the server is done with the last connection.
fn settled(pid: u32) -> Result<RunsByHook> {
    let mut last = programs::runs(pid)?;
    wait::until("the programs are quiet", SETTLE, || {
        // Two looks without a pause would always agree.
        wait::pause();
        let now = programs::runs(pid)?;
        let quiet = now == last;
        last = now;
        Ok(quiet.then(|| last.clone()))
    })
}

fn summary(rounds: &[Round], connections: f64) -> ProgramTime {
    let seen = HOOKS.iter().filter(|hook| {
        rounds
            .iter()
            .any(|round| round.ours.contains_key(hook.name))
    });
    let programs = seen.map(|hook| Program {
        hook: hook.name,
        ours: rate(rounds.iter().map(|round| &round.ours), hook, connections),
        empty: rate(rounds.iter().map(|round| &round.empty), hook, connections),
    });
    ProgramTime {
        programs: programs.collect(),
        ours_ns: each(rounds, connections, |round| total_ns(&round.ours)),
        empty_ns: each(rounds, connections, |round| total_ns(&round.empty)),
        net_ns: each(rounds, connections, |round| {
            total_ns(&round.ours) - total_ns(&round.empty)
        }),
        net_of_every_run_ns: each(rounds, connections, net_of_every_run),
    }
}

/// What `ns` says of every round, for one of its connections.
fn each(rounds: &[Round], connections: f64, ns: impl Fn(&Round) -> f64) -> Quartiles {
    Quartiles::of(rounds.iter().map(|round| ns(round) / connections))
}

fn total_ns(runs: &RunsByHook) -> f64 {
    runs.values().map(|runs| runs.ns as f64).sum()
}

/// Nanoseconds of a round that are our own instructions'.
fn net_of_every_run(round: &Round) -> f64 {
    let net = round.ours.iter().map(|(hook, ours)| {
        let empty = round.empty.get(hook).copied().and_then(ns_per_run);
        ours.ns as f64 - ours.count as f64 * empty.unwrap_or_default()
    });
    net.sum()
}

fn ns_per_run(runs: Runs) -> Option<f64> {
    (runs.count > 0).then(|| runs.ns as f64 / runs.count as f64)
}

fn rate<'a>(rounds: impl Iterator<Item = &'a RunsByHook>, hook: &Hook, connections: f64) -> Rate {
    let runs: Vec<Runs> = rounds
        .map(|runs| runs.get(hook.name).copied().unwrap_or_default())
        .collect();
    let per_run: Vec<f64> = runs.iter().copied().filter_map(ns_per_run).collect();
    let per_connection = runs.iter().map(|runs| runs.count as f64 / connections);
    Rate {
        runs_per_connection: Quartiles::of(per_connection).median,
        ns_per_run: (!per_run.is_empty()).then(|| Quartiles::of(per_run).median),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_programs_are_subtracted_as_a_whole_and_per_run() {
        let runs = |ns, count| Runs { ns, count };
        // Ten connections. Ours has 200 ns a run, and one more callback of sock_ops.
        let round = Round {
            empty: [("connect4", runs(800, 10)), ("sock_ops", runs(7_200, 90))].into(),
            ours: [
                ("connect4", runs(2_000, 10)),
                ("sock_ops", runs(20_000, 100)),
            ]
            .into(),
        };
        let time = summary(&[round], 10.0);
        assert_eq!(time.ours_ns.median, 2_200.0);
        assert_eq!(time.empty_ns.median, 800.0);
        assert_eq!(time.net_ns.median, 1_400.0);
        assert_eq!(time.net_of_every_run_ns.median, 1_320.0);
        let sock_ops = &time.programs[1];
        assert_eq!(sock_ops.ours.runs_per_connection, 10.0);
        assert_eq!(sock_ops.empty.ns_per_run, Some(80.0));
    }
}
