//! The agent's own health: losses first.

use std::{collections::BTreeMap, fs, time::Duration};

use egress_observer_common::{Shared, names};
use prometheus::{
    Counter, Encoder as _, Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};

use super::{Metrics, PREFIX, Unnamed, objects::ObjectCounts};
use crate::{
    flow::Ledger,
    kernel::Tables,
    kubernetes::Tally,
    names::{Evicted, Names},
    record::{Record, Recorder},
};
use egress_observer_istio::{
    objects::kinds::Kind,
    vocabulary::{DnsResult, Reason, Unattributed},
};

/// The fixed metrics.
#[derive(Debug)]
pub struct Health {
    registry: Registry,
    flows_lost: IntCounterVec,
    events_lost: IntCounterVec,
    host_connections: IntCounter,
    udp_replies: IntCounter,
    unmatched_accepts: IntCounter,
    program_attached: IntGaugeVec,
    map_entries: IntGaugeVec,
    map_max_entries: IntGaugeVec,
    series: IntGaugeVec,
    series_limit: IntGaugeVec,
    series_overflowed: IntCounterVec,
    watch_objects: IntGaugeVec,
    watch_synced: IntGaugeVec,
    watch_invalid_objects: IntGaugeVec,
    watch_restarts: IntCounterVec,
    pending_connections: IntGaugeVec,
    unattributed_connections: IntCounterVec,
    reload_successful: IntGauge,
    reloads: IntCounter,
    scrape_duration: Gauge,
    dns_answers: IntCounterVec,
    dns_names: IntGauge,
    dns_names_max: IntGauge,
    dns_names_evicted: IntCounterVec,
    names_missing: IntCounter,
    names_ambiguous: IntCounter,
    findings: IntGauge,
    findings_evicted: IntCounterVec,
    record_errors: IntCounter,
    process: Process,
}

/// The names that every Prometheus client library exports; the CPU time with its fraction.
#[derive(Debug)]
struct Process {
    cpu: Counter,
    resident: IntGauge,
    virtual_memory: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    threads: IntGauge,
    start_time: Gauge,
}

/// Makes metrics and registers them.
struct Maker(Registry);

impl Maker {
    fn keep<C: Collector + Clone + 'static>(
        &self,
        collector: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let collector = collector?;
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.keep(IntCounter::new(format!("{PREFIX}{name}"), help))
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.keep(IntGauge::new(format!("{PREFIX}{name}"), help))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
        self.keep(IntCounterVec::new(
            Opts::new(format!("{PREFIX}{name}"), help),
            &[label],
        ))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(
            Opts::new(format!("{PREFIX}{name}"), help),
            &[label],
        ))
    }

    fn process(&self) -> prometheus::Result<Process> {
        let int = |name: &str, help: &str| self.keep(IntGauge::new(name, help));
        Ok(Process {
            cpu: self.keep(Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            ))?,
            resident: int(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
            )?,
            virtual_memory: int(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
            )?,
            open_fds: int("process_open_fds", "Number of open file descriptors.")?,
            max_fds: int(
                "process_max_fds",
                "Maximum number of open file descriptors.",
            )?,
            threads: int("process_threads", "Number of OS threads in the process.")?,
            start_time: self.keep(Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            ))?,
        })
    }
}

