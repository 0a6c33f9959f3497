//! Watches what Istio pods really do with their outbound connections, and says where that differs
//! from the mesh's configuration.
//!
//! Data flows one way, and every stage is a plain function over values:
//!
//! ```text
//! kernel::Tables -> flow::CountedFlow -> attribution::FlowOwner -> finding::Finding -> metrics, record
//!                       (cgroup, cluster::Snapshot)    (capture::decide, cluster::registry,
//!                                                       verdict::judge)
//! kernel::Answers -> dns::DnsAnswer -> names::PodNames -> the names of a flow's address
//! ```
//!
//! [`agent`] wires it together.

pub mod agent;
mod api_version;
pub mod attribution;
pub mod cgroup;
pub mod cli;
pub mod commands;
mod config_watch;
pub mod dns;
pub mod explain;
pub mod finding;
pub mod flow;
mod flow_pods;
mod flows;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod http;
mod install;
pub mod kernel;
mod kubernetes;
pub mod lint;
pub mod metrics;
pub mod names;
mod readable;
pub mod record;
mod service_entry;
mod source;
mod suggest;
mod text;
mod what_if;
