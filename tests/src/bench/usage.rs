//! What a process uses: memory, CPU time, and how often it is woken.

use std::{fs, time::Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::machine::field;

/// What was used in a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// Each time that a thread went to sleep by itself, and so was woken before.
    pub(crate) wakeups_per_second: f64,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    at: Instant,
    cpu_ns: u64,
    voluntary_switches: u64,
}

/// Its resident memory.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let kib = field(&status, "VmRSS").and_then(|value| value.strip_suffix(" kB"));
    let kib: Option<u64> = kib.and_then(|kib| kib.trim().parse().ok());
    Ok(kib.context("the kernel tells no resident memory")? * 1024)
}

impl Used {
    /// The sum over all threads. Not `process_cpu_seconds_total`: that has hundredths of a second,
    /// and asking for it is work for the agent.
    pub(crate) fn read(pid: u32) -> Result<Self> {
        let mut used = Self {
            at: Instant::now(),
            cpu_ns: 0,
            voluntary_switches: 0,
        };
        let dir = format!("/proc/{pid}/task");
        for task in fs::read_dir(&dir).with_context(|| format!("cannot read {dir}"))? {
            let task = task.with_context(|| format!("cannot read {dir}"))?.path();
            let schedstat = read(&task.join("schedstat").to_string_lossy())?;
            let cpu_ns = schedstat.split(' ').next().and_then(|ns| ns.parse().ok());
            let status = read(&task.join("status").to_string_lossy())?;
            let switches = field(&status, "voluntary_ctxt_switches").and_then(|n| n.parse().ok());
            used.cpu_ns += cpu_ns.unwrap_or(0);
            used.voluntary_switches += switches.unwrap_or(0);
        }
        Ok(used)
    }

    /// CPU time so far.
    pub(crate) fn cpu_seconds(self) -> f64 {
        self.cpu_ns as f64 / 1e9
    }

    /// What was used in between.
    pub(crate) fn since(self, earlier: Self) -> Usage {
        let seconds = (self.at - earlier.at).as_secs_f64();
        let switches = self
            .voluntary_switches
            .saturating_sub(earlier.voluntary_switches);
        Usage {
            seconds,
            cpu_seconds: self.cpu_ns.saturating_sub(earlier.cpu_ns) as f64 / 1e9,
            wakeups_per_second: switches as f64 / seconds,
        }
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}