impl Health {
    /// All metrics, at zero.
    pub fn new() -> prometheus::Result<Self> {
        let make = Maker(Registry::new());
        let build_info = make.gauges("build_info", "Build information; always 1.", "version")?;
        build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let program_attached = make.gauges(
            "bpf_program_attached",
            "Whether the program is attached.",
            "program",
        )?;
        // One at a tracepoint that cannot be there is none that is missing.
        for program in names::CGROUP_PROGRAMS {
            program_attached.with_label_values(&[program]).set(0);
        }
        let health = Self {
            flows_lost: make.counters(
                "flows_lost_total",
                "Connections that are in no other metric, by cause.",
                "cause",
            )?,
            events_lost: make.counters(
                "events_lost_total",
                "What a full table or buffer lost track of: connections that count as unknown, \
                 or, for udp_memory, are counted again; for dns_buffer, DNS answers; for cgroup_buffer, \
                 cgroups.",
                "source",
            )?,
            host_connections: make.counter(
                "host_connections_total",
                "Outbound connections of the node itself, outside any pod.",
            )?,
            udp_replies: make.counter(
                "udp_replies_total",
                "Datagrams taken for the answer of a UDP server, which is no outbound connection.",
            )?,
            unmatched_accepts: make.counter(
                "unmatched_accepts_total",
                "Connections accepted on a capture port whose client was not seen to connect.",
            )?,
            program_attached,
            map_entries: make.gauges("bpf_map_entries", "Entries in use.", "map")?,
            map_max_entries: make.gauges("bpf_map_max_entries", "Entries there are.", "map")?,
            series: make.gauges("series", "Series exported, by family.", "family")?,
            series_limit: make.gauges("series_limit", "Series allowed, by family.", "family")?,
            series_overflowed: make.counters(
                "series_overflowed_total",
                "Connections counted under ~other, by family.",
                "family",
            )?,
            watch_objects: make.gauges("watch_objects", "Objects known.", "resource")?,
            watch_synced: make.gauges(
                "watch_synced",
                "Whether what is known of a resource is up to date.",
                "resource",
            )?,
            watch_invalid_objects: make.gauges(
                "watch_invalid_objects",
                "Objects that cannot be read and are passed over.",
                "resource",
            )?,
            watch_restarts: make.counters(
                "watch_restarts_total",
                "Times that a watch was started again after a failure.",
                "resource",
            )?,
            pending_connections: make.gauges(
                "pending_connections",
                "Connections that are not judged yet, by what they wait for.",
                "reason",
            )?,
            unattributed_connections: make.counters(
                "unattributed_connections_total",
                "Connections judged without their owner being known, by what was missing.",
                "cause",
            )?,
            reload_successful: make.gauge(
                "config_last_reload_successful",
                "Whether the configuration could be read in its last state.",
            )?,
            reloads: make.counter(
                "config_reloads_total",
                "Times that the configuration was read, or changed.",
            )?,
            scrape_duration: make.keep(Gauge::new(
                format!("{PREFIX}scrape_duration_seconds"),
                "Time it took to answer the scrape before this one.",
            ))?,
            dns_answers: make.counters(
                "dns_answers_total",
                "DNS answers with records that reached sockets, by what came of them.",
                "result",
            )?,
            dns_names: make.gauge("dns_names", "Names of addresses that pods have asked for.")?,
            dns_names_max: make.gauge("dns_names_max", "The most that are remembered.")?,
            dns_names_evicted: make.counters(
                "dns_names_evicted_total",
                "Names forgotten for later ones, by the bound that was reached.",
                "bound",
            )?,
            names_missing: make.counter(
                "destination_names_missing_total",
                "Connections out of the cluster to an address that the pod has no known name for.",
            )?,
            names_ambiguous: make.counter(
                "destination_names_ambiguous_total",
                "Connections out of the cluster to an address that the pod has several names for.",
            )?,
            findings: make.gauge("findings", "Kinds of findings that the API tells.")?,
            findings_evicted: make.counters(
                "findings_evicted_total",
                "Kinds of findings forgotten for later ones: by the API, or before they were \
                 recorded.",
                "store",
            )?,
            record_errors: make.counter(
                "record_errors_total",
                "Times that findings could not be recorded.",
            )?,
            process: make.process()?,
            registry: make.0,
        };
        for result in DnsResult::ALL {
            health.dns_answers.with_label_values(&[result.as_str()]);
        }
        for cause in Unattributed::ALL {
            let causes = &health.unattributed_connections;
            causes.with_label_values(&[cause.as_str()]);
        }
        health.waiting(&BTreeMap::new());
        Ok(health)
    }

