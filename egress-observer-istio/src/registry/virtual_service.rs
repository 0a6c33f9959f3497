//! Where a VirtualService sends connections.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{object_ref::ObjectRef, query::Viewer, values::ValueReader};
use crate::{
    objects::{self, HttpRouteSpec, MatchSpec, RouteDestination, StringMatch, VirtualServiceSpec},
    vocabulary::Host,
};

/// The routes of a VirtualService.
#[derive(Debug, Default)]
pub(super) struct RouteTable {
    pub(super) http: Vec<HttpRoute>,
    pub(super) tls: Vec<StreamRoute>,
    pub(super) tcp: Vec<StreamRoute>,
}

/// A part of `spec.http`.
#[derive(Debug)]
pub(super) struct HttpRoute {
    /// Any of them; none is always.
    pub(super) matches: Vec<Matcher>,
    pub(super) to: HttpAction,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum HttpAction {
    /// It goes on to one of these, the most likely first.
    To(Vec<ClusterRef>),
    /// The proxy answers itself.
    Answered,
    /// The routes of another VirtualService, which has no hosts: that of this namespace and name.
    Delegate((Box<str>, Box<str>)),
}

/// A part of `spec.tls` or `spec.tcp` that leads somewhere.
#[derive(Debug)]
pub(super) struct StreamRoute {
    /// Any of them; of `tcp`, none is always.
    pub(super) matches: Vec<Matcher>,
    pub(super) to: Vec<ClusterRef>,
}

/// A destination as an object names it.
#[derive(Debug)]
pub(super) struct ClusterRef {
    /// Completed, if it was short.
    pub(super) host: Box<str>,
    pub(super) subset: Box<str>,
    pub(super) port: Option<u16>,
    /// Whether the cluster's domain was added.
    pub(super) is_completed: bool,
}

/// A condition on who connects, and where to.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    port: Option<u16>,
    /// Whether it is not for sidecars.
    for_gateways: bool,
    source_labels: BTreeMap<String, String>,
    source_namespace: String,
    /// What the `Host` of a request has to be.
    authority: Option<StringMatch>,
    /// Whether it holds for every request with such a `Host`.
    pub(super) is_catch_all: bool,
    pub(super) sni_hosts: Vec<Host>,
    pub(super) subnets: Vec<IpNet>,
}

impl Matcher {
    fn new(spec: &MatchSpec, values: &mut ValueReader) -> Self {
        let sni = spec.sni_hosts.iter();
        let subnets = spec.destination_subnets.iter();
        Self {
            port: (spec.port != 0).then_some(spec.port),
            for_gateways: !spec.gateways.is_empty() && !spec.gateways.iter().any(|to| to == "mesh"),
            source_labels: spec.source_labels.clone(),
            source_namespace: spec.source_namespace.clone(),
            authority: spec.authority.clone(),
            is_catch_all: is_catch_all(spec),
            sni_hosts: sni
                .filter_map(|text| values.host("spec.tls.match.sniHosts", text))
                .collect(),
            subnets: subnets
                .filter_map(|text| values.net("match.destinationSubnets", text))
                .collect(),
        }
    }

    /// Whether it may hold for requests with this `Host`. A regular expression is not tried.
    pub(super) fn admits(&self, authority: Option<&str>) -> bool {
        let (Some(wanted), Some(authority)) = (&self.authority, authority) else {
            return true;
        };
        match (wanted.exact.as_str(), wanted.prefix.as_str()) {
            ("", "") => true,
            ("", prefix) => authority.starts_with(prefix),
            (exact, _) => authority == exact,
        }
    }

    /// Whether a sidecar gets it for a port: what is about the client and the port is decided by
    /// istiod (`matchTLS`, `matchTCP` in `pilot/pkg/networking/core/tls.go`, `sourceMatchHTTP` in
    /// `pilot/pkg/networking/core/route/route.go`).
    pub(super) fn applies(&self, viewer: &Viewer<'_>, port: u16) -> bool {
        let mut labels = self.source_labels.iter();
        !self.for_gateways
            && self.port.is_none_or(|own| own == port)
            && (self.source_namespace.is_empty() || self.source_namespace == viewer.namespace)
            && labels.all(|(key, value)| {
                let own = viewer.labels.and_then(|labels| labels.get(key));
                own == Some(value)
            })
    }
}

