//! Watches what Istio pods really do with their outbound connections, and says where that differs
//! from the mesh's configuration.
//!
//! Data flows one way, and every stage is a plain function over values:
//!
//! ```text
//! kernel::Tables -> flow::CountedFlow -> attribution::FlowOwner -> finding::judge -> metrics, record
//! kernel::Answers -> dns::DnsAnswer -> names::PodNames ---------------^  |
//! source (files, kubernetes) -> view::Live -> Snapshot -> judgement::assess
//! ```
//!
//! What a verdict follows from is in `egress-observer-istio`. The offline commands (`explain`, `lint`,
//! `what-if`, `suggest`) need nothing of the feature `agent`.
//!
//! [`agent`] wires it together.

#[cfg(feature = "agent")]
pub mod agent;
pub mod api_socket;
pub mod api_version;
#[cfg(feature = "agent")]
pub mod attribution;
#[cfg(feature = "agent")]
pub mod cgroup;
pub mod cli;
pub mod commands;
#[cfg(feature = "agent")]
mod config_watch;
mod declared;
#[cfg(feature = "agent")]
pub mod dns;
pub mod explain;
pub mod finding;
#[cfg(feature = "agent")]
pub mod flow;
mod flow_pods;
mod flows;
#[cfg(all(feature = "agent", any(test, feature = "fuzz")))]
pub mod fuzz;
#[cfg(feature = "agent")]
pub mod http;
mod install;
#[cfg(feature = "agent")]
pub mod kernel;
#[cfg(feature = "agent")]
mod kubernetes;
pub mod lint;
#[cfg(feature = "agent")]
pub mod metrics;
#[cfg(feature = "agent")]
pub mod names;
#[cfg(feature = "agent")]
mod readable;
#[cfg(feature = "agent")]
pub mod record;
mod service_entry;
#[cfg(feature = "agent")]
mod source;
mod suggest;
mod templates;
mod text;
mod trial;
mod what_if;
