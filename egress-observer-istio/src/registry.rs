//! What the mesh knows: ServiceEntries and Services in one index, who sees them, and which of them
//! takes a connection.
//!
//! A sidecar finds a destination in its listeners
//! (`pilot/pkg/networking/core/{listener,httproute,tls}.go`): one at each single address that an
//! entry has, and one for the whole port, with parts for ranges, for names, and for everything. The
//! index has the same parts, so that a lookup takes a few steps, however many entries there are.
//!
//! Changes are taken in one object at a time.

mod addresses;
mod by_address;
mod by_host;
mod by_name;
mod changes;
mod claim;
mod declared;
mod defaults;
mod egress;
mod index;
#[cfg(any(test, feature = "bench"))]
pub mod linear;
mod listener;
mod lookup;
mod miss;
mod near_miss;
mod object_ref;
mod port_listener;
mod query;
mod reader;
mod routes;
mod routing;
mod service;
mod service_entry;
mod shelf;
mod shows;
mod sidecar;
mod sought;
mod store;
mod values;
mod view;
mod why_not;

pub use self::{
    claim::RegistryEntry,
    miss::{NearMiss, Why},
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    query::{By, Hit, Match, RegistryQuery, Viewer},
    sidecar::{SidecarPolicy, SidecarScope},
    store::Registry,
};

#[cfg(test)]
mod tests;
