//! What is known of the cluster, and how well.

use std::collections::BTreeMap;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::maker::{Maker, catch_up};
use crate::kubernetes::Tally;
use egress_observer_istio::objects::Kind;

/// What is known of the cluster.
#[derive(Debug)]
pub struct ClusterHealth {
    watch_objects: IntGaugeVec,
    watch_synced: IntGaugeVec,
    watch_invalid_objects: IntGaugeVec,
    watch_restarts: IntCounterVec,
    reload_successful: IntGauge,
    reloads: IntCounter,
}

/// What files with the cluster's objects hold: how many of some kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Pods.
    pub pods: usize,
    /// ConfigMaps of Istio.
    pub config_maps: usize,
    /// ServiceEntries.
    pub service_entries: usize,
    /// What cannot be read: by what the API calls its kind, `unknown` where that cannot be told.
    pub unreadable: BTreeMap<&'static str, usize>,
}

impl ClusterHealth {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        Ok(Self {
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
            reload_successful: make.gauge(
                "config_last_reload_successful",
                "Whether the configuration could be read in its last state.",
            )?,
            reloads: make.counter(
                "config_reloads_total",
                "Times that the configuration was read, or changed.",
            )?,
        })
    }

    /// Notes a reading of the configuration: nothing if it failed, and whether all of it can be read.
    pub fn reloaded(&self, objects: Option<&ObjectCounts>, readable: bool) {
        self.changed(readable);
        let Some(objects) = objects else { return };
        for (kind, n) in [
            (Kind::Pod, objects.pods),
            (Kind::ConfigMap, objects.config_maps),
            (Kind::ServiceEntry, objects.service_entries),
        ] {
            let gauge = self.watch_objects.with_label_values(&[kind.plural()]);
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
            self.watch_synced
                .with_label_values(resource)
                .set(synced.into());
            self.watch_objects
                .with_label_values(resource)
                .set(tally.objects as i64);
            self.watch_invalid_objects
                .with_label_values(resource)
                .set(tally.invalid as i64);
            let restarts = self.watch_restarts.with_label_values(resource);
            catch_up(&restarts, tally.restarts);
        }
    }

    /// Notes a change of the configuration, and whether all of it can be read.
    pub fn changed(&self, readable: bool) {
        self.reloads.inc();
        self.reload_successful.set(readable.into());
    }
}
