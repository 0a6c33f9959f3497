//! `spec.ingress` and `spec.inboundConnectionPool` of a Sidecar: they change nothing about egress, but
//! one fault in them and Istio refuses the whole object.

use serde::Deserialize;

use super::istio::ServicePort;

/// One of `spec.ingress[]` of a Sidecar, as far as Istio validates it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressListener {
    pub port: Option<ServicePort>,
    pub bind: String,
    pub capture_mode: String,
    pub default_endpoint: String,
    pub tls: Option<ServerTls>,
    pub connection_pool: Option<ConnectionPool>,
}

/// Istio's `ServerTLSSettings`, as far as it is validated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerTls {
    /// The mode's word, such as SIMPLE or MUTUAL; empty is PASSTHROUGH.
    pub mode: String,
    pub https_redirect: bool,
    pub server_certificate: String,
    pub private_key: String,
    pub ca_certificates: String,
    pub ca_crl: String,
    pub subject_alt_names: Vec<String>,
    pub credential_name: String,
    pub credential_names: Vec<String>,
    pub tls_certificates: Vec<TlsCertificate>,
}

/// One of `tlsCertificates[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsCertificate {
    pub server_certificate: String,
    pub private_key: String,
}

/// Istio's `ConnectionPoolSettings`; durations are as they are written, such as `10s`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConnectionPool {
    pub http: Option<HttpPool>,
    pub tcp: Option<TcpPool>,
}

/// The part `http` of a connection pool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpPool {
    pub http1_max_pending_requests: i32,
    pub http2_max_requests: i32,
    pub max_requests_per_connection: i32,
    pub max_retries: i32,
    pub max_concurrent_streams: i32,
    pub idle_timeout: Option<String>,
    pub h2_upgrade_policy: String,
    pub use_client_protocol: bool,
    pub http2_keep_alive: Option<Http2KeepAlive>,
}

/// The part `http2KeepAlive` of a connection pool, which Istio has since 1.31.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Http2KeepAlive {
    pub interval: Option<String>,
    pub timeout: Option<String>,
}

/// The part `tcp` of a connection pool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpPool {
    pub max_connections: i32,
    pub connect_timeout: Option<String>,
    pub max_connection_duration: Option<String>,
    pub idle_timeout: Option<String>,
    pub tcp_keepalive: Option<TcpKeepalive>,
}

/// The part `tcpKeepalive` of a connection pool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TcpKeepalive {
    pub probes: u32,
    pub time: Option<String>,
    pub interval: Option<String>,
}
