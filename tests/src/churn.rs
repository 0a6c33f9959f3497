//! A full node whose pods come and go: some hundred that stay, and thousands that start, connect
//! once and end within a moment, while the agent asks an API server who they are.
//!
//! What the agent looks at is real: cgroups are made and removed as the kubelet and the runtimes do
//! it, every connection is made by a process in one of them, and the API server tells of pods as
//! late as a kubelet does: of some only after they have ended, of some never which container it was.
//!
//! In reading order: `life`, what happens to a pod; `shape`, its cgroups; `objects`, what the API
//! server says of it; `node`, where it happens; `kubelet`, the threads that make it happen;
//! `samples`, what the agent uses meanwhile; [`figures`], what came of it.

pub mod figures;

mod kubelet;
mod life;
mod node;
mod objects;
mod samples;
mod shape;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};

pub use self::figures::ChurnFigures;
use self::{
    figures::{Outcome, Requests},
    node::FullNode,
    samples::Sampler,
};
use crate::wait;

/// Longer than the agent waits for what it does not know.
const SETTLE: Duration = Duration::from_secs(45);

/// How much happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChurnPlan {
    /// Pods that are there before the agent, and stay.
    pub standing: u32,
    /// Pods that start.
    pub starts_per_minute: u32,
    pub duration: Duration,
    /// Between two scrapes, with a look at what the agent uses.
    pub interval: Duration,
}

/// Lets pods come and go, and removes everything also after a Ctrl-C. Needs root.
pub fn run(agent: &Path, traffic: &Path, plan: ChurnPlan) -> Result<ChurnFigures> {
    let node = FullNode::create(traffic, plan.standing).context("cannot make the node")?;
    let mut agent = node.start_agent(agent)?;
    let n_requests = node.api.requests().len();
    let mut sampler = Sampler::start(&node.api, &mut agent)?;
    let made = kubelet::run(&node, plan, || sampler.take(&mut agent))?;
    // What is not known yet waits; what is still not known then is counted as nobody's.
    let settled = wait::until("the agent counts what was made", SETTLE, || {
        let outcome = Outcome::of(&agent.scrape()?);
        Ok((outcome.n_counted() >= made.n_connections()).then_some(()))
    });
    let outcome = Outcome::of(&agent.scrape()?);
    sampler.take(&mut agent)?;
    let samples = sampler.finish();
    // Too few is a figure like others.
    drop(settled);
    wait::check_interrupt()?;
    let requests = Requests::of(&node.api.requests(), n_requests);
    let log = agent.log();
    agent.stop()?;
    Ok(ChurnFigures {
        made,
        outcome,
        samples,
        requests,
        log,
    })
}
