//! What files with the cluster's objects hold.

use std::collections::BTreeMap;

/// How many objects of some kinds there are.
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
