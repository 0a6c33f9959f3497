//! How a port's traffic finds its ServiceEntry (`pilot/pkg/networking/core/listener.go`).

use egress_observer_istio::objects::ServicePort;

/// What tells an entry's connections on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The host in the request.
    Http,
    /// The server name in the handshake.
    Tls,
    /// The address.
    Tcp,
    /// Nothing: it is never captured.
    Udp,
    /// What the first bytes look like.
    Sniffed,
}

impl Class {
    pub(super) fn of(port: &ServicePort) -> Self {
        match port.protocol.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" => Self::Http,
            "HTTPS" | "TLS" => Self::Tls,
            "TCP" | "MONGO" | "MYSQL" | "REDIS" => Self::Tcp,
            "UDP" => Self::Udp,
            _ => Self::Sniffed,
        }
    }
}
