//! The vocabulary: closed sets of words, each with one spelling that metrics, logs and commands
//! share, and the one reading of what Istio's objects spell out everywhere: hosts
//! ([`host`]), the protocols of ports ([`PortProtocol`]) and `exportTo` ([`Export`]). A leaf: it uses
//! nothing of ours.

mod closed_set;
mod cluster;
mod connection;
mod export;
pub mod host;
pub mod host_name;
pub mod name_reach;
mod pod;
mod port_protocol;
mod reason;
mod verdict;

pub use self::{
    cluster::{Confidence, Platform, RangeOf},
    connection::{Actor, ConnectionFailure, DnsResult, Protocol, Scope},
    export::Export,
    host::Host,
    name_reach::NameReach,
    pod::{CaptureExtent, MeshMode, Unattributed},
    port_protocol::{PortProtocol, ServerFirst},
    reason::Reason,
    verdict::{Expected, ObservedPath, Policy, RegistryMatch, Verdict},
};
