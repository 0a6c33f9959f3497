//! Makes metrics and registers them.

use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

use crate::metrics::text::PREFIX;

/// Where metrics are registered.
pub(super) struct Maker(pub(super) Registry);

impl Maker {
    pub(super) fn keep<C: Collector + Clone + 'static>(
        &self,
        collector: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let collector = collector?;
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.keep(IntCounter::new(format!("{PREFIX}{name}"), help))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.keep(IntGauge::new(format!("{PREFIX}{name}"), help))
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        label: &str,
    ) -> prometheus::Result<IntCounterVec> {
        self.keep(IntCounterVec::new(
            Opts::new(format!("{PREFIX}{name}"), help),
            &[label],
        ))
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        label: &str,
    ) -> prometheus::Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(
            Opts::new(format!("{PREFIX}{name}"), help),
            &[label],
        ))
    }
}

/// Brings a counter up to a total that is kept elsewhere.
pub(super) fn catch_up(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
