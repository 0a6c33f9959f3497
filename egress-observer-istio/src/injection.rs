//! What a pod is set up to do: as it was when it started, and as today's configuration would have it.

pub mod annotations;
mod applied;
mod beginning;
mod cni;
mod containers;
pub(crate) mod desired;
mod identity;
mod listeners;
mod names;
pub mod pod;
mod pod_to_be;
mod policy;
mod renewed;
pub mod restart;
mod same;
pub mod setup;
mod spec;
mod today;
