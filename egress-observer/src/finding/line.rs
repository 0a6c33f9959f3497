//! A finding as a line of JSON: the one list of its fields. The agent writes it; `what-if`, `suggest`
//! and `explain` read it ([`crate::flows`]).
//!
//! The agent gives every field. Whoever reads needs few of them, and gets lines of other writers,
//! too: `explain -o json` prints some, and people write them. So every field may be missing, and what
//! only an agent can know is passed over where it is not what an agent writes.

use serde::{Deserialize, Serialize};

use super::field::{self, LineText};
use egress_observer_istio::vocabulary::{
    ConnectionFailure, ObservedPath, Reason, RegistryMatch, Scope, Verdict,
};

/// One finding, or what somebody else says of connections.
#[derive(Serialize, Deserialize)]
#[serde(
    // The error of a line that is no object says so to people.
    expecting = "struct Line",
    rename_all = "camelCase",
    bound(deserialize = "'de: 'a")
)]
pub(crate) struct FindingLine<'a> {
    #[serde(default, deserialize_with = "field::text")]
    pub(super) api_version: Option<LineText<'a>>,
    #[serde(default, deserialize_with = "field::text")]
    pub(super) kind: Option<LineText<'a>>,
    /// When the first and the last of these connections was counted, RFC 3339.
    #[serde(default, deserialize_with = "field::text")]
    pub(super) first_time: Option<LineText<'a>>,
    #[serde(default, deserialize_with = "field::text")]
    pub(crate) last_time: Option<LineText<'a>>,
    pub(crate) namespace: Option<LineText<'a>>,
    /// As namespace/name; some write the name alone.
    pub(crate) pod: Option<LineText<'a>>,
    pub(crate) workload: Option<LineText<'a>>,
    pub(crate) source: Option<SourceLine<'a>>,
    pub(crate) destination: Option<DestinationLine<'a>>,
    #[serde(default, deserialize_with = "field::word")]
    pub(crate) path: Option<ObservedPath>,
    #[serde(default, deserialize_with = "field::registry")]
    pub(crate) registry: Option<RegistryMatch>,
    #[serde(default, deserialize_with = "field::word")]
    pub(crate) verdict: Option<Verdict>,
    #[serde(default, deserialize_with = "field::word")]
    pub(super) reason: Option<Reason>,
    #[serde(default, deserialize_with = "field::word")]
    pub(super) failure: Option<ConnectionFailure>,
    pub(crate) count: Option<u64>,
}

/// Which process connects.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct SourceLine<'a> {
    pub(crate) container: Option<LineText<'a>>,
    pub(crate) actor: Option<LineText<'a>>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

/// Where to.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct DestinationLine<'a> {
    /// The name that the pod asked for; null if it asked for none, or for several.
    pub(crate) host: Option<LineText<'a>>,
    pub(crate) ip: Option<LineText<'a>>,
    pub(crate) port: Option<u16>,
    pub(crate) protocol: Option<LineText<'a>>,
    #[serde(default, deserialize_with = "field::word")]
    pub(crate) scope: Option<Scope>,
    /// All that it asked for, the last one first.
    #[serde(default)]
    pub(crate) names: Vec<LineText<'a>>,
    /// As in the metrics' `destination_service`.
    #[serde(default, deserialize_with = "field::text")]
    pub(super) service: Option<LineText<'a>>,
}
