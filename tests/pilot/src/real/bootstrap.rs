//! The oracle's configuration as Envoy reads it.
//!
//! A cluster is two there: what is proxied as bytes goes to the port that speaks first, requests to the one
//! that answers them.

use serde_json::{Value, json};

use super::upstream::Upstream;
use crate::config::{
    Action, BLACK_HOLE, Chain, Config, Filter, Listener, Route, RouteConfig, VirtualHost,
};
use crate::matcher::Envoy;
use crate::virtual_service::{HttpMatch, StringMatch};

pub(super) fn bootstrap(
    config: &Config,
    envoy: &Envoy<'_>,
    port: u16,
    upstream: &Upstream,
) -> Value {
    let mut listeners = vec![virtual_outbound(config, port)];
    listeners.extend(
        envoy
            .listeners()
            .iter()
            .map(|of_config| listener(of_config, config)),
    );
    json!({
        "node": {"id": "sidecar", "cluster": "sidecar"},
        "static_resources": {"listeners": listeners, "clusters": clusters(upstream)},
    })
}

fn kind(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.filters.{name}")
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

/// As istiod has it, but for where the destination comes from.
fn virtual_outbound(config: &Config, port: u16) -> Value {
    json!({
        "name": "virtualOutbound",
        "address": address("127.0.0.1", port),
        "use_original_dst": true,
        "listener_filters": [listener_filter("proxy_protocol", "ProxyProtocol")],
        "filter_chains": [
            {
                "filter_chain_match": {"destination_port": config.capture_port},
                "filters": [tcp_proxy(&[(BLACK_HOLE.to_owned(), 1)])],
            },
            {"filters": [tcp_proxy(&[(config.catch_all.clone(), 1)])]},
        ],
    })
}

fn listener_filter(name: &str, message: &str) -> Value {
    json!({
        "name": format!("envoy.filters.listener.{name}"),
        "typed_config": {"@type": kind(&format!("listener.{name}.v3.{message}"))},
    })
}

fn listener(of: &Listener, config: &Config) -> Value {
    let mut filters = Vec::new();
    if of.has_tls_inspector {
        filters.push(listener_filter("tls_inspector", "TlsInspector"));
    }
    if of.has_http_inspector {
        filters.push(listener_filter("http_inspector", "HttpInspector"));
    }
    let extra: Vec<Value> = of
        .extra_addresses
        .iter()
        .map(|extra| json!({"address": address(extra, of.port)}))
        .collect();
    let chains: Vec<Value> = of.chains.iter().map(|one| chain(one, config)).collect();
    let mut listener = json!({
        "name": format!("{}_{}", of.address, of.port),
        "address": address(&of.address, of.port),
        "additional_addresses": extra,
        "bind_to_port": false,
        "listener_filters": filters,
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": true,
        "filter_chains": chains,
    });
    if let Some(default) = &of.default {
        listener["default_filter_chain"] = chain(default, config);
    }
    listener
}

fn chain(of: &Chain, config: &Config) -> Value {
    let mut matching = json!({});
    if !of.matching.server_names.is_empty() {
        matching["server_names"] = json!(of.matching.server_names);
    }
    if of.matching.is_for_http {
        matching["transport_protocol"] = json!("raw_buffer");
        matching["application_protocols"] = json!(["http/1.1", "h2c"]);
    }
    let ranges: Vec<Value> = of
        .matching
        .ranges
        .iter()
        .filter_map(|range| range.split_once('/'))
        .map(|(prefix, length)| {
            json!({"address_prefix": prefix, "prefix_len": length.parse::<u8>().unwrap_or_default()})
        })
        .collect();
    if !ranges.is_empty() {
        matching["prefix_ranges"] = json!(ranges);
    }
    let filter = match &of.filter {
        Filter::Tcp(clusters) => tcp_proxy(clusters),
        Filter::Http(name) => http_manager(name, config.routes.get(name)),
    };
    json!({"filter_chain_match": matching, "filters": [filter]})
}

fn tcp_proxy(clusters: &[(String, u32)]) -> Value {
    let mut proxy = json!({
        "@type": kind("network.tcp_proxy.v3.TcpProxy"),
        "stat_prefix": "stream",
    });
    if let [(only, _)] = clusters {
        proxy["cluster"] = json!(format!("stream {only}"));
    } else {
        let weighted: Vec<Value> = clusters
            .iter()
            .map(|(name, weight)| json!({"name": format!("stream {name}"), "weight": weight}))
            .collect();
        proxy["weighted_clusters"] = json!({"clusters": weighted});
    }
    json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy})
}

