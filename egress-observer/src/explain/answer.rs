//! The answer: what is printed as JSON and YAML, and told in words by `text`.

use std::net::IpAddr;

use serde::Serialize;

use egress_observer_istio::vocabulary::{
    Actor, Expected, Policy, Protocol, Reason, RegistryMatch, Scope, Verdict,
};

/// The answer about one destination.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// [`API_VERSION`](crate::api_version::API_VERSION).
    pub api_version: &'static str,
    /// `Explanation`.
    pub kind: &'static str,
    /// The pod, as namespace/name.
    pub pod: String,
    /// The workload that it belongs to.
    pub workload: String,
    /// Who connects.
    pub source: ExplainedSource,
    /// Where to.
    pub destination: ExplainedDestination,
    /// What today's configuration would do, if the pod were made anew.
    pub desired: Stand,
    /// What the pod was set up to do when it started.
    pub applied: Stand,
    /// Whether the pod was set up otherwise than it would be today; null if that is not known.
    pub stale: Option<bool>,
    /// What the mesh knows of the destination.
    pub registry: RegistryAnswer,
    /// The cluster that the sidecar sends it to; null if the sidecar does not get it, or where that is
    /// not known.
    pub routed: Option<RoutedTo>,
    /// What the sidecar does with what the mesh does not know; null if that is not known.
    pub policy: Option<Policy>,
    /// The object that says so.
    pub policy_source: Option<String>,
    /// The judgement, if the kernel follows what was applied.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Whether it is ztunnel that gets the pod's connections, and not a sidecar.
    #[serde(skip)]
    pub is_ambient: bool,
    /// What the sidecar does with it and what the client sees, in words.
    pub outcome: String,
    /// What has no effect because the connection goes around the sidecar.
    pub void: Vec<String>,
    /// What else is worth to know: text that Istio ignores, what is assumed.
    pub notes: Vec<String>,
    /// Ways out, each with its price.
    pub advice: Vec<Advice>,
}

/// Who connects.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedSource {
    /// The container, if one is meant.
    pub container: Option<String>,
    /// What it is.
    pub actor: Actor,
    /// Its user; null if the image decides.
    pub uid: Option<u32>,
    /// Its group; null if the image decides.
    pub gid: Option<u32>,
}

/// Where to.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedDestination {
    /// The name that the client asks for; null if it is not given.
    pub host: Option<String>,
    /// The address that it dials; null if it is not known.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
    /// How far away it is.
    pub scope: Scope,
}

/// What a configuration does with the connection.
#[derive(Clone, Debug, Serialize)]
pub struct Stand {
    /// What it does.
    pub expected: Expected,
    /// The kind of rule that decides, or what is missing to tell.
    pub reason: Reason,
    /// The rule, as in `iptables-save`; null where there are no rules.
    pub rule: Option<String>,
    /// Where the rule comes from: the object and field that decide.
    pub source: String,
    /// The listener that gets a captured connection; null if none does, or more than one may.
    pub port: Option<u16>,
}

/// What the mesh knows of the destination.
#[derive(Clone, Debug, Serialize)]
pub struct RegistryAnswer {
    /// Whether, and how.
    #[serde(rename = "match")]
    pub matched: RegistryMatch,
    /// Kind of the object that takes it.
    pub kind: Option<&'static str>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its host, as written there.
    pub host: Option<String>,
    /// What led to it: `host`, `sni`, `address`, `range` or `port`.
    pub by: Option<&'static str>,
    /// What would tell, where that is not known: `http_host`, `tls_sni`, `address`.
    pub needs: Vec<&'static str>,
    /// Entries that one would think of, and why they are not it.
    pub others: Vec<OtherEntry>,
}

/// The cluster that a sidecar sends a connection to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoutedTo {
    /// As Envoy calls it: `outbound|port|subset|host`, `PassthroughCluster`, `BlackHoleCluster`; null
    /// where the proxy answers itself, and where ztunnel, which has no clusters, knows the host.
    pub cluster: Option<String>,
    /// The host of the cluster.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The VirtualService that says so, or the waypoint that it goes through.
    pub via: Option<String>,
    /// The object that declares the host; null if the proxy has no such cluster.
    pub object: Option<String>,
}

/// An entry that is not the one.
#[derive(Clone, Debug, Serialize)]
pub struct OtherEntry {
    /// Kind, namespace and name.
    pub object: String,
    /// The host in question.
    pub host: String,
    /// Why it is not it.
    pub because: String,
}

/// One way out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Advice {
    /// Which.
    pub method: Method,
    /// What to do.
    pub what: String,
    /// What it costs, and what it breaks where nothing better was found.
    pub price: String,
    /// Ready to use: YAML or commands.
    pub apply: Option<String>,
}

/// The ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `outboundTrafficPolicy: ALLOW_ANY`, of the mesh or of the Sidecar that decides.
    AllowAny,
    /// A ServiceEntry.
    ServiceEntry,
    /// A host more in a Sidecar's egress hosts.
    LetThrough,
    /// A namespace more in `exportTo`.
    Export,
    /// A port or an address more in an object that there is.
    Extend,
    /// Addresses for an entry that takes everything on its port.
    Addresses,
    /// No allocated address for an entry.
    NoAllocation,
    /// Two entries of a host made equal, so that Istio merges them.
    MakeEqual,
    /// A VirtualService's destination.
    Route,
    /// Around the sidecar, by range.
    Bypass,
    /// Back into the sidecar.
    Capture,
    /// Make the pod anew.
    Restart,
    /// Bring the pod into the mesh.
    Inject,
    /// Have the proxy run before the container does.
    NativeSidecar,
    /// Run the container as the proxy's user.
    ProxyUser,
    /// Find out what is missing.
    FindOut,
}
