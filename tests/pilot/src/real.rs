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

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
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

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} to {}: really {:?}, expected {}",
            self.says, self.to, self.really, self.expected,
        )
    }
}

/// What was compared in a case.
#[derive(Debug, Default)]
pub struct Compared {
    pub n_connections: usize,
    /// How many ended in which way.
    pub n_by_arrival: BTreeMap<&'static str, usize>,
    pub differences: Vec<Difference>,
}

/// How many connections are under way at once.
const THREADS: usize = 24;

/// Makes every connection of the case, in every way to begin, and compares with the matcher.
pub fn case(binary: &Path, world: &World) -> Result<Compared> {
    let config = write(&world.manifests, &world.client, Order::Forward);
    compare(binary, world, &config, &config)
}

/// The same where Envoy gets one configuration, and the matcher another.
pub fn compare(binary: &Path, world: &World, sent: &Config, believed: &Config) -> Result<Compared> {
    let of_sent = Envoy::new(sent);
    let upstream = Upstream::start(&names(sent))?;
    let running = Running::start(binary, |port| {
        bootstrap::bootstrap(sent, &of_sent, port, &upstream)
    })?;
    let comparing = Comparing {
        envoy: Envoy::new(believed),
        running,
        upstream,
    };
    let connections = connections(world);
    let chunk = connections.len().div_ceil(THREADS).max(1);
    let parts: Vec<Compared> = thread::scope(|scope| {
        let dialling: Vec<_> = connections
            .chunks(chunk)
            .map(|chunk| scope.spawn(|| comparing.all(chunk)))
            .collect();
        dialling
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect::<Result<_>>()
    })?;
    let mut whole = Compared::default();
    parts.into_iter().for_each(|part| whole.add(part));
    Ok(whole)
}

/// Each destination in each way to begin, once.
fn connections(world: &World) -> Vec<(SocketAddr, Says)> {
    let mut connections = Vec::new();
    for destination in &world.destinations {
        for says in destination.says().into_iter().chain([Says::Nothing]) {
            let connection = (destination.to, says);
            if !connections.contains(&connection) {
                connections.push(connection);
            }
        }
    }
    connections
}

impl Compared {
    pub fn add(&mut self, other: Self) {
        self.n_connections += other.n_connections;
        for (arrival, count) in other.n_by_arrival {
            *self.n_by_arrival.entry(arrival).or_default() += count;
        }
        self.differences.extend(other.differences);
    }
}

impl Arrival {
    /// Where an answer by the sidecar itself comes from tells more than that it is one.
    fn kind(&self) -> &'static str {
        match self {
            Self::At(cluster) if cluster == crate::config::PASSTHROUGH => "passthrough",
            Self::At(_) => "cluster",
            Self::Answer(502) => "502",
            Self::Answer(404) => "404",
            Self::Answer(400) => "400",
            Self::Answer(503) => "503",
            Self::Answer(_) => "another answer",
            Self::Closed => "closed",
            Self::Silence => "silence",
        }
    }
}

/// What all connections of a case share.
struct Comparing<'a> {
    envoy: Envoy<'a>,
    running: Running,
    upstream: Upstream,
}

impl Comparing<'_> {
    fn all(&self, connections: &[(SocketAddr, Says)]) -> Result<Compared> {
        let mut compared = Compared::default();
        for (to, says) in connections {
            let outcome = self.envoy.ask(*to, says);
            let is_quiet = outcome.fate == Fate::Waits;
            let really = dial::dial(self.running.port, *to, says, is_quiet, &self.upstream)
                .with_context(|| format!("{says} to {to}"))?;
            compared.n_connections += 1;
            *compared.n_by_arrival.entry(really.kind()).or_default() += 1;
            if !is_the_same(&outcome.fate, &really, says) {
                compared.differences.push(Difference {
                    to: *to,
                    says: says.clone(),
                    expected: outcome.to_string(),
                    really,
                });
            }
        }
        Ok(compared)
    }
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
