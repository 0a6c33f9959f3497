//! What is asked for.

use std::collections::BTreeMap;

use super::host::{ExportTo, NamespaceName, Wildcard};
use crate::service_entry::{ApiVersion, AppProtocol};
use egress_observer_istio::vocabulary::Verdict;

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntrySettings {
    /// Of workloads; empty: all.
    pub(crate) namespaces: Vec<NamespaceName>,
    /// Empty: all.
    pub(crate) verdicts: Vec<Verdict>,
    /// Where entries go, if not to the namespaces that use them.
    pub(crate) in_namespace: Option<NamespaceName>,
    pub(crate) export_to: Option<ExportTo>,
    /// By port.
    pub(crate) protocols: BTreeMap<u16, AppProtocol>,
    pub(crate) wildcards: Vec<Wildcard>,
    /// Whether addresses without a name have entries, too.
    pub(crate) include_addresses: bool,
    pub(crate) version: ApiVersion,
}

impl EntrySettings {
    /// What is taken to be spoken on a port.
    pub(super) fn protocol(&self, port: u16) -> AppProtocol {
        let given = self.protocols.get(&port).copied();
        given.unwrap_or_else(|| AppProtocol::usual(port))
    }
}
