//! VirtualServices, as far as they decide where a connection goes.

mod delegates;
mod index;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;

use crate::mesh::Client;
use crate::objects::{Labels, Object, ObjectRef};

pub(crate) use self::index::VirtualServices;

/// One VirtualService, its names made whole, its delegates merged into it.
#[derive(Clone, Debug)]
pub(crate) struct VirtualService {
    pub(crate) object: ObjectRef,
    pub(crate) created: String,
    pub(crate) spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) hosts: Vec<String>,
    pub(crate) gateways: Vec<String>,
    pub(crate) http: Vec<HttpRoute>,
    pub(crate) tls: Vec<TlsRoute>,
    pub(crate) tcp: Vec<TcpRoute>,
    pub(crate) export_to: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpRoute {
    #[serde(rename = "match")]
    pub(crate) matches: Vec<HttpMatch>,
    pub(crate) route: Vec<Weighted>,
    pub(crate) redirect: Option<Value>,
    pub(crate) direct_response: Option<DirectResponse>,
    pub(crate) delegate: Option<Delegate>,
    pub(crate) mirror: Option<RouteDestination>,
    pub(crate) mirrors: Vec<Mirror>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DirectResponse {
    pub(crate) status: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Delegate {
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mirror {
    pub(crate) destination: Option<RouteDestination>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    pub uri: Option<StringMatch>,
    pub scheme: Option<StringMatch>,
    pub method: Option<StringMatch>,
    pub authority: Option<StringMatch>,
    pub headers: BTreeMap<String, StringMatch>,
    pub without_headers: BTreeMap<String, StringMatch>,
    pub query_params: BTreeMap<String, StringMatch>,
    pub port: u16,
    pub source_labels: Labels,
    pub source_namespace: String,
    pub gateways: Vec<String>,
    pub ignore_uri_case: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StringMatch {
    pub exact: Option<String>,
    pub prefix: Option<String>,
    pub regex: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Weighted {
    pub(crate) destination: Option<RouteDestination>,
    pub(crate) weight: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RouteDestination {
    pub(crate) host: String,
    pub(crate) subset: String,
    pub(crate) port: Option<PortNumber>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PortNumber {
    pub(crate) number: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TlsRoute {
    #[serde(rename = "match")]
    pub(crate) matches: Vec<TlsMatch>,
    pub(crate) route: Vec<Weighted>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TlsMatch {
    pub(crate) sni_hosts: Vec<String>,
    #[serde(flatten)]
    pub(crate) rest: TcpMatch,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TcpRoute {
    #[serde(rename = "match")]
    pub(crate) matches: Vec<TcpMatch>,
    pub(crate) route: Vec<Weighted>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TcpMatch {
    pub(crate) destination_subnets: Vec<String>,
    pub(crate) port: u16,
    pub(crate) source_labels: Labels,
    pub(crate) source_namespace: String,
    pub(crate) gateways: Vec<String>,
}

/// The gateway of sidecars.
pub(crate) const MESH: &str = "mesh";

impl TcpMatch {
    /// Whether it is about this client and port at all (`matchTLS`, `matchTCP`).
    pub(crate) fn is_for(&self, client: &Client, port: u16) -> bool {
        let is_of_gateway =
            self.gateways.is_empty() || self.gateways.iter().any(|gateway| gateway == MESH);
        is_of_gateway
            && crate::objects::selects(&self.source_labels, &client.labels)
            && (self.port == 0 || self.port == port)
            && (self.source_namespace.is_empty() || self.source_namespace == client.namespace)
    }
}

impl VirtualService {
    /// With names made whole (`ResolveVirtualServiceShortnames`). Nothing if it cannot be read.
    fn read(object: &Object, client: &Client) -> Option<Self> {
        let mut spec: Spec = serde_json::from_value(object.value["spec"].clone()).ok()?;
        for host in spec.hosts_mut() {
            *host = crate::host::resolved(host, object.namespace(), &client.cluster_domain);
        }
        Some(Self {
            object: object.reference.clone(),
            created: object.created.clone(),
            spec,
        })
    }

    /// Namespace and name.
    pub(crate) fn key(&self) -> (String, String) {
        (self.object.namespace.clone(), self.object.name.clone())
    }

    /// Whether sidecars get it (`getGatewayNames`).
    fn is_for_mesh(&self) -> bool {
        self.spec.gateways.is_empty() || self.spec.gateways.iter().any(|gateway| gateway == MESH)
    }

    /// Hosts of its destinations, with their ports, 0 where none is said
    /// (`virtualServiceDestinationsFilteredBySourceNamespace`).
    pub(crate) fn destinations(&self, client: &Client) -> BTreeMap<String, BTreeSet<u16>> {
        let mut found: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
        let http = self.spec.http.iter().filter(|route| {
            !client.version.filters_destinations() || route.is_from(&client.namespace)
        });
        let tcp = self.spec.tcp.iter().flat_map(|route| &route.route);
        let tls = self.spec.tls.iter().flat_map(|route| &route.route);
        let of_streams = tcp
            .chain(tls)
            .filter_map(|weighted| weighted.destination.as_ref());
        for destination in http.flat_map(HttpRoute::destinations).chain(of_streams) {
            let port = destination.port.map_or(0, |port| port.number);
            found
                .entry(destination.host.clone())
                .or_default()
                .insert(port);
        }
        found
    }
}

impl HttpRoute {
    fn is_from(&self, namespace: &str) -> bool {
        let mut sources = self
            .matches
            .iter()
            .map(|of_route| &of_route.source_namespace)
            .filter(|source| !source.is_empty())
            .peekable();
        sources.peek().is_none() || sources.any(|source| source == namespace)
    }

    fn destinations(&self) -> impl Iterator<Item = &RouteDestination> {
        let mirrors = self
            .mirrors
            .iter()
            .filter_map(|mirror| mirror.destination.as_ref());
        self.route
            .iter()
            .filter_map(|weighted| weighted.destination.as_ref())
            .chain(&self.mirror)
            .chain(mirrors)
    }
}

impl Spec {
    /// Every name in it that may be a short one: its own hosts, and those of its destinations.
    fn hosts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let http = self.http.iter_mut().flat_map(|route| {
            let mirrors = route
                .mirrors
                .iter_mut()
                .filter_map(|mirror| mirror.destination.as_mut());
            route
                .route
                .iter_mut()
                .filter_map(|weighted| weighted.destination.as_mut())
                .chain(&mut route.mirror)
                .chain(mirrors)
        });
        let tcp = self.tcp.iter_mut().flat_map(|route| &mut route.route);
        let tls = self.tls.iter_mut().flat_map(|route| &mut route.route);
        let destinations = http.chain(
            tcp.chain(tls)
                .filter_map(|weighted| weighted.destination.as_mut()),
        );
        self.hosts
            .iter_mut()
            .chain(destinations.map(|destination| &mut destination.host))
    }
}

/// A list that is shared.
pub(crate) type Shared = Vec<Rc<VirtualService>>;
