//! Containers by a real OCI runtime (runc): pods' containers that see the machine's own programs,
//! and the agent from its image, as a kubelet and containerd would start it.
//!
//! - [`image`]: what is in an OCI archive;
//! - [`spec`]: a container's `config.json`, as containerd writes it;
//! - [`runc`]: the runtime; a container and its end;
//! - [`host`]: a container for a pod's application or sidecar;
//! - [`kubelet`]: from a DaemonSet to the configuration of a container, and [`agent`]: the agent in
//!   it, [`agent_pod`] while it runs;
//! - [`api`]: the API server that it asks.

pub mod agent;
pub mod agent_pod;
pub mod api;
pub mod host;
pub mod image;
pub mod kubelet;
pub mod runc;
pub mod spec;
