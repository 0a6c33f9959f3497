//! `spec.egress` of a Sidecar: which hosts of which namespaces it lets through, and on which port.

use super::reader::{NamespaceId, Namespaces};
use crate::vocabulary::Host;

/// A part of `spec.egress`.
#[derive(Debug)]
pub(super) struct Egress {
    /// None: all.
    pub(super) port: Option<u16>,
    pub(super) hosts: Vec<EgressHost>,
}

/// `namespace/dnsName`.
#[derive(Debug)]
pub(super) struct EgressHost {
    namespaces: Origin,
    /// None: all.
    host: Option<Host>,
    /// `~namespace/dnsName` takes away.
    taken_away: bool,
}

/// Which namespaces are meant.
#[derive(Debug)]
enum Origin {
    Any,
    /// That of the pod.
    Own,
    Nobody,
    One(NamespaceId),
}

impl EgressHost {
    pub(super) fn parse(text: &str, namespaces: &mut Namespaces) -> Option<Self> {
        let (from, host) = text.split_once('/')?;
        let (from, taken_away) = match from.strip_prefix('~') {
            Some(rest) if !rest.is_empty() => (rest, true),
            _ => (from, false),
        };
        let host = match host {
            "*" => None,
            host => Some(Host::parse(host)?),
        };
        let namespaces = match from {
            "" => return None,
            "*" => Origin::Any,
            "." => Origin::Own,
            "~" => Origin::Nobody,
            name => Origin::One(namespaces.intern(name).0),
        };
        Some(Self {
            namespaces,
            host,
            taken_away,
        })
    }

    fn means(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        let from = match self.namespaces {
            Origin::Any => true,
            Origin::Own => own,
            Origin::Nobody => false,
            Origin::One(one) => one == namespace,
        };
        from && self.host.as_ref().is_none_or(|outer| host.is_within(outer))
    }

    fn is_everything(&self) -> bool {
        matches!(self.namespaces, Origin::Any) && self.host.is_none() && !self.taken_away
    }
}

impl Egress {
    /// Whether a host of a namespace is let through; `own` is whether that is the pod's own
    /// namespace.
    pub(super) fn lets_through(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        let hosts = self.hosts.iter();
        let mut meant = hosts
            .filter(|meant| meant.means(namespace, own, host))
            .peekable();
        meant.peek().is_some() && !meant.any(|host| host.taken_away)
    }

    /// Whether it lets everything through.
    pub(super) fn is_everything(&self) -> bool {
        self.port.is_none() && self.hosts.iter().all(EgressHost::is_everything)
    }
}
