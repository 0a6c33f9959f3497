//! Where Envoy sends a connection, given its configuration.
//!
//! Written from Envoy's `ConnectionHandlerImpl::getBalancedHandlerByAddress`,
//! `FilterChainManagerImpl::findFilterChain` and `RouteMatcher::findVirtualHost`.

mod chains;
mod requests;
mod valid;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::config::{Chain, Config, Filter, Listener};
use crate::objects::ObjectRef;

/// What a client says first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// `GET /` of HTTP/1.1 with that Host.
    Http(String),
    /// A ClientHello, with that name if there is one.
    Tls(Option<String>),
    /// Something that is neither.
    Bytes,
    /// Nothing: it waits for the server.
    Nothing,
}

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It goes to one of these clusters.
    To(BTreeSet<String>),
    /// To a cluster that is not there.
    Missing(String),
    /// A request is answered by the sidecar itself.
    Answer(u16),
    /// The sidecar waits for the client, the client for the server.
    Waits,
}

/// A fate, and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub fate: Fate,
    /// `ADDRESS_PORT` of the listener; nothing for the catch-all.
    pub listener: Option<String>,
    /// The virtual host that took a request.
    pub virtual_host: Option<String>,
    pub object: Option<ObjectRef>,
    /// The cluster leads to where the client wanted to go.
    pub is_original: bool,
}

impl fmt::Display for Says {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(host) => write!(formatter, "HTTP for {host}"),
            Self::Tls(Some(name)) => write!(formatter, "TLS for {name}"),
            Self::Tls(None) => formatter.write_str("TLS without a name"),
            Self::Bytes => formatter.write_str("bytes"),
            Self::Nothing => formatter.write_str("nothing"),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(clusters) => {
                let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
                formatter.write_str(&clusters.join(" or "))
            }
            Self::Missing(cluster) => write!(formatter, "{cluster}, which is not there"),
            Self::Answer(status) => write!(formatter, "answered with {status}"),
            Self::Waits => formatter.write_str("waits for ever"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.fate)?;
        let listener = self.listener.as_deref().unwrap_or("virtualOutbound");
        write!(formatter, " by listener {listener}")?;
        if let Some(host) = &self.virtual_host {
            write!(formatter, ", virtual host {host}")?;
        }
        if let Some(object) = &self.object {
            write!(formatter, ", of {object}")?;
        }
        Ok(())
    }
}

/// Listeners that Envoy accepts, ready to be asked.
#[derive(Debug)]
pub struct Envoy<'a> {
    config: &'a Config,
    listeners: Vec<&'a Listener>,
}

impl<'a> Envoy<'a> {
    /// A listener that Envoy refuses is not there.
    pub fn new(config: &'a Config) -> Self {
        Self {
            config,
            listeners: valid::listeners(config),
        }
    }

    /// Those that Envoy accepts.
    pub fn listeners(&self) -> &[&'a Listener] {
        &self.listeners
    }

    /// Where a captured connection goes.
    pub fn ask(&self, to: SocketAddr, says: &Says) -> Outcome {
        let Some(listener) = self.listener(to) else {
            let cluster = if to.port() == self.config.capture_port {
                crate::config::BLACK_HOLE
            } else {
                &self.config.catch_all
            };
            return Outcome {
                fate: self.to(&[(cluster.to_owned(), 1)]),
                listener: None,
                virtual_host: None,
                object: None,
                is_original: false,
            };
        };
        let mut outcome = Outcome {
            fate: Fate::Waits,
            listener: Some(format!("{}_{}", listener.address, listener.port)),
            virtual_host: None,
            object: None,
            is_original: false,
        };
        let inspects = listener.has_http_inspector || listener.has_tls_inspector;
        if *says == Says::Nothing && inspects {
            return outcome;
        }
        if let Some(chain) = chains::find(listener, to.ip(), says).or(listener.default.as_ref()) {
            self.pass(chain, says, &mut outcome);
        }
        if let Fate::To(clusters) = &outcome.fate {
            let mut of_config = clusters.iter().map(|name| self.config.clusters.get(name));
            outcome.is_original =
                of_config.all(|cluster| cluster.is_some_and(|cluster| cluster.is_original));
        }
        outcome
    }

    fn pass(&self, chain: &Chain, says: &Says, outcome: &mut Outcome) {
        outcome.object.clone_from(&chain.object);
        outcome.fate = match (&chain.filter, says) {
            (Filter::Tcp(clusters), _) => self.to(clusters),
            (Filter::Http(_), Says::Nothing) => Fate::Waits,
            (Filter::Http(_), Says::Bytes | Says::Tls(_)) => Fate::Answer(400),
            (Filter::Http(name), Says::Http(host)) => {
                let found = self
                    .config
                    .routes
                    .get(name)
                    .and_then(|routes| requests::virtual_host(routes, host));
                let Some(found) = found else {
                    outcome.fate = Fate::Answer(404);
                    return;
                };
                outcome.virtual_host = Some(found.name.clone());
                outcome.object.clone_from(&found.object);
                match requests::action(found, host) {
                    Some(crate::config::Action::Clusters(clusters)) => self.to(clusters),
                    Some(crate::config::Action::Answer(status)) => Fate::Answer(*status),
                    None => Fate::Answer(404),
                }
            }
        };
    }

    fn to(&self, clusters: &[(String, u32)]) -> Fate {
        let missing = clusters.iter().find(|(name, _)| {
            ![crate::config::BLACK_HOLE, crate::config::PASSTHROUGH].contains(&name.as_str())
                && !self.config.clusters.contains_key(name)
        });
        match missing {
            Some((missing, _)) => Fate::Missing(missing.clone()),
            None => Fate::To(clusters.iter().map(|(name, _)| name.clone()).collect()),
        }
    }

    /// That of the address, else that of all addresses.
    fn listener(&self, to: SocketAddr) -> Option<&'a Listener> {
        let all = match to.ip() {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0_u16; 8]),
        };
        let found = [to.ip(), all].into_iter().find_map(|address| {
            self.listeners.iter().find(|listener| {
                let addresses = std::iter::once(&listener.address).chain(&listener.extra_addresses);
                listener.port == to.port()
                    && addresses
                        .filter_map(|own| own.parse::<IpAddr>().ok())
                        .any(|own| own == address)
            })
        });
        found.copied()
    }
}
