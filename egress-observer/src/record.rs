//! Findings, kept for those who ask: connections of the same kind are one, with a count.
//!
//! The agent keeps two of these: what was seen lately, for its API; and, with `--record`, what was
//! not written to the file yet.

mod file;
mod recorder;

use std::{collections::HashMap, io};

use jiff::Timestamp;

pub use self::{
    file::{RecordError, Rotation},
    recorder::Recorder,
};
use crate::finding::{self, Finding, FindingKind, Sightings};

/// Findings by kind, at most so many.
#[derive(Debug)]
pub struct Record {
    /// A kind in a box of its own: a table has up to four times as many places as it is full.
    kinds: HashMap<Box<FindingKind>, Sightings>,
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
        let Finding { kind, n } = finding;
        if let Some(seen) = self.kinds.get_mut(&kind) {
            seen.n += n;
            seen.last = now;
            return;
        }
        if self.kinds.len() >= self.max {
            self.evict();
        }
        let seen = Sightings {
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
            finding::write(kind, seen, out)?;
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
