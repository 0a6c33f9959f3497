//! What Istio refuses: the rules of its admission webhook, and those of the schemas that it
//! installs, for ServiceEntries and Sidecars (`ValidateServiceEntry` and `ValidateSidecar` in
//! `pkg/config/validation/validation.go`; `manifests/charts/base/files/crd-all.gen.yaml`).
//!
//! Each rule is a function of an object and of the version that refuses it. Wrong types, among them
//! numbers that no port can be, are refused earlier: when the object is read.

mod connection_pool;
mod duration;
mod egress;
mod endpoints;
mod export_to;
mod ingress;
mod names;
mod outbound_policy;
mod refusal;
mod resolution;
mod selector;
mod server_tls;
mod service_entry;
mod service_ports;
mod sidecar;

pub use self::{
    refusal::{Refusal, RefusedPart},
    service_entry::service_entry,
    sidecar::sidecar,
};

use crate::rules::Version;

/// What counts where nobody says which version there is: what today's Istio takes is no fault.
pub const NEWEST: Version = Version(31);

#[cfg(test)]
mod tests;
