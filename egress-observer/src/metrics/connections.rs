//! Findings as counters: the connection families, which are bounded and never lose a count.
//!
//! | family | labels | series |
//! |---|---|---|
//! | `connections_total` | closed sets and the workload | some ten per workload |
//! | `destination_connections_total` | destinations, too | at most the limit, and `~other` |
//! | `connection_failures_total` | closed sets and the workload | some six per workload |

use std::{collections::HashSet, time::Instant};

use jiff::Timestamp;

use super::{
    family::MetricFamily,
    labels::{ConnectionLabels, DestinationLabels, FailureLabels, WorkloadLabels},
    text::Writer,
};
use crate::finding::{Finding, FindingKind, Service};
use egress_observer_istio::vocabulary::{Scope, Verdict};

/// Which connections have a series for their destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Destinations {
    /// None.
    None,
    /// Those with an unexpected verdict.
    Unexpected,
    /// Those that leave the cluster.
    External,
    /// All.
    All,
}

/// The connection families.
#[derive(Debug)]
pub struct Metrics {
    connections: MetricFamily<ConnectionLabels>,
    destinations: MetricFamily<DestinationLabels>,
    failures: MetricFamily<FailureLabels>,
    /// Unix times.
    last_bypasses: MetricFamily<WorkloadLabels>,
    level: Destinations,
    max_destinations: usize,
    folded: u64,
    unnamed: Unnamed,
}

/// Connections out of the cluster whose destination's name is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unnamed {
    /// The pod has no name for the address, as far as was seen.
    pub missing: u64,
    /// It has several.
    pub ambiguous: u64,
}

impl Metrics {
    /// Empty families.
    pub fn new(level: Destinations, max_destinations: usize) -> Self {
        Self {
            connections: MetricFamily::new(
                "connections_total",
                "Outbound connections of pods on this node, by the path they took and the verdict \
                 on it.",
            ),
            destinations: MetricFamily::new(
                "destination_connections_total",
                "The same by destination; what does not fit is counted under ~other.",
            ),
            failures: MetricFamily::new(
                "connection_failures_total",
                "Outbound connection attempts of pods on this node that failed.",
            ),
            last_bypasses: MetricFamily::gauge(
                "last_unexpected_bypass_timestamp_seconds",
                "When a connection that its pod's configuration captures last went around the \
                 sidecar, in seconds since the Unix epoch.",
            ),
            level,
            max_destinations,
            folded: 0,
            unnamed: Unnamed::default(),
        }
    }

    /// Counts a finding, once.
    pub fn record(&mut self, finding: &Finding, time: Timestamp, now: Instant) {
        let Finding { kind, n } = finding;
        let (workload, n) = (WorkloadLabels::of(kind), *n);
        if kind.verdict == Verdict::UnexpectedBypass {
            let seconds = time.as_second().try_into().unwrap_or(0);
            self.last_bypasses
                .change(workload.clone(), now, |value| *value = seconds);
        }
        if let Some(error) = kind.failure {
            let labels = FailureLabels {
                workload: workload.clone(),
                scope: kind.scope,
                error,
            };
            self.failures.add(labels, n, now);
        }
        if self.has_destination(kind) {
            self.record_destination(kind, n, workload.clone(), now);
        }
        if kind.scope == Scope::External && kind.client.is_some() {
            match kind.service {
                Service::Ip(_) => self.unnamed.missing += n,
                Service::Ambiguous(_) => self.unnamed.ambiguous += n,
                Service::Host(_) | Service::Name(_) | Service::Other => {}
            }
        }
        let labels = ConnectionLabels {
            workload,
            protocol: kind.protocol,
            actor: kind.actor,
            scope: kind.scope,
            path: kind.path,
            verdict: kind.verdict,
            reason: kind.reason,
        };
        self.connections.add(labels, n, now);
    }

    fn has_destination(&self, kind: &FindingKind) -> bool {
        match self.level {
            Destinations::None => false,
            Destinations::Unexpected => {
                matches!(
                    kind.verdict,
                    Verdict::UnexpectedBypass | Verdict::UnexpectedCapture
                )
            }
            Destinations::External => kind.scope == Scope::External,
            Destinations::All => true,
        }
    }

    fn record_destination(
        &mut self,
        kind: &FindingKind,
        n: u64,
        workload: WorkloadLabels,
        now: Instant,
    ) {
        let mut labels = DestinationLabels {
            workload,
            service: kind.service.clone(),
            port: Some(kind.port),
            protocol: kind.protocol,
            path: kind.path,
            registry: kind.registry,
            verdict: kind.verdict,
        };
        let family = &mut self.destinations;
        if family.len() >= self.max_destinations && !family.has(&labels) {
            labels = DestinationLabels {
                service: Service::Other,
                port: None,
                ..labels
            };
            self.folded += n;
        }
        family.add(labels, n, now);
    }

    /// Writes all families.
    pub fn write(&self, out: &mut Writer) {
        self.connections.write(out);
        self.destinations.write(out);
        self.failures.write(out);
        self.last_bypasses.write(out);
    }

    /// Drops the series of workloads that left a while ago.
    pub fn prune(&mut self, present: &HashSet<(&str, &str)>, now: Instant) {
        self.connections.prune(present, now);
        self.destinations.prune(present, now);
        self.failures.prune(present, now);
        self.last_bypasses.prune(present, now);
    }

