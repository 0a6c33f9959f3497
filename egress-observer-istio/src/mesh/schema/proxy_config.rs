//! `ProxyConfig` (`istio/api mesh/v1alpha1/proxy.proto`): `defaultConfig` of the mesh configuration, and
//! the annotation `proxy.istio.io/config`.

use super::traffic::{CLIENT_TLS, READINESS_PROBE, TCP_KEEPALIVE};
use crate::protojson::{
    FieldType::{
        self, Bool, Double, Duration, Fields, Int32, Int64, Many, Map, Text, Uint32, Words,
    },
    messages,
};

/// `TraceContext`.
pub(super) const TRACE_CONTEXT: &[(&str, i32)] = &[
    ("UNSPECIFIED", 0),
    ("W3C_TRACE_CONTEXT", 1),
    ("GRPC_BIN", 2),
    ("CLOUD_TRACE_CONTEXT", 3),
    ("B3", 4),
];

const CLIENT_CERT: FieldType = Words(&[
    ("UNDEFINED", 0),
    ("SANITIZE", 1),
    ("FORWARD_ONLY", 2),
    ("APPEND_FORWARD", 3),
    ("SANITIZE_SET", 4),
    ("ALWAYS_FORWARD_ONLY", 5),
]);

const UNDERSCORES: FieldType = Words(&[
    ("HEADERS_WITH_UNDERSCORES_UNSPECIFIED", 0),
    ("HEADERS_WITH_UNDERSCORES_ALLOW", 1),
    ("HEADERS_WITH_UNDERSCORES_REJECT_REQUEST", 2),
    ("HEADERS_WITH_UNDERSCORES_DROP_HEADER", 3),
]);

const ESCAPED_SLASHES: FieldType = Words(&[
    ("PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED", 0),
    ("KEEP_UNCHANGED", 1),
    ("REJECT_REQUEST", 2),
    ("UNESCAPE_AND_REDIRECT", 3),
    ("UNESCAPE_AND_FORWARD", 4),
]);

const SERVICE_NAME: FieldType = Words(&[
    ("APP_LABEL_AND_NAMESPACE", 0),
    ("CANONICAL_NAME_ONLY", 1),
    ("CANONICAL_NAME_AND_NAMESPACE", 2),
]);

