//! The small pieces of an Envoy configuration that every proxy here is made of.

use std::net::IpAddr;

use serde_json::{Value, json};

pub(crate) fn endpoint(cluster: &str, host: &str, port: u16) -> Value {
    let endpoint = json!({"endpoint": {"address": address(host, port)}});
    json!({"cluster_name": cluster, "endpoints": [{"lb_endpoints": [endpoint]}]})
}

/// A listener on every address of both families.
pub(crate) fn dual_stack(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "address": address("0.0.0.0", port),
        "additional_addresses": [{"address": address("::", port)}],
    })
}

/// A listener on the addresses of one server, of whatever family.
pub(crate) fn on_addresses(name: &str, ips: [IpAddr; 2], port: u16) -> Value {
    json!({
        "name": name,
        "address": address(&ips[0].to_string(), port),
        "additional_addresses": [{"address": address(&ips[1].to_string(), port)}],
    })
}

pub(crate) fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

pub(crate) fn tcp_proxy(cluster: &str) -> Value {
    json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": kind("filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": cluster, "cluster": cluster, "access_log": [access_log()],
        },
    })
}

pub(crate) fn http_manager(prefix: &str, virtual_hosts: &Value) -> Value {
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": kind("filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": prefix,
            "access_log": [access_log()],
            // As istiod has it: a route may name a cluster that is not there.
            "route_config": {
                "name": prefix, "virtual_hosts": virtual_hosts, "validate_clusters": false,
            },
            "http_filters": [{
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": kind("filters.http.router.v3.Router")},
            }],
        },
    })
}

pub(crate) fn listener_filter(name: &str, message: &str) -> Value {
    json!({
        "name": format!("envoy.filters.listener.{name}"),
        "typed_config": {"@type": kind(&format!("filters.listener.{name}.v3.{message}"))},
    })
}

/// To the stream, not to `/dev/stdout`: the proxy's user may not open that by path.
pub(crate) fn access_log() -> Value {
    let format = "%RESPONSE_CODE% %RESPONSE_FLAGS% \"%REQ(:AUTHORITY)%\" %UPSTREAM_CLUSTER% \
                  %UPSTREAM_HOST% %DOWNSTREAM_LOCAL_ADDRESS% %REQUESTED_SERVER_NAME%\n";
    json!({
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": kind("access_loggers.stream.v3.StdoutAccessLog"),
            "log_format": {"text_format_source": {"inline_string": format}},
        },
    })
}

pub(crate) fn kind(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}
