//! A real Envoy with what the oracle writes, and where connections really arrive.
//!
//! Envoy listens on one port of this machine. What a redirected connection's destination was, it learns from
//! a PROXY protocol header instead of the kernel, which needs no privileges; then it hands the connection to
//! the listener of that address as it does in a pod. Every cluster is one loopback address of the same
//! server ([`upstream`]), which answers with the cluster's number.

mod bootstrap;
mod dial;
mod run;
mod upstream;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, Result};

use self::run::Running;
use self::upstream::Upstream;
use crate::config::BLACK_HOLE;
use crate::generate::World;
use crate::matcher::{Envoy, Fate, Says};
use crate::{Config, Order, write};

/// What became of a real connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    At(String),
    Answer(u16),
    /// Closed without a byte.
    Closed,
    /// Nothing happened for a while.
    Silence,
}

/// A connection of which Envoy and the oracle's matcher think differently.
#[derive(Clone, Debug)]
pub struct Difference {
    pub to: SocketAddr,
    pub says: Says,
    pub expected: String,
    pub really: Arrival,
}

/// What was compared in a case.
#[derive(Debug, Default)]
pub struct Compared {
    pub n_connections: usize,
    pub differences: Vec<Difference>,
}

/// How many connections are under way at once.
const THREADS: usize = 24;

/// Makes every connection of the case, in every way to begin, and compares with the matcher.
pub fn case(binary: &Path, world: &World) -> Result<Compared> {
    let config = write(&world.manifests, &world.client, Order::Forward);
    let envoy = Envoy::new(&config);
    let upstream = Upstream::start(&names(&config))?;
    let running = Running::start(binary, |port| {
        bootstrap::bootstrap(&config, &envoy, port, &upstream)
    })?;
    let mut connections = Vec::new();
    for destination in &world.destinations {
        for says in destination.says().into_iter().chain([Says::Nothing]) {
            let connection = (destination.to, says);
            if !connections.contains(&connection) {
                connections.push(connection);
            }
        }
    }
    let compared = Mutex::new(Compared {
        n_connections: connections.len(),
        differences: Vec::new(),
    });
    let chunk = connections.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let dialling: Vec<_> = connections
            .chunks(chunk)
            .map(|chunk| scope.spawn(|| compare(chunk, &envoy, &running, &upstream, &compared)))
            .collect();
        dialling.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(compared
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner()))
}

fn compare(
    connections: &[(SocketAddr, Says)],
    envoy: &Envoy<'_>,
    running: &Running,
    upstream: &Upstream,
    compared: &Mutex<Compared>,
) -> Result<()> {
    for (to, says) in connections {
        let outcome = envoy.ask(*to, says);
        let is_quiet = outcome.fate == Fate::Waits;
        let really = dial::dial(running.port, *to, says, is_quiet, upstream)
            .with_context(|| format!("{says} to {to}"))?;
        if !is_the_same(&outcome.fate, &really, says) {
            let difference = Difference {
                to: *to,
                says: says.clone(),
                expected: outcome.to_string(),
                really,
            };
            let mut compared = compared
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            compared.differences.push(difference);
        }
    }
    Ok(())
}

/// Whether that is what the matcher said.
pub fn is_the_same(fate: &Fate, really: &Arrival, says: &Says) -> bool {
    match (fate, really) {
        (Fate::To(clusters), Arrival::At(cluster)) => clusters.contains(cluster),
        (Fate::To(clusters), Arrival::Closed) => clusters.contains(BLACK_HOLE),
        (Fate::Missing(_), Arrival::Closed) => true,
        (Fate::Missing(_), Arrival::Answer(status)) => {
            *status == 503 && matches!(says, Says::Http(_))
        }
        (Fate::Answer(expected), Arrival::Answer(status)) => expected == status,
        (Fate::Waits, Arrival::Silence) => true,
        _ => false,
    }
}

/// The clusters that answer.
fn names(config: &Config) -> Vec<String> {
    let passthrough = crate::config::PASSTHROUGH.to_owned();
    config
        .clusters
        .keys()
        .cloned()
        .chain([passthrough])
        .collect()
}
