//! Which outbound connections a sidecar's rules capture: a pure function of what the rules were
//! made from and of the connection.
//!
//! The rules are those of Istio's `tools/istio-iptables/pkg/capture/run.go` (chain `ISTIO_OUTPUT`)
//! and `tools/istio-nftables/pkg/capture/run.go` (chain `istio-output`), from Istio 1.5 on. A test
//! compares them with a kernel that has such rules.

pub mod ambient;
mod ambient_rule;
mod backend;
mod chain;
mod config;
mod decision;
mod dialled;
mod dns;
pub mod flags;
mod list;
mod ports;
mod ranges;
mod rule;
mod rule_text;
mod spans;
mod version;

pub use self::{
    backend::Backend,
    chain::decide,
    config::{CaptureConfig, OwnerGroups, PortKind},
    decision::Decision,
    dialled::Dialled,
    dns::{DNS_LISTENER, DnsCapture},
    list::{ListError, elements, prefix},
    ports::{PortRange, Ports},
    ranges::Ranges,
    rule::{Rule, RuleSetting},
    version::{Release, Version},
};
#[cfg(test)]
pub(crate) use self::{ports::ports, ranges::ranges};

#[cfg(test)]
mod tests;
