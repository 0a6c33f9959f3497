//! Flows on their way to findings: those that wait, and those that are nobody's.

use std::collections::BTreeMap;

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

use super::maker::Maker;
use egress_observer_istio::vocabulary::{Reason, Unattributed};

/// Flows on their way to findings.
#[derive(Debug)]
pub struct FlowHealth {
    host_connections: IntCounter,
    pending_connections: IntGaugeVec,
    unattributed_connections: IntCounterVec,
}

impl FlowHealth {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        let metrics = Self {
            host_connections: make.counter(
                "host_connections_total",
                "Outbound connections of the node itself, outside any pod.",
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
        };
        for cause in Unattributed::ALL {
            let causes = &metrics.unattributed_connections;
            causes.with_label_values(&[cause.as_str()]);
        }
        metrics.waiting(&BTreeMap::new());
        Ok(metrics)
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
}
