//! `networking.istio.io VirtualService`, as far as it says where connections go.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::{Metadata, with_metadata};

with_metadata! { VirtualService }

/// `networking.istio.io VirtualService`; v1, v1beta1 and v1alpha3 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub struct VirtualService {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: VirtualServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualServiceSpec {
    pub hosts: Vec<String>,
    /// Empty is `mesh`: the sidecars.
    pub gateways: Vec<String>,
    pub export_to: Vec<String>,
    pub http: Vec<HttpRouteSpec>,
    pub tls: Vec<TlsRouteSpec>,
    pub tcp: Vec<TcpRouteSpec>,
}

/// `spec.http[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteSpec {
    /// Any of them; none is always.
    #[serde(rename = "match")]
    pub matches: Vec<MatchSpec>,
    pub route: Vec<RouteDestination>,
    pub delegate: Option<DelegateSpec>,
    /// Answered by the proxy itself.
    pub redirect: Option<serde::de::IgnoredAny>,
    /// Answered by the proxy itself.
    pub direct_response: Option<serde::de::IgnoredAny>,
}

/// `spec.tls[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRouteSpec {
    #[serde(rename = "match")]
    pub matches: Vec<MatchSpec>,
    pub route: Vec<RouteDestination>,
}

/// `spec.tcp[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRouteSpec {
    /// Any of them; none is always.
    #[serde(rename = "match")]
    pub matches: Vec<MatchSpec>,
    pub route: Vec<RouteDestination>,
}

/// A `match` of any of the three. What is about a single request (paths, headers) is kept only by its
/// presence.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MatchSpec {
    pub port: u16,
    pub gateways: Vec<String>,
    pub source_labels: BTreeMap<String, String>,
    pub source_namespace: String,
    /// TLS: names that the client asks for.
    pub sni_hosts: Vec<String>,
    /// TLS, TCP: ranges that the client connects to.
    pub destination_subnets: Vec<String>,
    pub uri: Option<StringMatch>,
    pub headers: BTreeMap<String, serde::de::IgnoredAny>,
    pub without_headers: BTreeMap<String, serde::de::IgnoredAny>,
    pub query_params: BTreeMap<String, serde::de::IgnoredAny>,
    pub scheme: Option<serde::de::IgnoredAny>,
    pub method: Option<serde::de::IgnoredAny>,
    pub authority: Option<StringMatch>,
}

/// What a text of a request is compared with: one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StringMatch {
    pub prefix: String,
    pub exact: String,
    pub regex: String,
}

/// `route[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RouteDestination {
    pub destination: Destination,
    pub weight: u32,
}

/// `destination`: which cluster gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Destination {
    pub host: String,
    pub subset: String,
    pub port: Option<PortSelector>,
}

/// `destination.port`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PortSelector {
    pub number: u16,
}

/// `delegate`: a VirtualService without hosts, whose routes stand here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DelegateSpec {
    pub name: String,
    pub namespace: String,
}
