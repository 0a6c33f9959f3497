//! What follows from observed connections and from a cluster's objects: ServiceEntries, exclusions,
//! ranges. Pure: flows and objects in, suggestions out.

pub(crate) mod exclusions;
pub(crate) mod ranges;
pub(crate) mod service_entries;

use ipnet::IpNet;
use serde::Serializer;

/// A range as JSON has it.
fn as_text<S: Serializer>(range: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(range)
}

/// Ranges as JSON has them.
fn as_texts<S: Serializer>(ranges: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(ToString::to_string))
}
