//! What the agent costs: the time its programs take for a connection, what the client notices of
//! it, and what the agent itself uses.
//!
//! One machine, loopback only, in the network namespace of a simulated pod: neither the machine's
//! firewall rules nor its network have a part in the figures. Whatever is compared is measured in
//! turns, because a machine's speed drifts by more than what is looked for; so differences are
//! taken between neighbours, and told as a median with its quartiles. Nothing here is a test: no
//! figure is ever too large.
//!
//! - [`plan`]: how much; `stand`, `job`: where it happens and with which programs;
//! - `program_time` by `programs` and [`hooks`]: part 1; `latency`: part 2; `agent_cost`: part 3;
//! - [`decision`]: part 4, which needs no node;
//! - [`mod@crate::churn`]: part 5, if it is asked for;
//! - `usage`, `machine`, `quartiles`, [`report`]: what is said about it.

mod agent_cost;
pub mod decision;
pub mod hooks;
pub(crate) mod job;
mod latency;
mod machine;
pub mod plan;
mod program_time;
mod programs;
mod quartiles;
pub mod report;
mod stand;
pub(crate) mod usage;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use agent_cost::AgentCost;
use decision::Decision;
use latency::Latency;
use machine::Machine;
use plan::{BenchPlan, Binaries};
use program_time::ProgramTime;
use stand::Stand;

use crate::churn;

/// All figures of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchFigures {
    machine: Machine,
    plan: BenchPlan,
    program_time: ProgramTime,
    latency: Latency,
    agent: AgentCost,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    churn: Option<churn::ChurnFigures>,
}

/// Measures everything, and removes what it made also after a Ctrl-C. Needs root.
pub fn run(
    binaries: &Binaries,
    plan: BenchPlan,
    decision: Decision,
    say: &mut dyn FnMut(&str),
) -> Result<BenchFigures> {
    let machine = Machine::read()?;
    let stand = Stand::create(binaries, &machine)?;
    say(&format!(
        "1/3 time of the programs: {} pairs of {} connections",
        plan.rounds, plan.connections
    ));
    let program_time = program_time::measure(&stand, plan)?;
    say(&format!(
        "2/3 connect() with and without the agent: {} pairs of {} connections",
        plan.rounds, plan.connections
    ));
    let latency = latency::measure(&stand, plan)?;
    say(&format!(
        "3/3 the agent itself: {} destinations, then {} connections",
        plan.flows, plan.load
    ));
    let agent = agent_cost::measure(&stand, plan)?;
    drop(stand);
    let churn = plan.churn_seconds.map(|seconds| {
        say(&format!("pods that come and go: {seconds} s"));
        churn::run(&binaries.agent, &binaries.traffic, churn_plan(seconds))
    });
    let churn = churn.transpose()?;
    Ok(BenchFigures {
        machine,
        plan,
        program_time,
        latency,
        agent,
        decision,
        churn,
    })
}

/// A full node, and as many starts as a cluster of thousands of such has at its worst.
fn churn_plan(seconds: u32) -> churn::ChurnPlan {
    churn::ChurnPlan {
        standing: 500,
        starts_per_minute: 2_000,
        duration: Duration::from_secs(seconds.into()),
        // As often as Prometheus scrapes.
        interval: Duration::from_secs(15),
    }
}
