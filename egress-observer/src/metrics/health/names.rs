//! Names of addresses: what was learnt, and what is missing.

use prometheus::{IntCounter, IntCounterVec, IntGauge};

use super::maker::{Maker, catch_up};
use crate::{
    metrics::connections::{Metrics, Unnamed},
    names::{Evicted, PodNames},
};
use egress_observer_istio::vocabulary::DnsResult;

/// Names of addresses.
#[derive(Debug)]
pub struct NameHealth {
    dns_answers: IntCounterVec,
    dns_names: IntGauge,
    dns_names_max: IntGauge,
    dns_names_evicted: IntCounterVec,
    names_missing: IntCounter,
    names_ambiguous: IntCounter,
}

impl NameHealth {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        let metrics = Self {
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
        };
        for result in DnsResult::ALL {
            metrics.dns_answers.with_label_values(&[result.as_str()]);
        }
        Ok(metrics)
    }

    /// Counts a DNS answer.
    pub fn dns_answer(&self, result: DnsResult) {
        self.dns_answers.with_label_values(&[result.as_str()]).inc();
    }

    /// Brings what is known of names up to date.
    pub fn known(&self, names: &PodNames) {
        self.dns_names.set(names.n_known() as i64);
        self.dns_names_max.set(names.max() as i64);
        let Evicted { pod, node } = names.evicted();
        for (bound, n) in [("pod", pod), ("node", node)] {
            catch_up(&self.dns_names_evicted.with_label_values(&[bound]), n);
        }
    }

    /// Brings what had no name up to date.
    pub(super) fn update(&self, metrics: &Metrics) {
        let Unnamed { missing, ambiguous } = metrics.unnamed();
        catch_up(&self.names_missing, missing);
        catch_up(&self.names_ambiguous, ambiguous);
    }
}