fn http_manager(name: &str, routes: Option<&RouteConfig>) -> Value {
    let hosts: Vec<Value> = routes
        .into_iter()
        .flat_map(|routes| &routes.virtual_hosts)
        .map(virtual_host)
        .collect();
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": kind("network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "http",
            "route_config": {
                "name": name,
                "virtual_hosts": hosts,
                "validate_clusters": false,
                "ignore_port_in_host_matching": true,
            },
            "http_filters": [{
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": kind("http.router.v3.Router")},
            }],
        },
    })
}

fn virtual_host(of: &VirtualHost) -> Value {
    let routes: Vec<Value> = of.routes.iter().map(route).collect();
    json!({"name": of.name, "domains": of.domains, "routes": routes})
}

fn route(of: &Route) -> Value {
    let mut route = json!({"match": matching(of.matching.as_ref())});
    match &of.action {
        Action::Answer(301) => route["redirect"] = json!({"host_redirect": "elsewhere"}),
        Action::Answer(status) => route["direct_response"] = json!({"status": status}),
        Action::Clusters(clusters) => {
            if let [(only, _)] = clusters.as_slice() {
                route["route"] = json!({"cluster": format!("http {only}")});
            } else {
                let weighted: Vec<Value> = clusters
                    .iter()
                    .map(|(name, weight)| json!({"name": format!("http {name}"), "weight": weight}))
                    .collect();
                route["route"] = json!({"weighted_clusters": {"clusters": weighted}});
            }
        }
    }
    route
}

/// `TranslateRouteMatch`, of what random VirtualServices have.
fn matching(of: Option<&HttpMatch>) -> Value {
    let Some(of) = of else {
        return json!({"prefix": "/"});
    };
    let mut matching = match of.uri.as_ref() {
        Some(StringMatch {
            exact: Some(exact), ..
        }) => json!({"path": exact}),
        Some(StringMatch {
            prefix: Some(prefix),
            ..
        }) => json!({"prefix": prefix}),
        Some(StringMatch {
            regex: Some(regex), ..
        }) => json!({"safe_regex": {"regex": regex}}),
        _ => json!({"prefix": "/"}),
    };
    let named = [
        (":method", &of.method),
        (":authority", &of.authority),
        (":scheme", &of.scheme),
    ];
    let own = named
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let headers: Vec<Value> = of
        .headers
        .iter()
        .map(|(name, text)| (name.as_str(), text))
        .chain(own)
        .map(|(name, text)| json!({"name": name, "string_match": string_match(text)}))
        .collect();
    if !headers.is_empty() {
        matching["headers"] = json!(headers);
    }
    matching
}

fn string_match(of: &StringMatch) -> Value {
    if let Some(exact) = &of.exact {
        return json!({"exact": exact});
    }
    if let Some(prefix) = &of.prefix {
        return json!({"prefix": prefix});
    }
    json!({"safe_regex": {"regex": of.regex}})
}

/// Two of each, but for the one without endpoints.
fn clusters(upstream: &Upstream) -> Vec<Value> {
    let mut clusters = vec![json!({
        "name": format!("stream {BLACK_HOLE}"), "type": "STATIC", "connect_timeout": "10s",
    })];
    for (name, host) in upstream.clusters() {
        let ways = [
            ("stream", upstream.stream_port),
            ("http", upstream.http_port),
        ];
        for (way, port) in ways {
            let endpoint = json!({"endpoint": {"address": address(&host.to_string(), port)}});
            clusters.push(json!({
                "name": format!("{way} {name}"),
                "type": "STATIC",
                "connect_timeout": "10s",
                "load_assignment": {
                    "cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}],
                },
            }));
        }
    }
    clusters
}
