//! ServiceEntries for the undeclared destinations that pods connected to.
//!
//! ```text
//! flows -> observed::Observer -> entries::plan -> Suggestions -> text, or difference
//!               ^                     ^
//!          known::Known (what today's objects declare), if it is given
//! ```

mod check;
mod difference;
mod entries;
mod host;
mod known;
mod name;
mod observed;
mod recorded;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

pub(crate) use self::{
    difference::Difference,
    host::{ExportTo, Namespace, Wildcard},
    known::{Known, Near},
    observed::{Observed, Observer},
};
use crate::{
    api_version::API_VERSION,
    service_entry::{ApiVersion, AppProtocol, ServiceEntry},
};
use egress_observer_istio::vocabulary::{Protocol, Verdict};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Of workloads; empty: all.
    pub(crate) namespaces: Vec<Namespace>,
    /// Empty: all.
    pub(crate) verdicts: Vec<Verdict>,
    /// Where entries go, if not to the namespaces that use them.
    pub(crate) in_namespace: Option<Namespace>,
    pub(crate) export_to: Option<ExportTo>,
    /// By port.
    pub(crate) protocols: BTreeMap<u16, AppProtocol>,
    pub(crate) wildcards: Vec<Wildcard>,
    /// Whether addresses without a name have entries, too.
    pub(crate) include_addresses: bool,
    pub(crate) version: ApiVersion,
}

/// What these connections want, beside what there is. With `differences`, what there is counts, too.
pub(crate) fn suggest(
    observed: &Observed,
    settings: &Settings,
    known: Option<Known>,
    differences: bool,
) -> Suggestions {
    let mut suggestions = entries::plan(observed, settings, known.as_ref());
    check::note_unseen(&mut suggestions.entries);
    check::note_shared(&mut suggestions.entries);
    let Some(mut known) = known else {
        check::note_blind(&mut suggestions.entries);
        return suggestions;
    };
    if differences {
        let all = difference::differences(&suggestions.entries, observed, &known);
        suggestions.differences = Some(all);
    }
    let entries = &mut suggestions.entries;
    known.apply(entries.iter().map(|entry| &entry.manifest));
    check::note_undeclared(entries, observed, settings, &known);
    suggestions
}

impl Settings {
    /// What is taken to be spoken on a port.
    fn protocol(&self, port: u16) -> AppProtocol {
        let given = self.protocols.get(&port).copied();
        given.unwrap_or_else(|| AppProtocol::usual(port))
    }
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suggestions {
    /// `egress-observer.io/v1alpha1`.
    api_version: &'static str,
    /// `ServiceEntrySuggestions`.
    kind: &'static str,
    /// By namespace and host.
    pub(crate) entries: Vec<Entry>,
    pub(crate) not_suggested: Vec<NotSuggested>,
    /// Against the ServiceEntries that there are, if that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differences: Option<Vec<Difference>>,
    /// Wildcards that no host is below.
    pub(crate) unused_wildcards: Vec<String>,
}

impl Suggestions {
    fn new(
        entries: Vec<Entry>,
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
pub(crate) struct Entry {
    /// The object.
    pub(crate) manifest: ServiceEntry,
    pub(crate) connections: u64,
    /// By namespace and workload.
    pub(crate) used_by: Vec<User>,
    /// The hosts below a wildcard that were asked for.
    pub(crate) hosts: Vec<String>,
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
pub(crate) struct User {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    #[serde(flatten)]
    pub(crate) tally: Tally,
}

/// Connections, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tally {
    pub(crate) connections: u64,
    /// Those whose verdict was recorded.
    pub(crate) verdicts: BTreeMap<Verdict, u64>,
    /// When the last one was seen, RFC 3339.
    pub(crate) last_time: Option<String>,
}

impl Tally {
    fn add(&mut self, other: &Self) {
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
    pub(crate) ip: Option<std::net::IpAddr>,
    /// One, or all that may have been meant.
    pub(crate) names: Vec<String>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) reason: Refusal,
    pub(crate) connections: u64,
}

/// Why a destination has no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
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
}

impl Refusal {
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
        }
    }
}