    /// Series by family.
    pub fn n_series(&self) -> [(&'static str, usize); 4] {
        [
            ("connections", self.connections.len()),
            ("destination_connections", self.destinations.len()),
            ("connection_failures", self.failures.len()),
            ("last_unexpected_bypass", self.last_bypasses.len()),
        ]
    }

    /// The most series that destinations may have, `~other` apart.
    pub fn max_destinations(&self) -> usize {
        self.max_destinations
    }

    /// Connections to destinations without a name.
    pub fn unnamed(&self) -> Unnamed {
        self.unnamed
    }

    /// Connections counted under `~other`.
    pub fn folded(&self) -> u64 {
        self.folded
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::family::EXPIRY, *};
    use egress_observer_istio::vocabulary::{
        Actor, ConnectionFailure, ObservedPath, Protocol, Reason, RegistryMatch,
    };

    const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn kind(last_byte: u8) -> FindingKind {
        FindingKind {
            client: None,
            namespace: "shop".into(),
            workload: "cart".into(),
            service: Service::Ip([192, 0, 2, last_byte].into()),
            ip: [192, 0, 2, last_byte].into(),
            names: Vec::new(),
            port: 443,
            protocol: Protocol::Tcp,
            actor: Actor::App,
            scope: Scope::External,
            path: ObservedPath::Direct,
            registry: RegistryMatch::Undeclared,
            verdict: Verdict::UnexpectedBypass,
            reason: Reason::IncludedRange,
            failure: None,
        }
    }

    fn twice(kind: FindingKind) -> Finding {
        Finding { kind, n: 2 }
    }

    fn written(metrics: &Metrics) -> Vec<String> {
        let mut out = Writer::default();
        metrics.write(&mut out);
        let text = out.finish();
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_finding_is_one_line_per_family_with_labels_in_order() {
        let mut metrics = Metrics::new(Destinations::External, 10);
        metrics.record(&twice(kind(1)), TIME, Instant::now());
        let failed = FindingKind {
            failure: Some(ConnectionFailure::Refused),
            path: ObservedPath::Unknown,
            verdict: Verdict::Unknown,
            reason: Reason::NotEstablished,
            scope: Scope::Cluster,
            ..kind(1)
        };
        metrics.record(&twice(failed), TIME, Instant::now());
        assert_eq!(
            written(&metrics),
            [
                "egress_observer_connections_total{source_workload_namespace=\"shop\",\
                 source_workload=\"cart\",protocol=\"tcp\",actor=\"app\",scope=\"external\",\
                 path=\"direct\",verdict=\"unexpected_bypass\",reason=\"included_range\"} 2",
                "egress_observer_connections_total{source_workload_namespace=\"shop\",\
                 source_workload=\"cart\",protocol=\"tcp\",actor=\"app\",scope=\"cluster\",\
                 path=\"unknown\",verdict=\"unknown\",reason=\"not_established\"} 2",
                "egress_observer_destination_connections_total{source_workload_namespace=\"shop\",\
                 source_workload=\"cart\",destination_service=\"192.0.2.1\",\
                 destination_port=\"443\",protocol=\"tcp\",path=\"direct\",\
                 registry=\"undeclared\",verdict=\"unexpected_bypass\"} 2",
                "egress_observer_connection_failures_total{source_workload_namespace=\"shop\",\
                 source_workload=\"cart\",scope=\"cluster\",error=\"refused\"} 2",
                "egress_observer_last_unexpected_bypass_timestamp_seconds{\
                 source_workload_namespace=\"shop\",source_workload=\"cart\"} 1700000000",
            ]
        );
    }

    #[test]
    fn destinations_beyond_the_limit_are_folded_and_none_is_lost() {
        let mut metrics = Metrics::new(Destinations::All, 3);
        for last_byte in 0..10 {
            metrics.record(&twice(kind(last_byte)), TIME, Instant::now());
        }
        let lines = written(&metrics);
        let folded: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("~other"))
            .collect();
        assert_eq!(folded.len(), 1);
        assert!(folded[0].ends_with(" 14"), "{folded:?}");
        assert_eq!(metrics.folded(), 14);
        assert_eq!(metrics.n_series()[1], ("destination_connections", 4));
    }

    #[test]
    fn series_outlive_their_workload_for_a_while() {
        let mut metrics = Metrics::new(Destinations::All, 10);
        let start = Instant::now();
        metrics.record(&twice(kind(1)), TIME, start);
        let later = start + EXPIRY + Duration::from_secs(1);
        metrics.prune(&HashSet::from([("shop", "cart")]), later);
        assert_eq!(metrics.n_series()[0].1, 1);
        metrics.prune(&HashSet::new(), start + Duration::from_secs(1));
        assert_eq!(metrics.n_series()[0].1, 1);
        metrics.prune(&HashSet::new(), later);
        assert_eq!(metrics.n_series().map(|(_, n)| n), [0, 0, 0, 0]);
    }

    #[test]
    fn the_last_bypass_has_its_time() {
        let mut metrics = Metrics::new(Destinations::None, 1);
        let mediated = FindingKind {
            verdict: Verdict::Mediated,
            workload: "other".into(),
            ..kind(1)
        };
        metrics.record(&twice(mediated), TIME, Instant::now());
        metrics.record(&twice(kind(1)), TIME, Instant::now());
        let mut out = Writer::default();
        metrics.write(&mut out);
        let text = out.finish();
        let lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("egress_observer_last_"))
            .collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].ends_with("} 1700000000"), "{text}");
    }
}
