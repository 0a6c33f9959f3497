//! What a finding says. Connections of which it says the same are of one kind: what is recorded is
//! kinds, and how often each was seen.

use std::{fmt, net::IpAddr, sync::Arc};

use jiff::Timestamp;

use egress_observer_istio::vocabulary::{
    Actor, ConnectionFailure, ObservedPath, Protocol, Reason, RegistryMatch, Scope, Verdict,
};

/// Judged connections of one flow.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What there is to say of them.
    pub kind: FindingKind,
    /// How many connections.
    pub n: u64,
}

/// All that there is to say of connections but how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FindingKind {
    /// Who connects; none if that is not known.
    pub client: Option<Client>,
    /// Namespace of the workload; `unknown` if there is none.
    pub namespace: Arc<str>,
    /// The workload; `unknown` if there is none.
    pub workload: Arc<str>,
    /// Where to.
    pub service: Service,
    /// The address.
    pub ip: IpAddr,
    /// The names that the pod has for it, the one asked for last first.
    pub names: Vec<Arc<str>>,
    /// Destination port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Which part of the pod.
    pub actor: Actor,
    /// How far.
    pub scope: Scope,
    /// The path seen.
    pub path: ObservedPath,
    /// What the mesh knows of the destination.
    pub registry: RegistryMatch,
    /// The judgement.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// How it failed, if it did.
    pub failure: Option<ConnectionFailure>,
}

/// Which process connects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Its pod's name.
    pub pod: Arc<str>,
    /// Its container's name, if that is known.
    pub container: Option<Arc<str>>,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// What a destination is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// A ServiceEntry's host, as written there.
    Host(Arc<str>),
    /// The name that the pod asked for.
    Name(Arc<str>),
    /// The one of several names that it asked for last; another one may be meant.
    Ambiguous(Arc<str>),
    /// Its address.
    Ip(IpAddr),
    /// Many that did not fit.
    Other,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) | Self::Name(name) => f.write_str(name),
            // No name of a host has a tilde.
            Self::Ambiguous(name) => write!(f, "{name}~ambiguous"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Other => f.write_str("~other"),
        }
    }
}

/// How often connections of one kind were seen, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sightings {
    pub(crate) n: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}
