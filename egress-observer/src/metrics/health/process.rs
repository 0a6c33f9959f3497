//! The process: what every Prometheus client library exports of it.

use std::fs;

use prometheus::{Counter, Gauge, IntGauge};

use super::maker::Maker;

/// The names that every Prometheus client library exports; the CPU time with its fraction.
#[derive(Debug)]
pub(super) struct ProcessHealth {
    cpu: Counter,
    resident: IntGauge,
    virtual_memory: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    threads: IntGauge,
    start_time: Gauge,
}

impl ProcessHealth {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        Ok(Self {
            cpu: make.keep(Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            ))?,
            resident: make.keep(IntGauge::new(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
            ))?,
            virtual_memory: make.keep(IntGauge::new(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
            ))?,
            open_fds: make.keep(IntGauge::new(
                "process_open_fds",
                "Number of open file descriptors.",
            ))?,
            max_fds: make.keep(IntGauge::new(
                "process_max_fds",
                "Maximum number of open file descriptors.",
            ))?,
            threads: make.keep(IntGauge::new(
                "process_threads",
                "Number of OS threads in the process.",
            ))?,
            start_time: make.keep(Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            ))?,
        })
    }

    /// Reads `/proc/self` (proc(5)). A figure that cannot be read keeps its last value.
    pub(super) fn update(&self) {
        let Ok(stat) = fs::read_to_string("/proc/self/stat") else {
            return;
        };
        // SAFETY: sysconf only looks its argument up.
        let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64;
        // SAFETY: as above.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1);
        let cpu = (field(&stat, 14) + field(&stat, 15)) as f64 / ticks;
        self.cpu.inc_by((cpu - self.cpu.get()).max(0.0));
        self.threads.set(field(&stat, 20) as i64);
        self.virtual_memory.set(field(&stat, 23) as i64);
        self.resident.set(field(&stat, 24) as i64 * page);
        if let Some(boot) = boot_time() {
            self.start_time.set(boot + field(&stat, 22) as f64 / ticks);
        }
        if let Ok(fds) = fs::read_dir("/proc/self/fd") {
            self.open_fds.set(fds.count() as i64);
        }
        if let Some(max) = max_files() {
            self.max_fds.set(max);
        }
    }
}

/// A field of `/proc/self/stat`, numbered as in proc(5); 0 where there is none. The command's name may
/// hold blanks and parentheses; the fields that are asked for start behind it.
fn field(stat: &str, number: usize) -> u64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = fields.split_whitespace().nth(number - 3);
    field.and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// When the machine was started, in seconds since the Unix epoch.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines()
        .find_map(|line| line.strip_prefix("btime ")?.parse().ok())
}

/// How many files may be open.
fn max_files() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| {
        let limits = line.strip_prefix("Max open files")?;
        limits.split_whitespace().next()?.parse().ok()
    })
}