messages! {
    ADDRESS { Text => "address"; }

    LIGHTSTEP { Text => "address" "access_token"; }

    STACKDRIVER {
        Bool => "debug";
        Int64 => "max_number_of_attributes" "max_number_of_annotations"
            "max_number_of_message_events";
    }

    OPENCENSUS { Text => "address"; Many(&Words(TRACE_CONTEXT)) => "context"; }

    LITERAL { Text => "value"; }

    WITH_DEFAULT { Text => "name" "default_value"; }

    CUSTOM_TAG {
        Fields(LITERAL) => "literal";
        Fields(WITH_DEFAULT) => "environment" "header";
    }

    TRACING {
        Fields(ADDRESS) => "zipkin" "datadog";
        Fields(LIGHTSTEP) => "lightstep";
        Fields(STACKDRIVER) => "stackdriver";
        Fields(OPENCENSUS) => "open_census_agent";
        Map(&Fields(CUSTOM_TAG)) => "custom_tags";
        Uint32 => "max_path_tag_length";
        Double => "sampling";
        Fields(CLIENT_TLS) => "tls_settings";
        Bool => "enable_istio_tags";
    }

    SDS { Bool => "enabled"; Text => "k8s_sa_jwt_path"; }

    NOTHING {}

    TOPOLOGY {
        Uint32 => "num_trusted_proxies";
        CLIENT_CERT => "forward_client_cert_details";
        Fields(NOTHING) => "proxy_protocol";
    }

    KEY_PROVIDER { Duration => "poll_delay"; Bool => "fallback"; }

    KEY_PROVIDERS { Fields(KEY_PROVIDER) => "cryptomb" "qat"; }

    REMOTE_SERVICE {
        Text => "address";
        Fields(CLIENT_TLS) => "tls_settings";
        Fields(TCP_KEEPALIVE) => "tcp_keepalive";
    }

    STATS_MATCHER {
        FieldType::TEXTS => "inclusion_prefixes" "inclusion_suffixes" "inclusion_regexps";
    }

    IMAGE { Text => "image_type"; }

    SERVER { Bool => "disabled"; Text => "value"; }

    DISABLED { Bool => "disabled"; }

    ENABLED { Bool => "enabled"; }

    EXCHANGE { Words(&[("UNDEFINED", 0), ("IN_MESH", 1)]) => "mode"; }

    CERT_DETAILS { Bool => "subject" "cert" "chain" "dns" "uri"; }

    HEADERS {
        CLIENT_CERT => "forwarded_client_cert";
        Fields(CERT_DETAILS) => "set_current_client_cert_details";
        Fields(DISABLED) => "request_id" "attempt_count" "envoy_debug_headers";
        Fields(SERVER) => "server";
        Fields(EXCHANGE) => "metadata_exchange_headers";
        Bool => "preserve_http1_header_case";
        Fields(ENABLED) => "x_forwarded_host" "x_forwarded_port";
    }

    CONNECTION_SETTINGS {
        Words(&[("SIDECAR", 0), ("EDGE", 1)]) => "profile";
        Int32 => "listener_per_connection_buffer_limit_bytes"
            "cluster_per_connection_buffer_limit_bytes" "http_max_concurrent_streams"
            "http2_initial_stream_window_size" "http2_initial_connection_window_size"
            "listener_connection_limit" "global_downstream_connection_limit";
        Duration => "http_idle_timeout" "http_max_connection_duration" "http_drain_timeout"
            "http_request_timeout" "http_request_headers_timeout" "http_stream_idle_timeout"
            "http_max_stream_duration";
        Bool => "http_merge_slashes";
        UNDERSCORES => "http_headers_with_underscores_action";
        ESCAPED_SLASHES => "http_path_with_escaped_slashes_action";
    }

    /// `ProxyConfig`.
    PROXY_CONFIG {
        Text => "config_path" "binary_path" "service_cluster" "discovery_address" "zipkin_address"
            "statsd_udp_address" "envoy_metrics_service_address" "availability_zone"
            "custom_config_file" "proxy_bootstrap_template_path" "mesh_id";
        SERVICE_NAME => "tracing_service_name";
        Duration => "drain_duration" "discovery_refresh_delay" "termination_drain_duration"
            "file_flush_interval";
        Int32 => "proxy_admin_port" "stat_name_length" "concurrency" "status_port";
        Words(&[("NONE", 0), ("MUTUAL_TLS", 1), ("INHERIT", 1000)]) => "control_plane_auth_policy";
        Words(&[("REDIRECT", 0), ("TPROXY", 1), ("NONE", 2)]) => "interception_mode";
        Fields(TRACING) => "tracing";
        Fields(SDS) => "sds";
        Fields(REMOTE_SERVICE) => "envoy_access_log_service" "envoy_metrics_service";
        FieldType::TEXT_MAP => "proxy_metadata" "runtime_values";
        FieldType::TEXTS => "extra_stat_tags" "ca_certificates_pem";
        Fields(TOPOLOGY) => "gateway_topology";
        Fields(READINESS_PROBE) => "readiness_probe";
        Fields(STATS_MATCHER) => "proxy_stats_matcher";
        Bool => "hold_application_until_proxy_starts" "stats_compression";
        Fields(IMAGE) => "image";
        Fields(KEY_PROVIDERS) => "private_key_provider";
        Fields(HEADERS) => "proxy_headers";
        Uint32 => "file_flush_min_size_kb";
        Fields(CONNECTION_SETTINGS) => "connection_settings";
    }
}