    /// Notes which programs are attached.
    pub fn attached(&self, programs: impl Iterator<Item = (&'static str, bool)>) {
        for (program, attached) in programs {
            self.program_attached
                .with_label_values(&[program])
                .set(attached.into());
        }
    }

    /// Notes a reading of the configuration: nothing if it failed, and whether all of it can be read.
    pub fn reloaded(&self, objects: Option<&ObjectCounts>, readable: bool) {
        self.changed(readable);
        let Some(objects) = objects else { return };
        for (resource, n) in [
            (Kind::Pod, objects.pods),
            (Kind::ConfigMap, objects.config_maps),
            (Kind::ServiceEntry, objects.service_entries),
        ] {
            let gauge = self.watch_objects.with_label_values(&[resource.plural()]);
            gauge.set(n as i64);
        }
        self.watch_invalid_objects.reset();
        for (resource, n) in &objects.unreadable {
            let gauge = self.watch_invalid_objects.with_label_values(&[resource]);
            gauge.set(*n as i64);
        }
    }

    /// Notes how the watches are doing.
    pub(crate) fn watches(&self, all: impl Iterator<Item = (Kind, bool, Tally)>) {
        for (kind, synced, tally) in all {
            let resource = &[kind.plural()];
            let set = |gauge: &IntGaugeVec, value: usize| {
                gauge.with_label_values(resource).set(value as i64);
            };
            set(&self.watch_synced, synced.into());
            set(&self.watch_objects, tally.objects);
            set(&self.watch_invalid_objects, tally.invalid);
            let restarts = self.watch_restarts.with_label_values(resource);
            catch_up(&restarts, tally.restarts);
        }
    }

    /// Notes a change of the configuration, and whether all of it can be read.
    pub fn changed(&self, readable: bool) {
        self.reloads.inc();
        self.reload_successful.set(readable.into());
    }

    /// Notes what connections wait for.
    pub fn waiting(&self, pending: &BTreeMap<Reason, u64>) {
        for reason in [Reason::NotSynced, Reason::NotAttributed] {
            let n = pending.get(&reason).copied().unwrap_or_default();
            self.pending_connections
                .with_label_values(&[reason.as_str()])
                .set(n as i64);
        }
    }

    /// Counts connections whose owner is not known.
    pub fn unattributed(&self, cause: Unattributed, n: u64) {
        self.unattributed_connections
            .with_label_values(&[cause.as_str()])
            .inc_by(n);
    }

    /// Counts connections of the node itself.
    pub fn host_connections(&self, n: u64) {
        self.host_connections.inc_by(n);
    }

    /// Counts a DNS answer.
    pub fn dns_answer(&self, result: DnsResult) {
        self.dns_answers.with_label_values(&[result.as_str()]).inc();
    }

    /// Brings what is known of names up to date.
    pub fn names(&self, names: &Names) {
        self.dns_names.set(names.n_known() as i64);
        self.dns_names_max.set(names.max() as i64);
        let Evicted { pod, node } = names.evicted();
        for (bound, n) in [("pod", pod), ("node", node)] {
            catch_up(&self.dns_names_evicted.with_label_values(&[bound]), n);
        }
    }

    /// Brings what is known of findings up to date: those that the API tells, and those that wait to
    /// be recorded.
    pub fn findings(&self, recent: &Record, recorder: Option<&Recorder>) {
        self.findings.set(recent.n_kinds() as i64);
        let evicted = recorder.map_or(0, Recorder::n_evicted);
        for (store, n) in [("api", recent.n_evicted()), ("record", evicted)] {
            catch_up(&self.findings_evicted.with_label_values(&[store]), n);
        }
        let errors = recorder.map_or(0, Recorder::n_errors);
        catch_up(&self.record_errors, errors);
    }

    /// Notes how long a scrape took.
    pub fn scraped(&self, took: Duration) {
        self.scrape_duration.set(took.as_secs_f64());
    }

    /// Brings everything up to date.
    pub fn update(&self, tables: &Tables, ledger: &Ledger, metrics: &Metrics) {
        let lost = |cause: &str, word| {
            catch_up(
                &self.flows_lost.with_label_values(&[cause]),
                tables.shared(word),
            );
        };
        lost("flow_table_full", Shared::FlowTableFull);
        lost("slot_reused", Shared::SlotReused);
        let outcome = |source: &str, word| {
            catch_up(
                &self.events_lost.with_label_values(&[source]),
                tables.shared(word),
            );
        };
        outcome("attempt_table", Shared::AttemptTableFull);
        outcome("proof_table", Shared::ProofTableFull);
        outcome("udp_memory", Shared::UdpMemoryFull);
        outcome("dns_buffer", Shared::AnswersLost);
        outcome("cgroup_buffer", Shared::CgroupsLost);
        let Unnamed { missing, ambiguous } = metrics.unnamed();
        catch_up(&self.names_missing, missing);
        catch_up(&self.names_ambiguous, ambiguous);
        catch_up(&self.udp_replies, tables.shared(Shared::UdpReplies));
        catch_up(
            &self.unmatched_accepts,
            tables.shared(Shared::UnmatchedAccepts),
        );

        let (max_slots, max_attempts, max_proofs) = tables.sizes();
        for (map, entries, max) in [
            ("flows", ledger.n_flows(), max_slots),
            ("attempts", ledger.n_attempts(), max_attempts),
            ("proofs", ledger.n_proofs(), max_proofs),
        ] {
            self.map_entries
                .with_label_values(&[map])
                .set(entries as i64);
            self.map_max_entries
                .with_label_values(&[map])
                .set(max.into());
        }
        for (family, n) in metrics.n_series() {
            self.series.with_label_values(&[family]).set(n as i64);
        }
        const DESTINATIONS: &str = "destination_connections";
        self.series_limit
            .with_label_values(&[DESTINATIONS])
            .set(metrics.max_destinations() as i64);
        catch_up(
            &self.series_overflowed.with_label_values(&[DESTINATIONS]),
            metrics.folded(),
        );
        self.process.update();
    }

    /// The text of all metrics.
    pub fn write(&self) -> prometheus::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}

/// Brings a counter up to a total that is kept elsewhere.
fn catch_up(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

impl Process {
    /// Reads `/proc/self` (proc(5)). A figure that cannot be read keeps its last value.
    fn update(&self) {
        let Ok(stat) = fs::read_to_string("/proc/self/stat") else {
            return;
        };
        // The command's name may hold blanks and parentheses; the fields start behind it.
        let fields: Vec<u64> = stat
            .rsplit_once(')')
            .map(|(_, rest)| {
                rest.split_whitespace()
                    .map(|f| f.parse().unwrap_or(0))
                    .collect()
            })
            .unwrap_or_default();
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
        // SAFETY: sysconf only looks its argument up.
        let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64;
        // SAFETY: as above.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1);
        let cpu = (field(14) + field(15)) as f64 / ticks;
        self.cpu.inc_by((cpu - self.cpu.get()).max(0.0));
        self.threads.set(field(20) as i64);
        self.virtual_memory.set(field(23) as i64);
        self.resident.set(field(24) as i64 * page);
        let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = boot
            .lines()
            .find_map(|line| line.strip_prefix("btime ")?.parse::<f64>().ok());
        if let Some(boot) = boot {
            self.start_time.set(boot + field(22) as f64 / ticks);
        }
        if let Ok(fds) = fs::read_dir("/proc/self/fd") {
            self.open_fds.set(fds.count() as i64);
        }
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let max = limits.lines().find_map(|line| {
            line.strip_prefix("Max open files")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        });
        if let Some(max) = max {
            self.max_fds.set(max);
        }
    }
}
