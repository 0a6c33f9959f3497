//! `MeshConfig.ExtensionProvider` (`istio/api mesh/v1alpha1/config.proto`).

use crate::protojson::{
    FieldType::{self, Bool, Duration, Fields, Int32, Int64, Many, Struct, Text, Uint32, Words},
    messages,
};

messages! {
    AUTHZ_BODY {
        Uint32 => "max_request_bytes";
        Bool => "allow_partial_message" "pack_as_bytes";
    }

    AUTHZ_HTTP {
        Text => "service" "path_prefix" "status_on_error";
        Uint32 => "port";
        Duration => "timeout";
        Bool => "fail_open" "clear_route_cache";
        FieldType::TEXTS => "include_headers_in_check" "include_request_headers_in_check"
            "headers_to_upstream_on_allow" "headers_to_downstream_on_deny"
            "headers_to_downstream_on_allow";
        FieldType::TEXT_MAP => "include_additional_headers_in_check";
        Fields(AUTHZ_BODY) => "include_request_body_in_check";
    }

    AUTHZ_GRPC {
        Text => "service" "status_on_error";
        Uint32 => "port";
        Duration => "timeout";
        Bool => "fail_open" "clear_route_cache";
        Fields(AUTHZ_BODY) => "include_request_body_in_check";
    }

    HEADER { Text => "name" "value" "env_name"; }

    ZIPKIN {
        Text => "service" "path";
        Uint32 => "port" "max_tag_length";
        Bool => "enable_64bit_trace_id";
        Words(&[("USE_B3", 0), ("USE_B3_WITH_W3C_PROPAGATION", 1)]) => "trace_context_option";
        Duration => "timeout";
        Many(&Fields(HEADER)) => "headers";
    }

    LIGHTSTEP { Text => "service" "access_token"; Uint32 => "port" "max_tag_length"; }

    DATADOG { Text => "service"; Uint32 => "port" "max_tag_length"; }

    SKYWALKING { Text => "service" "access_token"; Uint32 => "port"; }

    STACKDRIVER_LOGGING { FieldType::TEXT_MAP => "labels"; }

    STACKDRIVER {
        Bool => "debug";
        Int64 => "max_number_of_attributes" "max_number_of_annotations"
            "max_number_of_message_events";
        Uint32 => "max_tag_length";
        Fields(STACKDRIVER_LOGGING) => "logging";
    }

    OPENCENSUS {
        Text => "service";
        Uint32 => "port" "max_tag_length";
        Many(&Words(super::proxy_config::TRACE_CONTEXT)) => "context";
    }

    NOTHING {}

    LOG_FORMAT { Text => "text"; Struct => "labels"; }

    FILE_LOG {
        Text => "path";
        Fields(LOG_FORMAT) => "log_format";
        Bool => "omit_empty_values";
    }

    HTTP_LOG {
        Text => "service" "log_name";
        Uint32 => "port";
        FieldType::TEXTS => "filter_state_objects_to_log" "additional_request_headers_to_log"
            "additional_response_headers_to_log" "additional_response_trailers_to_log";
    }

    TCP_LOG {
        Text => "service" "log_name";
        Uint32 => "port";
        FieldType::TEXTS => "filter_state_objects_to_log";
    }

    OTEL_LOG {
        Text => "service" "log_name";
        Uint32 => "port";
        Fields(LOG_FORMAT) => "log_format";
    }

    HTTP_SERVICE { Text => "path"; Duration => "timeout"; Many(&Fields(HEADER)) => "headers"; }

    GRPC_SERVICE { Duration => "timeout"; Many(&Fields(HEADER)) => "initial_metadata"; }

    DETECTORS { Fields(NOTHING) => "environment" "dynatrace"; }

    DYNATRACE_API { Text => "service"; Uint32 => "port"; Fields(HTTP_SERVICE) => "http"; }

    DYNATRACE_SAMPLER {
        Text => "tenant";
        Int32 => "cluster_id";
        Uint32 => "root_spans_per_minute";
        Fields(DYNATRACE_API) => "http_service";
    }

    OPENTELEMETRY {
        Text => "service";
        Uint32 => "port" "max_tag_length";
        Fields(HTTP_SERVICE) => "http";
        Fields(GRPC_SERVICE) => "grpc";
        Fields(DETECTORS) => "resource_detectors";
        Words(&[("ISTIO_CANONICAL", 0), ("OTEL_SEMANTIC_CONVENTIONS", 1)])
            => "service_attribute_enrichment";
        Fields(DYNATRACE_SAMPLER) => "dynatrace_sampler";
    }

    SDS { Text => "name" "service"; Uint32 => "port"; }

    /// `ExtensionProvider`.
    PROVIDER {
        Text => "name";
        Fields(AUTHZ_HTTP) => "envoy_ext_authz_http";
        Fields(AUTHZ_GRPC) => "envoy_ext_authz_grpc";
        Fields(ZIPKIN) => "zipkin";
        Fields(LIGHTSTEP) => "lightstep";
        Fields(DATADOG) => "datadog";
        Fields(STACKDRIVER) => "stackdriver";
        Fields(OPENCENSUS) => "opencensus";
        Fields(SKYWALKING) => "skywalking";
        Fields(OPENTELEMETRY) => "opentelemetry";
        Fields(NOTHING) => "prometheus";
        Fields(FILE_LOG) => "envoy_file_access_log";
        Fields(HTTP_LOG) => "envoy_http_als";
        Fields(TCP_LOG) => "envoy_tcp_als";
        Fields(OTEL_LOG) => "envoy_otel_als";
        Fields(SDS) => "sds";
    }
}
