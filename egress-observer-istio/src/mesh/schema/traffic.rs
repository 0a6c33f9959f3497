//! Messages of `networking.istio.io` that the mesh configuration has in it (`istio/api
//! networking/v1alpha3/destination_rule.proto`, `virtual_service.proto`, `workload_group.proto`).

use crate::protojson::{
    FieldType::{Bool, Duration, Fields, Int32, Int64, Many, Map, Text, Uint32, Words},
    messages,
};

use crate::protojson::FieldType;

messages! {
    /// `ClientTLSSettings`.
    CLIENT_TLS {
        Words(&[("DISABLE", 0), ("SIMPLE", 1), ("MUTUAL", 2), ("ISTIO_MUTUAL", 3)]) => "mode";
        Text => "client_certificate" "private_key" "ca_certificates" "credential_name" "sni" "ca_crl";
        FieldType::TEXTS => "subject_alt_names";
        Bool => "insecure_skip_verify";
    }

    /// `TcpKeepalive`.
    TCP_KEEPALIVE {
        Uint32 => "probes";
        Duration => "time" "interval";
    }

    TCP_SETTINGS {
        Int32 => "max_connections";
        Duration => "connect_timeout" "max_connection_duration" "idle_timeout";
        Fields(TCP_KEEPALIVE) => "tcp_keepalive";
    }

    CONNECTION_KEEPALIVE { Duration => "interval" "timeout"; }

    HTTP_SETTINGS {
        Int32 => "http1_max_pending_requests" "http2_max_requests" "max_requests_per_connection"
            "max_retries" "max_concurrent_streams";
        Duration => "idle_timeout";
        Words(&[("DEFAULT", 0), ("DO_NOT_UPGRADE", 1), ("UPGRADE", 2)]) => "h2_upgrade_policy";
        Bool => "use_client_protocol";
        Fields(CONNECTION_KEEPALIVE) => "http2_keep_alive";
    }

    /// `ConnectionPoolSettings`.
    CONNECTION_POOL {
        Fields(TCP_SETTINGS) => "tcp";
        Fields(HTTP_SETTINGS) => "http";
    }

    /// `OutlierDetection`.
    OUTLIER_DETECTION {
        Int32 => "consecutive_errors" "max_ejection_percent" "min_health_percent";
        Bool => "split_external_local_origin_errors";
        Uint32 => "consecutive_local_origin_failures" "consecutive_gateway_errors"
            "consecutive_5xx_errors";
        Duration => "interval" "base_ejection_time";
        Many(&Uint32) => "outlier_detection_http_error_codes";
    }

    DISTRIBUTE {
        Text => "from";
        Map(&Uint32) => "to";
    }

    FAILOVER { Text => "from" "to"; }

    /// `LocalityLoadBalancerSetting`.
    LOCALITY_LB {
        Many(&Fields(DISTRIBUTE)) => "distribute";
        Many(&Fields(FAILOVER)) => "failover";
        FieldType::TEXTS => "failover_priority";
        Bool => "enabled";
    }

    /// `ZoneAwareLoadBalancerSetting`.
    ZONE_AWARE_LB {
        Bool => "enabled";
        Many(&Fields(FAILOVER)) => "failover";
        FieldType::TEXTS => "failover_priority";
        Int64 => "min_cluster_size";
    }

    /// `HTTPRetry`.
    HTTP_RETRY {
        Int32 => "attempts";
        Duration => "per_try_timeout" "backoff";
        Text => "retry_on";
        Bool => "retry_remote_localities" "retry_ignore_previous_hosts";
    }

    HTTP_HEADER { Text => "name" "value"; }

    HTTP_GET {
        Text => "path" "host" "scheme";
        Uint32 => "port";
        Many(&Fields(HTTP_HEADER)) => "http_headers";
    }

    TCP_SOCKET { Text => "host"; Uint32 => "port"; }

    GRPC { Uint32 => "port"; Text => "service"; }

    EXEC { FieldType::TEXTS => "command"; }

    /// `ReadinessProbe`.
    READINESS_PROBE {
        Int32 => "initial_delay_seconds" "timeout_seconds" "period_seconds" "success_threshold"
            "failure_threshold";
        Fields(HTTP_GET) => "http_get";
        Fields(TCP_SOCKET) => "tcp_socket";
        Fields(EXEC) => "exec";
        Fields(GRPC) => "grpc";
    }
}
