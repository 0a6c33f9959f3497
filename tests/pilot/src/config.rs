//! What a sidecar gets: listeners, routes, clusters, as far as they decide where a connection goes.

use std::collections::BTreeMap;

use crate::objects::ObjectRef;
use crate::virtual_service::HttpMatch;

/// Everything that istiod sends.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub listeners: Vec<Listener>,
    /// By name.
    pub routes: BTreeMap<String, RouteConfig>,
    /// By name.
    pub clusters: BTreeMap<String, Cluster>,
    /// Where connections go that no listener wants.
    pub catch_all: String,
    /// The port of the listener that gets all captured connections.
    pub capture_port: u16,
}

/// A listener for an address or for all of them, and a port.
#[derive(Clone, Debug)]
pub struct Listener {
    pub address: String,
    pub extra_addresses: Vec<String>,
    pub port: u16,
    pub has_tls_inspector: bool,
    pub has_http_inspector: bool,
    pub chains: Vec<Chain>,
    /// What takes connections that no chain matches.
    pub default: Option<Chain>,
}

/// A filter chain: what it matches and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub matching: ChainMatch,
    pub filter: Filter,
    /// The object that it is made from.
    pub object: Option<ObjectRef>,
}

/// `FilterChainMatch`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainMatch {
    pub server_names: Vec<String>,
    /// Destination addresses or ranges.
    pub ranges: Vec<String>,
    /// Only what speaks HTTP without TLS.
    pub is_for_http: bool,
}

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// To one of the clusters, by weight.
    Tcp(Vec<(String, u32)>),
    /// Requests are routed by the route configuration of that name.
    Http(String),
}

/// `RouteConfiguration`; the port of a Host header counts for nothing.
#[derive(Clone, Debug, Default)]
pub struct RouteConfig {
    pub virtual_hosts: Vec<VirtualHost>,
}

/// Hosts with their routes.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    pub name: String,
    pub domains: Vec<String>,
    pub routes: Vec<Route>,
    pub object: Option<ObjectRef>,
}

/// A route: what it matches and what it does.
#[derive(Clone, Debug)]
pub struct Route {
    /// Nothing matches all requests.
    pub matching: Option<HttpMatch>,
    pub action: Action,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To one of the clusters, by weight.
    Clusters(Vec<(String, u32)>),
    /// Answered with that status.
    Answer(u16),
}

/// A cluster, and what it is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub host: String,
    pub port: u16,
    /// It leads to where the client wanted to go (`ORIGINAL_DST`).
    pub is_original: bool,
    pub object: ObjectRef,
}

pub const PASSTHROUGH: &str = "PassthroughCluster";
pub const BLACK_HOLE: &str = "BlackHoleCluster";
