//! `networking.istio.io VirtualService`, as far as it says where connections go.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::{Metadata, with_metadata};

with_metadata! { VirtualService }

/// A `networking.istio.io VirtualService`; v1, v1beta1 and v1alpha3 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub struct VirtualService {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: VirtualServiceSpec,
}

/// The `spec` of a VirtualService.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualServiceSpec {
    pub hosts: Vec<String>,
    /// The gateways that have its routes; an empty list is `mesh`, which is the sidecars.
    pub gateways: Vec<String>,
    pub export_to: Vec<String>,
    pub http: Vec<HttpRouteSpec>,
    pub tls: Vec<TlsRouteSpec>,
    pub tcp: Vec<TcpRouteSpec>,
}

/// One of `spec.http[]`: where requests go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteSpec {
    /// The route is taken where any of them fits; an empty list fits always.
    #[serde(rename = "match")]
    pub matches: Vec<MatchSpec>,
    pub route: Vec<RouteDestination>,
    pub delegate: Option<DelegateSpec>,
    /// A redirection, with which the proxy answers itself.
    pub redirect: Option<serde::de::IgnoredAny>,
    /// An answer that the proxy gives itself.
    pub direct_response: Option<serde::de::IgnoredAny>,
}

/// One of `spec.tls[]`: where connections go by the server name that the client asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRouteSpec {
    #[serde(rename = "match")]
    pub matches: Vec<MatchSpec>,
    pub route: Vec<RouteDestination>,
}

/// One of `spec.tcp[]`: where connections go by their address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRouteSpec {
    /// The route is taken where any of them fits; an empty list fits always.
    #[serde(rename = "match")]
    pub matches: Vec<MatchSpec>,
    pub route: Vec<RouteDestination>,
}

/// A `match` of any of the three. What is about a single request (paths, headers) is kept only by its
/// presence.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MatchSpec {
    /// The port that the client dialled; 0 is any.
    pub port: u16,
    pub gateways: Vec<String>,
    pub source_labels: BTreeMap<String, String>,
    pub source_namespace: String,
    /// Names that the client asks for in its handshake; only routes of TLS have them.
    pub sni_hosts: Vec<String>,
    /// Ranges that the client connects to; only routes of TLS and TCP have them.
    pub destination_subnets: Vec<String>,
    pub uri: Option<StringMatch>,
    pub headers: BTreeMap<String, serde::de::IgnoredAny>,
    pub without_headers: BTreeMap<String, serde::de::IgnoredAny>,
    pub query_params: BTreeMap<String, serde::de::IgnoredAny>,
    pub scheme: Option<serde::de::IgnoredAny>,
    pub method: Option<serde::de::IgnoredAny>,
    pub authority: Option<StringMatch>,
}

/// What a text of a request is compared with: one of the three is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StringMatch {
    pub prefix: String,
    pub exact: String,
    pub regex: String,
}

/// One of `route[]`: a destination and its share.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RouteDestination {
    pub destination: Destination,
    /// The share of the requests or connections, beside the other destinations' weights.
    pub weight: u32,
}

/// A `destination`: which cluster gets the request or connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Destination {
    pub host: String,
    pub subset: String,
    pub port: Option<PortSelector>,
}

/// The `destination.port`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PortSelector {
    pub number: u16,
}

/// A `delegate`: a VirtualService without hosts, whose routes stand in this route's place.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DelegateSpec {
    pub name: String,
    pub namespace: String,
}
