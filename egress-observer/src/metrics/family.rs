//! A family of series: what one metric counts, by its labels.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use super::{labels::Labels, text::Writer};

/// A series is kept this long after its workload left the node.
pub(super) const EXPIRY: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
struct Series {
    value: u64,
    changed: Instant,
}

#[derive(Debug)]
pub(super) struct MetricFamily<L> {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    series: BTreeMap<L, Series>,
}

impl<L: Labels> MetricFamily<L> {
    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether these labels have a series.
    pub(super) fn has(&self, labels: &L) -> bool {
        self.series.contains_key(labels)
    }

    pub(super) fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            kind: "counter",
            series: BTreeMap::new(),
        }
    }

    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self {
            kind: "gauge",
            ..Self::new(name, help)
        }
    }

    pub(super) fn change(&mut self, labels: L, now: Instant, change: impl FnOnce(&mut u64)) {
        let series = self.series.entry(labels).or_insert(Series {
            value: 0,
            changed: now,
        });
        change(&mut series.value);
        series.changed = now;
    }

    pub(super) fn add(&mut self, labels: L, n: u64, now: Instant) {
        self.change(labels, now, |value| *value += n);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.family(self.name, self.help, self.kind);
        for (labels, series) in &self.series {
            out.sample(self.name, series.value, |label| {
                label("source_workload_namespace", &labels.workload().namespace);
                label("source_workload", &labels.workload().name);
                labels.each(label);
            });
        }
    }

    pub(super) fn prune(&mut self, present: &HashSet<(&str, &str)>, now: Instant) {
        self.series.retain(|labels, series| {
            let workload = labels.workload();
            present.contains(&(&*workload.namespace, &*workload.name))
                || now - series.changed < EXPIRY
        });
    }
}
