//! Part 2: what a client notices of the agent. The kernel's statistics are off here.

use anyhow::Result;
use serde::Serialize;

use super::{
    plan::BenchPlan,
    quartiles::Quartiles,
    stand::{Connects, Stand},
};

/// What changes with the agent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Latency {
    /// Nanoseconds of connect(), each round's median.
    pub(super) connect_p50_ns: Comparison,
    /// Nanoseconds of connect(), the slowest in a hundred of each round.
    pub(super) connect_p99_ns: Comparison,
    /// A loop of socket, connect, close.
    pub(super) connections_per_second: Comparison,
}

/// One figure without and with the agent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Comparison {
    pub(super) without: Quartiles,
    pub(super) with: Quartiles,
    /// Of each pair: with less without.
    pub(super) difference: Quartiles,
    /// The median difference in percent of the median without.
    pub(super) percent: f64,
    /// Of neighbours that are both without: what the machine does by itself. A difference that is
    /// not well above this is none.
    pub(super) noise: Quartiles,
}

/// Two neighbouring measurements.
struct Pair {
    without: Connects,
    with: Connects,
}

pub(super) fn measure(stand: &Stand<'_>, plan: BenchPlan) -> Result<Latency> {
    let mut pairs = Vec::new();
    for round in 0..plan.rounds {
        // In turns also within the pairs: a machine that gets slower favours neither. And so two
        // that are both without stand side by side, at the end of an odd round and after it.
        pairs.push(if round % 2 == 0 {
            let without = without_agent(stand, plan)?;
            let with = with_agent(stand, plan)?;
            Pair { without, with }
        } else {
            let with = with_agent(stand, plan)?;
            let without = without_agent(stand, plan)?;
            Pair { without, with }
        });
    }
    Ok(Latency {
        connect_p50_ns: change(&pairs, |connects| connects.p50_ns),
        connect_p99_ns: change(&pairs, |connects| connects.p99_ns),
        connections_per_second: change(&pairs, |connects| connects.per_second),
    })
}

/// The agent is started here too, and is gone again: a CPU that just worked is faster than one
/// that slept.
fn without_agent(stand: &Stand<'_>, plan: BenchPlan) -> Result<Connects> {
    stand.agent()?.stop()?;
    connect(stand, plan)
}

fn with_agent(stand: &Stand<'_>, plan: BenchPlan) -> Result<Connects> {
    let agent = stand.agent()?;
    let connects = connect(stand, plan)?;
    agent.stop()?;
    Ok(connects)
}

fn connect(stand: &Stand<'_>, plan: BenchPlan) -> Result<Connects> {
    stand.connect(plan.connections.div_ceil(10))?;
    stand.connect(plan.connections)
}

fn change(pairs: &[Pair], figure: impl Fn(&Connects) -> f64) -> Comparison {
    let without = Quartiles::of(pairs.iter().map(|pair| figure(&pair.without)));
    let with = Quartiles::of(pairs.iter().map(|pair| figure(&pair.with)));
    let difference = pairs
        .iter()
        .map(|pair| figure(&pair.with) - figure(&pair.without));
    let difference = Quartiles::of(difference);
    let odd = pairs.iter().skip(1).step_by(2);
    let neighbours = odd.zip(pairs.iter().skip(2).step_by(2));
    let noise = neighbours.map(|(last, next)| figure(&next.without) - figure(&last.without));
    Comparison {
        without,
        with,
        difference,
        percent: 100.0 * difference.median / without.median,
        noise: Quartiles::of(noise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_taken_in_pairs() {
        let connects = |p50_ns| Connects {
            p50_ns,
            p99_ns: 0.0,
            per_second: 0.0,
        };
        // The machine got twice as slow, the agent cost 1 all the time.
        let pairs = [(10.0, 11.0), (20.0, 21.0), (20.0, 21.0)].map(|(without, with)| Pair {
            without: connects(without),
            with: connects(with),
        });
        let change = change(&pairs, |connects| connects.p50_ns);
        assert_eq!(change.difference, Quartiles::of([1.0]));
        assert_eq!(change.percent, 5.0);
        assert_eq!(change.noise, Quartiles::of([0.0]));
    }
}
