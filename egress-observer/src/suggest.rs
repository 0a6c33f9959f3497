//! What follows from observed connections and from a cluster's objects: ServiceEntries, exclusions,
//! ranges. Pure: flows and objects in, suggestions out.

mod exclusions;
mod ranges;
pub(crate) mod service_entries;