/// `IsCatchAllRoute` in `pilot/pkg/networking/core/route/route.go`, of what a match says.
fn is_catch_all(spec: &MatchSpec) -> bool {
    let every_path = spec.uri.as_ref().is_none_or(|uri| {
        uri.exact.is_empty() && (matches!(uri.prefix.as_str(), "" | "/") && uri.regex.is_empty())
            || matches!(uri.regex.as_str(), "*" | ".*")
    });
    every_path
        && spec.headers.is_empty()
        && spec.without_headers.is_empty()
        && spec.query_params.is_empty()
        && spec.scheme.is_none()
        && spec.method.is_none()
        && spec.authority.as_ref().is_none_or(|it| it.regex.is_empty())
}

impl ClusterRef {
    /// Reads a destination of an object in a namespace. A short name is completed
    /// (`ResolveShortnameToFQDN` in `pilot/pkg/model/config.go`).
    pub(super) fn new(of: &objects::Destination, namespace: &str, domain: &str) -> Self {
        let is_completed = !of.host.contains('.');
        Self {
            host: if is_completed {
                format!("{}.{namespace}.svc.{domain}", of.host).into()
            } else {
                of.host.as_str().into()
            },
            subset: of.subset.as_str().into(),
            port: of.port.map(|port| port.number).filter(|port| *port != 0),
            is_completed,
        }
    }
}

impl RouteTable {
    /// Reads the routes.
    pub(super) fn new(
        spec: &VirtualServiceSpec,
        object: &ObjectRef,
        domain: &str,
        values: &mut ValueReader,
    ) -> Self {
        let namespace = &*object.namespace;
        let mut stream = |matches: &[MatchSpec], to: &[RouteDestination]| StreamRoute {
            matches: matches.iter().map(|it| Matcher::new(it, values)).collect(),
            to: destinations(to, namespace, domain),
        };
        let tls = spec.tls.iter().filter(|route| !route.route.is_empty());
        let tls = tls.map(|it| stream(&it.matches, &it.route)).collect();
        let tcp = spec.tcp.iter().filter(|route| !route.route.is_empty());
        let tcp = tcp.map(|it| stream(&it.matches, &it.route)).collect();
        let http = spec.http.iter();
        Self {
            http: http
                .map(|it| HttpRoute {
                    matches: it
                        .matches
                        .iter()
                        .map(|it| Matcher::new(it, values))
                        .collect(),
                    to: action(it, namespace, domain),
                })
                .collect(),
            tls,
            tcp,
        }
    }

    /// Every destination.
    pub(super) fn clusters(&self) -> impl Iterator<Item = &ClusterRef> {
        let http = self.http.iter().flat_map(|route| match &route.to {
            HttpAction::To(to) => to.as_slice(),
            HttpAction::Answered | HttpAction::Delegate(_) => &[],
        });
        let streams = self.tls.iter().chain(&self.tcp);
        http.chain(streams.flat_map(|route| &route.to))
    }

    /// The VirtualServices that are part of it, by namespace and name.
    pub(super) fn delegates(&self) -> impl Iterator<Item = &(Box<str>, Box<str>)> {
        self.http.iter().filter_map(|route| match &route.to {
            HttpAction::Delegate(key) => Some(key),
            HttpAction::To(_) | HttpAction::Answered => None,
        })
    }

    /// Every destination, to be changed.
    pub(super) fn clusters_mut(&mut self) -> impl Iterator<Item = &mut ClusterRef> {
        let http = self.http.iter_mut().flat_map(|route| match &mut route.to {
            HttpAction::To(to) => to.as_mut_slice(),
            HttpAction::Answered | HttpAction::Delegate(_) => &mut [],
        });
        let streams = self.tls.iter_mut().chain(&mut self.tcp);
        http.chain(streams.flat_map(|route| &mut route.to))
    }
}

fn action(route: &HttpRouteSpec, namespace: &str, domain: &str) -> HttpAction {
    if let Some(delegate) = &route.delegate {
        let own = match delegate.namespace.as_str() {
            "" => namespace,
            name => name,
        };
        HttpAction::Delegate((own.into(), delegate.name.as_str().into()))
    } else if route.redirect.is_some() || route.direct_response.is_some() || route.route.is_empty()
    {
        HttpAction::Answered
    } else {
        HttpAction::To(destinations(&route.route, namespace, domain))
    }
}

/// The heaviest first.
fn destinations(all: &[RouteDestination], namespace: &str, domain: &str) -> Vec<ClusterRef> {
    let mut all: Vec<&RouteDestination> = all.iter().collect();
    all.sort_by_key(|to| std::cmp::Reverse(to.weight));
    all.iter()
        .map(|to| ClusterRef::new(&to.destination, namespace, domain))
        .collect()
}
