//! Findings on their way to a file.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::error;

use super::{
    Record,
    file::{RecordError, RecordFile, Rotation},
};
use crate::finding::Finding;

/// Collects findings, and writes them from time to time.
#[derive(Debug)]
pub struct Recorder {
    file: RecordFile,
    pending: Record,
    interval: Duration,
    written: Instant,
    n_errors: u64,
    /// Whether the last try failed: said once.
    failed: bool,
}

impl Recorder {
    /// Writes what gathers in `pending` to the file at `path`, every `interval` and when it is full.
    pub fn start(
        path: &Path,
        rotation: Rotation,
        pending: Record,
        interval: Duration,
    ) -> Result<Self, RecordError> {
        Ok(Self {
            file: RecordFile::open(path, rotation)?,
            pending,
            interval,
            written: Instant::now(),
            n_errors: 0,
            failed: false,
        })
    }

    /// Takes a finding in.
    pub fn add(&mut self, finding: Finding, time: Timestamp, now: Instant) {
        // What cannot be written is not tried again for each of many.
        let again = !self.failed || now - self.written >= self.interval;
        if self.pending.is_full() && again {
            self.write(now);
        }
        self.pending.add(finding, time);
    }

    /// Writes, if it is time.
    pub fn turn(&mut self, now: Instant) {
        if now - self.written >= self.interval {
            self.write(now);
        }
    }

    /// Writes what is pending; it stays so if that fails.
    pub fn write(&mut self, now: Instant) {
        self.written = now;
        match self.file.write(&mut self.pending) {
            Ok(()) => self.failed = false,
            Err(error) => {
                self.n_errors += 1;
                if !self.failed {
                    self.failed = true;
                    error!("{:#}; trying again", anyhow::Error::from(error));
                }
            }
        }
    }

    /// How often that failed.
    pub fn n_errors(&self) -> u64 {
        self.n_errors
    }

    /// How many kinds of findings were forgotten before they were written.
    pub fn n_evicted(&self) -> u64 {
        self.pending.n_evicted()
    }
}
