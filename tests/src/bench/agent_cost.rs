//! Part 3: what the agent itself uses under load and without.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::{
    plan::BenchPlan,
    programs,
    stand::{Stand, WORKLOAD},
    usage::{Usage, Used, resident_bytes},
};
use crate::{metrics::Scrape, wait};

/// What the agent used, and whether it counted what was made meanwhile.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentCost {
    /// Resident memory after the start.
    pub(super) start_bytes: u64,
    /// Resident memory with all destinations in its tables, after a scrape.
    pub(super) flows_bytes: u64,
    /// Resident memory at the end.
    pub(super) end_bytes: u64,
    /// What its tables and programs take in the kernel, at the end.
    pub(super) kernel_bytes: u64,
    /// Flows that the agent remembered.
    pub(super) flows: u64,
    /// While connections were made as fast as one client can.
    pub(super) load: Usage,
    /// As long, while nothing happened.
    pub(super) idle: Usage,
    /// CPU time under load less that of idling, for one connection.
    pub(super) cpu_ns_per_connection: f64,
    /// Time to answer a scrape with all flows.
    pub(super) scrape_seconds: f64,
    /// Connections made, counted as the workload's, and lost by the agent's own account.
    pub(super) made: u64,
    pub(super) counted: u64,
    pub(super) lost: u64,
}

pub(super) fn measure(stand: &Stand<'_>, plan: BenchPlan) -> Result<AgentCost> {
    let mut agent = stand.agent()?;
    let pid = agent.pid();
    let start_bytes = resident_bytes(pid)?;
    stand.connect_to_each(plan.flows)?;
    agent.scrape()?;
    let flows_bytes = resident_bytes(pid)?;

    let begin = Used::read(pid)?;
    stand.connect(plan.load)?;
    let load = Used::read(pid)?.since(begin);
    let begin = Used::read(pid)?;
    idle(Duration::from_secs_f64(load.seconds))?;
    let idle = Used::read(pid)?.since(begin);

    let scrape = agent.scrape()?;
    let end_bytes = resident_bytes(pid)?;
    let kernel_bytes = programs::kernel_bytes(pid)?;
    // A scrape tells how long the one before it took.
    let scrape_seconds = agent.scrape()?.sum(&own("scrape_duration_seconds"), &[]);
    agent.stop()?;
    Ok(AgentCost {
        start_bytes,
        flows_bytes,
        end_bytes,
        kernel_bytes,
        flows: scrape.sum(&own("bpf_map_entries"), &[("map", "flows")]) as u64,
        load,
        idle,
        cpu_ns_per_connection: (load.cpu_seconds - idle.cpu_seconds) * 1e9 / f64::from(plan.load),
        scrape_seconds,
        made: u64::from(plan.flows) + u64::from(plan.load),
        counted: scrape.sum(&own("connections_total"), &[("source_workload", WORKLOAD)]) as u64,
        lost: lost(&scrape),
    })
}

fn own(name: &str) -> String {
    format!("egress_observer_{name}")
}

fn lost(scrape: &Scrape) -> u64 {
    let families = ["flows_lost_total", "events_lost_total"];
    families
        .map(|name| scrape.sum(&own(name), &[]) as u64)
        .iter()
        .sum()
}

fn idle(time: Duration) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        wait::check_interrupt()?;
        wait::pause();
    }
    Ok(())
}
