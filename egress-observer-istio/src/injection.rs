//! What a pod is set up to do: as it was when it started, and as today's configuration would have it.

pub mod annotations;
pub mod desired;
pub mod pod;
mod policy;
pub mod restart;
pub mod setup;
