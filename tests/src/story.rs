//! The story the product starts from, played on the simulated node: a pod cannot reach the
//! outside, and every way out changes what the mesh sees.
//!
//! Each step makes one connection with a real client and compares what the agent's metrics say
//! about it with what must have happened. Before each, `explain` says from the manifests alone what
//! it will be. In the end the operator declares what was blocked ([`Fix`]).

mod cast;
mod fix;
mod observed;
mod predicted;
mod row;
mod stage;
mod step;

use std::path::Path;

use anyhow::Result;

use crate::{agent::Agent, metrics::Scrape, node::Node};

pub use self::cast::{Cast, make_node, record_file, start_agent};
pub use self::fix::{Change, Fix, Judged};
pub use self::observed::{CONNECTIONS, DESTINATIONS, Observed};
pub use self::row::Row;
pub use self::step::{NAMESPACE, Saw, Step, Wanted, fix_steps, steps};
use self::{observed::count, stage::Stage};

/// The story when it is over, with node and agent still running.
#[derive(Debug)]
pub struct Played {
    pub rows: Vec<Row>,
    pub fix: Fix,
    /// TCP connections of the sidecars to the outside that the agent counted as their own.
    pub n_proxy_upstream: u64,
    /// Taken after the last step.
    pub scrape: Scrape,
    pub agent: Agent,
    pub node: Node,
}

impl Played {
    /// Whether everything was as it must be.
    pub fn is_right(&self) -> bool {
        self.n_proxy_upstream == self.n_forwarded()
            && self.rows.iter().all(Row::is_right)
            && self.fix.is_right()
    }

    /// Each connection that a sidecar forwards makes one of its own.
    pub fn n_forwarded(&self) -> u64 {
        let ends_there = ["blocked", "unreachable"];
        let rows = self.rows.iter().chain(&self.fix.rows);
        let forwarded = rows.filter(|row| {
            let wanted = &row.step.wanted;
            wanted.path == "captured" && !ends_there.contains(&wanted.verdict)
        });
        forwarded.map(|_| 1).sum()
    }
}

/// Plays the whole story with mere processes; `say` gets a line for every stage.
pub fn play(binary: &Path, envoy: &Path, say: &mut dyn FnMut(&str)) -> Result<Played> {
    let cast = Cast {
        binary,
        envoy,
        pods: None,
    };
    play_with(cast, say)
}

/// Plays the whole story.
pub fn play_with(cast: Cast<'_>, say: &mut dyn FnMut(&str)) -> Result<Played> {
    let mut stage = Stage::set(cast, say)?;
    let rows = steps().into_iter().map(|step| stage.play(step));
    let rows = rows.collect::<Result<_>>()?;
    let fix = fix::play(&mut stage)?;
    let Stage {
        node, mut agent, ..
    } = stage;
    let scrape = agent.scrape()?;
    let upstream = [
        ("verdict", "proxy_upstream"),
        ("actor", "proxy"),
        ("protocol", "tcp"),
        ("scope", "external"),
    ];
    let n_proxy_upstream = count(scrape.sum(CONNECTIONS, &upstream));
    Ok(Played {
        rows,
        fix,
        n_proxy_upstream,
        scrape,
        agent,
        node,
    })
}
