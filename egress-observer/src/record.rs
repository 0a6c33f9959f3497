//! Findings, kept for those who ask: connections of the same kind are one, with a count.
//!
//! The agent keeps two of these: what was seen lately, for its API; and, with `--record`, what was
//! not written to the file yet.

mod file;
mod line;
mod recorder;

use std::{collections::HashMap, io, net::IpAddr, sync::Arc};

use jiff::Timestamp;

pub use self::{
    file::{RecordError, Rotation},
    recorder::Recorder,
};
use crate::finding::{Client, Finding, Service};
use egress_observer_istio::vocabulary::{
    Actor, ConnectionFailure, ObservedPath, Protocol, Reason, RegistryMatch, Scope, Verdict,
};

/// What makes connections be of the same kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    namespace: Arc<str>,
    workload: Arc<str>,
    process: Option<Process>,
    service: Service,
    ip: IpAddr,
    names: Vec<Arc<str>>,
    port: u16,
    protocol: Protocol,
    actor: Actor,
    scope: Scope,
    path: ObservedPath,
    registry: RegistryMatch,
    verdict: Verdict,
    reason: Reason,
    failure: Option<ConnectionFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Process {
    pod: String,
    container: Option<Arc<str>>,
    uid: u32,
    gid: u32,
}

impl Process {
    fn of(client: &Client) -> Self {
        Self {
            pod: client.pod.name.clone(),
            container: client.container.clone(),
            uid: client.uid,
            gid: client.gid,
        }
    }
}

impl Kind {
    fn of(finding: Finding) -> Self {
        Self {
            process: finding.client.as_ref().map(Process::of),
            namespace: finding.namespace,
            workload: finding.workload,
            service: finding.service,
            ip: finding.ip,
            names: finding.names,
            port: finding.port,
            protocol: finding.protocol,
            actor: finding.actor,
            scope: finding.scope,
            path: finding.path,
            registry: finding.registry,
            verdict: finding.verdict,
            reason: finding.reason,
            failure: finding.failure,
        }
    }
}

/// How often, and when.
#[derive(Clone, Copy, Debug)]
struct Seen {
    n: u64,
    first: Timestamp,
    last: Timestamp,
}

/// Findings by kind, at most so many.
#[derive(Debug)]
pub struct Record {
    /// A kind in a box of its own: a table has up to four times as many places as it is full.
    kinds: HashMap<Box<Kind>, Seen>,
    max: usize,
    n_evicted: u64,
}

impl Record {
    /// An empty one with room for `max` kinds.
    pub fn new(max: usize) -> Self {
        Self {
            kinds: HashMap::new(),
            max,
            n_evicted: 0,
        }
    }

    /// Takes a finding in.
    pub fn add(&mut self, finding: Finding, now: Timestamp) {
        let n = finding.n;
        let kind = Kind::of(finding);
        if let Some(seen) = self.kinds.get_mut(&kind) {
            seen.n += n;
            seen.last = now;
            return;
        }
        if self.kinds.len() >= self.max {
            self.evict();
        }
        let seen = Seen {
            n,
            first: now,
            last: now,
        };
        self.kinds.insert(Box::new(kind), seen);
    }

    /// Forgets the quarter that was not seen for longest: one at a time would cost a search each.
    fn evict(&mut self) {
        let mut ages: Vec<Timestamp> = self.kinds.values().map(|seen| seen.last).collect();
        let quarter = ages.len() / 4;
        let (_, newest, _) = ages.select_nth_unstable(quarter);
        let newest = *newest;
        let mut left = quarter + 1;
        self.kinds.retain(|_, seen| {
            let goes = seen.last <= newest && left > 0;
            left -= usize::from(goes);
            !goes
        });
        self.n_evicted += (quarter + 1 - left) as u64;
    }

    /// Whether there is no room for another kind.
    pub fn is_full(&self) -> bool {
        self.kinds.len() >= self.max
    }

    /// How many kinds were forgotten for others.
    pub fn n_evicted(&self) -> u64 {
        self.n_evicted
    }

    /// Writes each kind as a line of JSON, the one seen last at the end.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(kind, seen)| {
            let order = (&kind.namespace, &kind.workload, kind.ip, kind.port);
            (seen.last, order)
        });
        for (kind, seen) in kinds {
            serde_json::to_writer(&mut *out, &line::Line::new(kind, seen))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Forgets everything, for it was written.
    pub fn clear(&mut self) {
        self.kinds.clear();
    }

    /// How many kinds there are.
    pub fn n_kinds(&self) -> usize {
        self.kinds.len()
    }
}

#[cfg(test)]
mod tests;
