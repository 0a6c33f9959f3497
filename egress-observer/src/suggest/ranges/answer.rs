//! The answer: the cluster's ranges, the value they make, and what is missing.

use ipnet::IpNet;
use serde::Serialize;

use super::{platform::KnownPlatform, today::TodayRanges};
use crate::{install::Spellings, suggest::as_text};
use egress_observer_istio::vocabulary::{Confidence, RangeOf};

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RangeSuggestion {
    /// `egress-observer.io/v1alpha1`.
    pub(crate) api_version: &'static str,
    /// `RangeSuggestion`.
    pub(crate) kind: &'static str,
    /// Null if nothing shows it.
    pub(crate) platform: Option<KnownPlatform>,
    pub(crate) ranges: Vec<ClusterRange>,
    /// Null if there is no range: an empty list would take every pod out of the mesh.
    pub(crate) value: Option<String>,
    /// The value as it is written for each tool.
    pub(crate) spellings: Option<Spellings>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) notes: Vec<String>,
    /// What is set today, by revision.
    pub(crate) today: Vec<TodayRanges>,
    /// A command that shows what the value would change.
    pub(crate) try_it: Option<String>,
}

/// A range of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterRange {
    #[serde(serialize_with = "as_text")]
    pub(crate) cidr: IpNet,
    pub(crate) of: RangeOf,
    /// The object and field that says so most surely.
    pub(crate) source: String,
    pub(crate) confidence: Confidence,
    /// What else says so, or names a part of it.
    pub(crate) also: Vec<String>,
    pub(crate) in_value: bool,
}

/// A range that nothing names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Missing {
    pub(crate) of: RangeOf,
    /// 4 or 6.
    pub(crate) ip_version: u8,
    /// What happens if the value is used without it.
    pub(crate) breaks: &'static str,
    /// Where to ask for it.
    pub(crate) ask: Vec<&'static str>,
}
