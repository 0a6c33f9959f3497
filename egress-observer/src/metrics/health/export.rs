//! What is exported: series, and findings by the API and in files.

use std::time::Duration;

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::maker::{Maker, catch_up};
use crate::{
    metrics::{connections::Metrics, text::PREFIX},
    record::{Record, Recorder},
};

/// What is exported and recorded.
#[derive(Debug)]
pub struct ExportHealth {
    series: IntGaugeVec,
    series_limit: IntGaugeVec,
    series_overflowed: IntCounterVec,
    scrape_duration: Gauge,
    findings: IntGauge,
    findings_evicted: IntCounterVec,
    record_errors: IntCounter,
}

impl ExportHealth {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        Ok(Self {
            series: make.gauges("series", "Series exported, by family.", "family")?,
            series_limit: make.gauges("series_limit", "Series allowed, by family.", "family")?,
            series_overflowed: make.counters(
                "series_overflowed_total",
                "Connections counted under ~other, by family.",
                "family",
            )?,
            scrape_duration: make.keep(Gauge::new(
                format!("{PREFIX}scrape_duration_seconds"),
                "Time it took to answer the scrape before this one.",
            ))?,
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
        })
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

    /// Brings what is known of the series up to date.
    pub(super) fn update(&self, metrics: &Metrics) {
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
    }
}
