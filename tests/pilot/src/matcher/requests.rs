//! Which virtual host and which route take a request.

use crate::config::{Action, RouteConfig, VirtualHost};
use crate::virtual_service::{HttpMatch, StringMatch};

/// The exact domain, else the longest `*.suffix`, else `*`. (Istio makes no `prefix.*`.)
pub(super) fn virtual_host<'a>(routes: &'a RouteConfig, host: &str) -> Option<&'a VirtualHost> {
    let host = without_port(host).to_ascii_lowercase();
    let domains = routes.virtual_hosts.iter().flat_map(|one| {
        one.domains
            .iter()
            .map(move |domain| (domain.to_ascii_lowercase(), one))
    });
    if let Some((_, found)) = domains.clone().find(|(domain, _)| *domain == host) {
        return Some(found);
    }
    domains
        .filter(|(domain, _)| {
            domain == "*"
                || domain
                    .strip_prefix('*')
                    .is_some_and(|end| host.len() > end.len() && host.ends_with(end))
        })
        .max_by_key(|(domain, _)| domain.len())
        .map(|(_, found)| found)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    }
}

/// What the first route does that matches `GET /`.
pub(super) fn action<'a>(one: &'a VirtualHost, host: &str) -> Option<&'a Action> {
    one.routes
        .iter()
        .find(|route| route.matching.as_ref().is_none_or(|of| matches(of, host)))
        .map(|route| &route.action)
}

fn matches(of: &HttpMatch, host: &str) -> bool {
    let mut parts = [
        (&of.uri, "/"),
        (&of.method, "GET"),
        (&of.authority, host),
        (&of.scheme, "http"),
    ]
    .into_iter();
    parts.all(|(wanted, text)| wanted.as_ref().is_none_or(|wanted| said(wanted, text)))
        && of.headers.is_empty()
        && of.query_params.is_empty()
}

fn said(wanted: &StringMatch, text: &str) -> bool {
    if let Some(exact) = &wanted.exact {
        return exact == text;
    }
    if let Some(prefix) = &wanted.prefix {
        return text.starts_with(prefix);
    }
    wanted.regex.as_deref() == Some(".*")
}
