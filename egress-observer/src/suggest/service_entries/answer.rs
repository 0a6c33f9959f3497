//! The answer: entries, what has none, and what differs from those of today.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

use super::known::Near;
use crate::{api_version::API_VERSION, service_entry::NewServiceEntry};
use egress_observer_istio::vocabulary::{Protocol, Verdict};

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suggestions {
    /// `egress-observer.io/v1alpha1`.
    api_version: &'static str,
    /// `ServiceEntrySuggestions`.
    kind: &'static str,
    /// By namespace and host.
    pub(crate) entries: Vec<SuggestedEntry>,
    pub(crate) not_suggested: Vec<NotSuggested>,
    /// Against the ServiceEntries that there are, if that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differences: Option<Vec<Difference>>,
    /// Wildcards that no host is below.
    pub(crate) unused_wildcards: Vec<String>,
}

impl Suggestions {
    pub(super) fn new(
        entries: Vec<SuggestedEntry>,
        not_suggested: Vec<NotSuggested>,
        unused_wildcards: Vec<String>,
    ) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "ServiceEntrySuggestions",
            entries,
            not_suggested,
            differences: None,
            unused_wildcards,
        }
    }
}

/// A suggested ServiceEntry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SuggestedEntry {
    /// The object.
    pub(crate) manifest: NewServiceEntry,
    pub(crate) connections: u64,
    /// By namespace and workload.
    pub(crate) used_by: Vec<EntryUser>,
    /// The hosts below a wildcard that were asked for.
    pub(crate) hosts: Vec<String>,
    /// The ports that are wanted; it may have others.
    #[serde(skip)]
    pub(crate) wanted: Vec<u16>,
    /// Ports whose protocol is guessed.
    pub(crate) guessed: Vec<u16>,
    /// Why the resolution is what it is.
    pub(crate) because: &'static str,
    /// Entries that there are, and why they do not take these connections.
    pub(crate) near: Vec<Near>,
    /// What else is worth to know.
    pub(crate) notes: Vec<String>,
}

/// Who connects.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryUser {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    #[serde(flatten)]
    pub(crate) tally: ConnectionTally,
}

/// Connections, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionTally {
    pub(crate) connections: u64,
    /// Those whose verdict was recorded.
    pub(crate) verdicts: BTreeMap<Verdict, u64>,
    /// When the last one was seen, RFC 3339.
    pub(crate) last_time: Option<String>,
}

impl ConnectionTally {
    pub(super) fn add(&mut self, other: &Self) {
        self.connections = self.connections.saturating_add(other.connections);
        for (verdict, n) in &other.verdicts {
            let sum = self.verdicts.entry(*verdict).or_default();
            *sum = sum.saturating_add(*n);
        }
        // In UTC and of one form, the order of texts is that of times.
        if self.last_time < other.last_time {
            self.last_time.clone_from(&other.last_time);
        }
    }
}

/// A destination that has no entry here.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotSuggested {
    pub(crate) namespace: String,
    pub(crate) ip: Option<IpAddr>,
    /// One, or all that may have been meant.
    pub(crate) names: Vec<String>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) reason: WhyNotSuggested,
    pub(crate) connections: u64,
}

/// Why a destination has no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhyNotSuggested {
    /// Several names lead to the address.
    AmbiguousName,
    /// No name leads to the address.
    NoName,
    /// TCP is told by the address, which is not known.
    NoAddress,
    /// An entry has the name, and only the address would tell whether it takes the connection.
    AddressNeeded,
    /// Whether the mesh knows it was not recorded, or could not be told.
    NotTold,
    /// Istio takes no such host.
    InvalidHost,
    /// Kubernetes has no such namespace.
    InvalidNamespace,
    /// The mesh has no listener for UDP.
    Udp,
    /// An entry that the namespace has, or sees, has the host with endpoints of its own.
    HasEndpoints,
    /// A Service has the name or the address.
    Service,
}

impl WhyNotSuggested {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AmbiguousName => "several names lead to the address",
            Self::NoName => {
                "no name known; ask again after the pod resolved it, or --include-addresses"
            }
            Self::NoAddress => "TCP is told by the address, and none was recorded",
            Self::AddressNeeded => {
                "an entry has the name, and the address, which was not recorded, decides"
            }
            Self::NotTold => "whether the mesh knows it was not recorded; --manifests may tell",
            Self::InvalidHost => "Istio takes no such host",
            Self::InvalidNamespace => "Kubernetes has no such namespace",
            Self::Udp => "UDP: the mesh has no listener for it",
            Self::Service => "a Service has the name or the address: add the port there",
            Self::HasEndpoints => {
                "an entry has the host with endpoints of its own: add the port there (see --diff)"
            }
        }
    }
}

/// One difference, or agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Difference {
    pub(super) change: Sign,
    /// Kind, namespace and name.
    pub(super) object: String,
    pub(super) hosts: Vec<String>,
    pub(super) connections: u64,
    /// Connections of which it is not known whether they are for it.
    pub(super) perhaps: u64,
    pub(super) because: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sign {
    /// There is none.
    Add,
    /// There is one for the host, and it does not take the connections.
    Change,
    /// It takes what was observed.
    Keep,
    /// None of the flows is for it.
    Unused,
}
