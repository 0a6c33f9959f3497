//! Where the agent's API is, for those who serve it and those who ask it.

/// The path of the API's socket, where none is given.
pub const DEFAULT_API_SOCKET: &str = "/run/egress-observer/agent.sock";
