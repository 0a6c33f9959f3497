//! The answer: what to exclude, what is excluded, and the values for it.

use ipnet::IpNet;
use serde::Serialize;

use crate::{install::Spellings, suggest::as_text};
use egress_observer_istio::vocabulary::Actor;

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExclusionSuggestions {
    /// `egress-observer.io/v1alpha1`.
    pub(crate) api_version: &'static str,
    /// `ExclusionSuggestions`.
    pub(crate) kind: &'static str,
    /// The most used first.
    pub(crate) suggestions: Vec<Suggestion>,
    /// What may be excluded, at its price; not in the values.
    pub(crate) options: Vec<Suggestion>,
    /// What goes around the sidecar as configured.
    pub(crate) already: Vec<Already>,
    /// `excludeIPRanges` of the mesh by revision: what is set today and what is suggested.
    pub(crate) mesh: Vec<MeshValue>,
    /// The same as annotations of workloads.
    pub(crate) workloads: Vec<WorkloadValue>,
    pub(crate) notes: Vec<String>,
}

/// A destination to exclude.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suggestion {
    #[serde(serialize_with = "as_text")]
    pub(crate) cidr: IpNet,
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) price: &'static str,
    /// The better way, where there is one.
    pub(crate) instead: Option<&'static str>,
    /// The page that says what it is.
    pub(crate) page: &'static str,
    pub(crate) connections: u64,
    /// The most connections first.
    pub(crate) used_by: Vec<AddressUser>,
}

/// A workload that uses a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressUser {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) actors: Vec<Actor>,
    pub(crate) ports: Vec<u16>,
    /// Those that the sidecar got.
    pub(crate) connections: u64,
    /// Those of them that it refused.
    pub(crate) blocked: u64,
    /// Those of which the way was not proved, such as those that failed.
    pub(crate) unproved: u64,
    /// Whether today's configuration excludes it already: a restart is enough. Null without the pod.
    pub(crate) restart_is_enough: Option<bool>,
}

/// A destination that goes around the sidecar already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Already {
    #[serde(serialize_with = "as_text")]
    pub(crate) cidr: IpNet,
    pub(crate) what: &'static str,
    pub(crate) connections: u64,
    /// Namespace and name.
    pub(crate) workloads: Vec<String>,
}

impl ExclusionSuggestions {
    /// Whether there is nothing to say but notes.
    pub(crate) fn is_empty(&self) -> bool {
        self.suggestions.is_empty() && self.options.is_empty() && self.already.is_empty()
    }
}

/// The mesh's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeshValue {
    /// The control plane's; empty for the default one, null if today's value is not known.
    pub(crate) revision: Option<String>,
    /// Where today's value stands.
    pub(crate) source: Option<String>,
    pub(crate) value: String,
    pub(crate) spellings: Spellings,
}

/// A workload's own value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadValue {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) value: String,
    pub(crate) spellings: Spellings,
    /// Whether what is excluded today is in it.
    pub(crate) complete: bool,
    /// A command, or a comment; null if the pod is not known.
    pub(crate) restart: Option<String>,
}
