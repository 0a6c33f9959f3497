//! The routes of a VirtualService (`BuildHTTPRoutesForVirtualService`, `TranslateRoute` in `route/route.go`).

use std::rc::Rc;

use super::making::ByHost;
use crate::clusters::destination;
use crate::config::{Action, Route};
use crate::mesh::Client;
use crate::objects::selects;
use crate::virtual_service::{HttpMatch, HttpRoute, MESH, VirtualService};

/// Those for this client and port, up to the first that takes every request.
pub(super) fn routes(
    one: &VirtualService,
    client: &Client,
    by_host: &ByHost,
    port: u16,
) -> Vec<Route> {
    let mut routes = Vec::new();
    for http in &one.spec.http {
        let action = action(http, by_host, port);
        if http.matches.is_empty() {
            routes.push(Route {
                matching: None,
                action,
            });
            return routes;
        }
        for matching in &http.matches {
            if !is_for(matching, client, port) {
                continue;
            }
            routes.push(Route {
                matching: Some(matching.clone()),
                action: action.clone(),
            });
            if takes_all(matching) {
                return routes;
            }
        }
    }
    routes
}

/// Port and `sourceMatchHTTP`: where gateways are named, labels and namespace count for nothing.
fn is_for(matching: &HttpMatch, client: &Client, port: u16) -> bool {
    if matching.port != 0 && matching.port != port {
        return false;
    }
    if !matching.gateways.is_empty() {
        return matching.gateways.iter().any(|gateway| gateway == MESH);
    }
    selects(&matching.source_labels, &client.labels)
        && (matching.source_namespace.is_empty() || matching.source_namespace == client.namespace)
}

/// `IsCatchAllRoute`.
fn takes_all(matching: &HttpMatch) -> bool {
    let takes_paths = matching
        .uri
        .as_ref()
        .is_none_or(|uri| uri.prefix.as_deref() == Some("/") || uri.regex.as_deref() == Some(".*"));
    takes_paths
        && matching.headers.is_empty()
        && matching.without_headers.is_empty()
        && matching.query_params.is_empty()
        && matching.method.is_none()
        && matching.authority.is_none()
        && matching.scheme.is_none()
}

fn action(http: &HttpRoute, by_host: &ByHost, port: u16) -> Action {
    if http.redirect.is_some() {
        return Action::Answer(301);
    }
    if let Some(response) = &http.direct_response {
        return Action::Answer(response.status);
    }
    let clusters = http
        .route
        .iter()
        .filter(|weighted| http.route.len() == 1 || weighted.weight > 0)
        .filter_map(|weighted| {
            let to = weighted.destination.as_ref()?;
            let service = by_host.get(&to.host).map(Rc::as_ref);
            Some((destination(to, service, port), weighted.weight.max(1)))
        })
        .collect();
    Action::Clusters(clusters)
}
