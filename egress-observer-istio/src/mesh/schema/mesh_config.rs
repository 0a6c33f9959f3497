//! `MeshConfig` (`istio/api mesh/v1alpha1/config.proto`).

use super::{
    providers::PROVIDER,
    proxy_config::PROXY_CONFIG,
    traffic::{
        CLIENT_TLS, CONNECTION_POOL, HTTP_RETRY, LOCALITY_LB, OUTLIER_DETECTION, TCP_KEEPALIVE,
        ZONE_AWARE_LB,
    },
};
use crate::protojson::{
    FieldType::{self, Bool, Duration, Fields, Int32, Many, Text, Words},
    messages,
};

const VISIBILITY: FieldType = Words(&[
    ("VISIBILITY_UNSPECIFIED", 0),
    ("NONE", 1),
    ("NAMESPACE", 2),
    ("PUBLIC", 3),
]);

const NORMALIZATION: FieldType = Words(&[
    ("DEFAULT", 0),
    ("NONE", 1),
    ("BASE", 2),
    ("MERGE_SLASHES", 3),
    ("DECODE_AND_MERGE_SLASHES", 4),
]);

const INGRESS_MODE: FieldType = Words(&[
    ("UNSPECIFIED", 0),
    ("OFF", 1),
    ("DEFAULT", 2),
    ("STRICT", 3),
]);

const OUTBOUND_MODE: FieldType = Words(&[
    ("REGISTRY_ONLY", 0),
    ("ALLOW_ANY", 1),
    ("ALLOW_ANY_DYNAMIC_DNS", 3),
]);

messages! {
    OUTBOUND_POLICY {
        OUTBOUND_MODE => "mode";
        Fields(CLIENT_TLS) => "tls";
    }

    INBOUND_POLICY { Words(&[("PASSTHROUGH", 0), ("LOCALHOST", 1)]) => "mode"; }

    CONFIG_SOURCE {
        Text => "address";
        Fields(CLIENT_TLS) => "tls_settings";
        Many(&Words(&[("SERVICE_REGISTRY", 0)])) => "subscribed_resources";
    }

    CA_CERTIFICATE {
        Text => "pem" "spiffe_bundle_url";
        FieldType::TEXTS => "cert_signers" "trust_domains";
    }

    CERTIFICATE { Text => "secret_name"; FieldType::TEXTS => "dns_names"; }

    SETTINGS { Bool => "cluster_local"; }

    SERVICE_SETTINGS { Fields(SETTINGS) => "settings"; FieldType::TEXTS => "hosts"; }

    REQUIREMENT { Text => "key" "operator"; FieldType::TEXTS => "values"; }

    LABEL_SELECTOR {
        FieldType::TEXT_MAP => "matchLabels";
        Many(&Fields(REQUIREMENT)) => "matchExpressions";
    }

    SCOPE {
        Fields(LABEL_SELECTOR) => "namespace_selector" "services_selector";
        Words(&[("LOCAL", 0), ("GLOBAL", 1)]) => "scope";
    }

    CA {
        Text => "address";
        Fields(CLIENT_TLS) => "tls_settings";
        Duration => "request_timeout";
        Bool => "istiod_side";
    }

    DEFAULT_PROVIDERS { FieldType::TEXTS => "tracing" "metrics" "access_logging"; }

    PATH_NORMALIZATION { NORMALIZATION => "normalization"; }

    TLS {
        Words(&[("TLS_AUTO", 0), ("TLSV1_2", 1), ("TLSV1_3", 2)]) => "min_protocol_version";
        FieldType::TEXTS => "ecdh_curves" "cipher_suites";
    }

    TRAFFIC_POLICY {
        Fields(CONNECTION_POOL) => "connection_pool";
        Fields(OUTLIER_DETECTION) => "outlier_detection";
    }

    MATCH_RULE { Fields(LABEL_SELECTOR) => "namespace_selector"; }

    VISIBILITY_POLICY {
        VISIBILITY => "visibility";
        Many(&Fields(MATCH_RULE)) => "matching_rules";
    }

    ENTRY_VISIBILITY {
        VISIBILITY => "default_visibility";
        Bool => "apply_to_sidecars";
        Many(&Fields(VISIBILITY_POLICY)) => "policies";
    }

    /// `MeshConfig`.
    MESH_CONFIG {
        Int32 => "proxy_listen_port" "proxy_inbound_listen_port" "proxy_http_port";
        Duration => "connect_timeout" "hbone_idle_timeout" "protocol_detection_timeout"
            "dns_refresh_rate";
        Fields(TCP_KEEPALIVE) => "tcp_keepalive";
        Text => "ingress_class" "ingress_service" "ingress_selector" "access_log_file"
            "access_log_format" "trust_domain" "root_namespace" "inbound_cluster_stat_name"
            "outbound_cluster_stat_name";
        INGRESS_MODE => "ingress_controller_mode";
        Bool => "enable_tracing" "enable_envoy_access_log_service" "disable_envoy_listener_log"
            "enable_auto_mtls" "enable_prometheus_merge" "verify_certificate_at_client";
        Words(&[("TEXT", 0), ("JSON", 1)]) => "access_log_encoding";
        Fields(PROXY_CONFIG) => "default_config";
        Fields(OUTBOUND_POLICY) => "outbound_traffic_policy";
        Fields(INBOUND_POLICY) => "inbound_traffic_policy";
        Many(&Fields(CONFIG_SOURCE)) => "config_sources";
        FieldType::TEXTS => "trust_domain_aliases" "default_service_export_to"
            "default_virtual_service_export_to" "default_destination_rule_export_to";
        Many(&Fields(CA_CERTIFICATE)) => "ca_certificates";
        Fields(LOCALITY_LB) => "locality_lb_setting";
        Fields(ZONE_AWARE_LB) => "zone_aware_lb_setting";
        Words(&[("DO_NOT_UPGRADE", 0), ("UPGRADE", 1)]) => "h2_upgrade_policy";
        Many(&Fields(CERTIFICATE)) => "certificates";
        Many(&Fields(SERVICE_SETTINGS)) => "service_settings";
        Many(&Fields(SCOPE)) => "service_scope_configs";
        Fields(CA) => "ca";
        Many(&Fields(PROVIDER)) => "extension_providers";
        Fields(DEFAULT_PROVIDERS) => "default_providers";
        Many(&Fields(LABEL_SELECTOR)) => "discovery_selectors";
        Fields(PATH_NORMALIZATION) => "path_normalization";
        Fields(HTTP_RETRY) => "default_http_retry_policy";
        Fields(TLS) => "mesh_mTLS" "tls_defaults";
        Fields(TRAFFIC_POLICY) => "default_traffic_policy";
        Fields(ENTRY_VISIBILITY) => "service_entry_visibility";
    }
}
