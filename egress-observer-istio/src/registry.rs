//! What the mesh knows: ServiceEntries and Services in one index, who sees them, and which of them
//! takes a connection.
//!
//! A sidecar finds a destination in its listeners
//! (`pilot/pkg/networking/core/{listener,httproute,tls}.go`): one at each single address that an
//! entry has, and one for the whole port, with parts for ranges, for names, and for everything. The
//! index has the same parts, so that a lookup takes a few steps, however many entries there are.
//!
//! Changes are taken in one object at a time.

mod address_listener;
mod addresses;
mod ambient;
mod beside;
mod bound;
mod by_address;
mod by_host;
mod chain_set;
mod chains;
mod changes;
mod claim;
mod clusters;
mod declared;
mod declared_port;
mod defaults;
mod discovery;
mod edit;
mod egress;
mod host_entry;
mod index;
mod known_chains;
mod listener;
mod lookup;
mod mesh_rules;
mod miss;
mod named_waypoint;
mod names;
mod near_miss;
mod object_ref;
mod places;
mod port_listener;
mod query;
mod reader;
mod refused;
mod reversed;
mod rivals;
mod routed;
mod routes;
mod routing;
mod rule;
mod service;
mod service_entry;
mod shelf;
mod shows;
mod sidecar;
mod sidecar_edit;
mod sought;
mod speech;
mod store;
mod values;
mod view;
mod virtual_service;
mod waypoints;
mod why_not;

pub use self::{
    addresses::NameAnswer,
    beside::Beside,
    declared_port::DeclaredPort,
    defaults::RegistryDefaults,
    discovery::Discovery,
    edit::{EntryEdit, Undo},
    host_entry::RegistryEntry,
    miss::{NearMiss, Why},
    object_ref::{ObjectKind, ObjectRef, UnreadableValue},
    query::{By, Fate, Hit, Match, RegistryQuery, Routed, Viewer},
    sidecar::{SidecarPolicy, SidecarScope},
    sidecar_edit::EgressPlace,
    store::Registry,
};

#[cfg(test)]
mod tests;
