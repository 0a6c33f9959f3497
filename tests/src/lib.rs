//! The simulated node of egress-observer's demo and tests.
//!
//! One machine plays a Kubernetes node with real parts: network namespaces and cgroups shaped like
//! the kubelet's, Istio's own iptables rules, Envoy as the sidecar, a DNS server, and the agent as
//! it is shipped. Nothing leaves the namespaces, and everything is removed again.
//!
//! In reading order:
//! - [`run`]: the name, the directory and the end of one run; [`process`], [`wait`], [`http`]: its tools;
//! - [`netns`], [`network`], [`cgroup`], [`bpffs`]: the node's kernel objects; [`hierarchies`]: the
//!   machine's;
//! - [`identity`], [`pod`], [`istio`], [`rules`], [`manifests`]: pods, their rules and objects;
//! - [`istiod`], [`envoy`], [`sidecar`], [`servers`], [`dns`]: the proxies and the world outside;
//! - [`oci`]: containers by runc, and the agent from its image;
//! - [`agent`], [`metrics`], [`record`]: the program under test and what it says;
//! - [`node`], [`story`], [`report`], [`form`]: the story that the demo plays and the end-to-end test checks;
//! - [`churn`]: a full node whose pods come and go; [`services`]: a cluster with thousands of Services;
//! - [`mod@bench`]: what the agent costs.
#![forbid(unsafe_code)]

pub mod run;

pub mod http;
pub mod process;
pub mod wait;

pub mod hierarchies;
mod mounts;

pub mod bpffs;
pub mod cgroup;
pub mod netns;
pub mod network;

pub mod identity;
pub mod istio;
pub mod manifests;
pub mod pod;
pub mod rules;

pub mod dns;
pub mod envoy;
pub mod istiod;
pub mod servers;
pub mod sidecar;

pub mod oci;

pub mod agent;
pub mod metrics;
pub mod record;

mod columns;
pub mod form;
pub mod node;
pub mod report;
pub mod story;

pub mod churn;
pub mod services;

pub mod bench;
