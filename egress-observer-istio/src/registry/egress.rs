//! `spec.egress` of a Sidecar: which hosts of which namespaces it lets through, and on which port.

use std::net::IpAddr;

use super::reader::{NamespaceId, Namespaces};
use crate::{
    objects::EgressListener,
    vocabulary::{Host, PortProtocol},
};

/// A part of `spec.egress`, or what stands for a Sidecar where there is none.
#[derive(Clone, Debug)]
pub(super) struct Egress {
    /// Only this port of what is let through; none: all.
    pub(super) port: Option<u16>,
    /// The port at which it is a proxy for HTTP (`HTTP_PROXY`), whatever ports its hosts have.
    proxy_port: Option<u16>,
    /// What the listener for that port speaks, whatever its hosts' ports say.
    pub(super) protocol: Option<PortProtocol>,
    /// Whether it listens at an address of its own, and not at those of what it lets through.
    pub(super) has_bind: bool,
    /// That address, if it is one that connections are captured to.
    bind: Option<IpAddr>,
    /// None is everything.
    hosts: Option<Vec<EgressHost>>,
}

/// What a pod without a Sidecar has: `*/*`.
pub(super) static EVERYTHING: [Egress; 1] = [Egress {
    port: None,
    proxy_port: None,
    protocol: None,
    has_bind: false,
    bind: None,
    hosts: None,
}];

/// `namespace/dnsName`.
#[derive(Clone, Debug)]
pub(super) struct EgressHost {
    namespaces: Origin,
    /// None: all.
    host: Option<Host>,
    /// `~namespace/dnsName` takes away, since 1.31; before, no namespace is called so.
    takes_away: bool,
}

/// Which namespaces are meant.
#[derive(Clone, Debug)]
enum Origin {
    Any,
    /// That of the pod.
    Own,
    One(NamespaceId),
}

impl EgressHost {
    pub(super) fn parse(text: &str, namespaces: &mut Namespaces) -> Option<Self> {
        let (from, host) = text.split_once('/')?;
        let (from, takes_away) = match from.strip_prefix('~') {
            Some("") => ("*", true),
            Some(rest) => (rest, true),
            None => (from, false),
        };
        let host = match host {
            "*" => None,
            host => Some(Host::parse(host)?),
        };
        let namespaces = match from {
            "" => return None,
            "*" => Origin::Any,
            "." => Origin::Own,
            name => Origin::One(namespaces.intern(name).0),
        };
        Some(Self {
            namespaces,
            host,
            takes_away,
        })
    }

    fn is_from(&self, namespace: NamespaceId, own: bool) -> bool {
        match self.namespaces {
            Origin::Any => true,
            Origin::Own => own,
            Origin::One(one) => one == namespace,
        }
    }

    fn is_from_any(&self) -> bool {
        matches!(self.namespaces, Origin::Any)
    }

    fn has(&self, host: &Host) -> bool {
        self.host.as_ref().is_none_or(|outer| host.is_within(outer))
    }

    fn means(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        self.is_from(namespace, own) && self.has(host)
    }

    /// Whether it means a host of a VirtualService: each may be the wider one (`VSMatches` in
    /// `pilot/pkg/model/sidecar.go`).
    fn touches(&self, namespace: NamespaceId, own: bool, host: &Host) -> bool {
        self.is_from(namespace, own)
            && self
                .host
                .as_ref()
                .is_none_or(|other| host.is_within(other) || other.is_within(host))
    }

    fn is_everything(&self) -> bool {
        self.is_from_any() && self.host.is_none() && !self.takes_away
    }
}

impl Egress {
    /// Reads a part. `HTTP_PROXY` takes every port of its hosts (`needsPortMatch` in
    /// `pilot/pkg/model/sidecar.go`).
    pub(super) fn new(listener: &EgressListener, hosts: Vec<EgressHost>) -> Self {
        let port = listener.port.as_ref();
        let is_proxy = port.is_some_and(|it| it.protocol.eq_ignore_ascii_case("HTTP_PROXY"));
        let number = port.map(|port| port.number);
        Self {
            port: number.filter(|_| !is_proxy),
            proxy_port: number.filter(|_| is_proxy),
            protocol: port.map(|port| PortProtocol::parse(&port.protocol)),
            bind: listener.bind.parse().ok(),
            has_bind: !listener.bind.is_empty() || listener.capture_mode == "NONE",
            hosts: Some(hosts),
        }
    }

    /// Whether a host of a namespace is let through; `own` is whether that is the pod's own
    /// namespace, `excludes` whether its version knows of hosts that are taken away.
    pub(super) fn lets_through(
        &self,
        namespace: NamespaceId,
        (own, excludes): (bool, bool),
        host: &Host,
    ) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let mut meant = hosts
            .iter()
            .filter(|meant| excludes || !meant.takes_away)
            .filter(|meant| meant.means(namespace, own, host))
            .peekable();
        meant.peek().is_some() && !meant.any(|host| host.takes_away)
    }

    /// Whether an alias of a host that is let through is let through with it. What is said of the
    /// host's namespace alone counts before what is said of all (`matchingAliasService` in
    /// `pilot/pkg/model/sidecar.go`): an alias that is not among the former is left out.
    pub(super) fn lets_alias_through(
        &self,
        (namespace, own): (NamespaceId, bool),
        host: &Host,
        alias: &Host,
    ) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let own_first = [false, true].into_iter();
        let mut meaning = own_first.map(|any| {
            let said = hosts
                .iter()
                .filter(move |it| !it.takes_away && it.is_from_any() == any);
            said.filter(move |it| it.is_from(namespace, own))
        });
        meaning
            .find(|said| said.clone().any(|it| it.has(host)))
            .is_some_and(|mut said| said.any(|it| it.has(alias)))
    }

    /// Whether a VirtualService with these hosts is let through: one that is meant is enough
    /// (`SelectVirtualServices` in `pilot/pkg/model/virtualservice.go`).
    pub(super) fn lets_rule_through(
        &self,
        namespace: NamespaceId,
        (own, excludes): (bool, bool),
        hosts: &[Host],
    ) -> bool {
        let Some(meant) = &self.hosts else {
            return true;
        };
        hosts.iter().any(|host| {
            let mut taken_away = meant.iter().filter(|meant| meant.takes_away);
            let mut wanted = meant.iter().filter(|meant| !meant.takes_away);
            wanted.any(|meant| meant.touches(namespace, own, host))
                && !(excludes && taken_away.any(|meant| meant.means(namespace, own, host)))
        })
    }

    /// The port that it makes a listener for; none: one for each port of what is let through.
    pub(super) fn listens_on(&self) -> Option<u16> {
        self.port.or(self.proxy_port)
    }

    /// Whether it makes listeners for a port.
    pub(super) fn is_for(&self, port: u16) -> bool {
        self.listens_on().is_none_or(|own| own == port)
    }

    /// Whether what is on its port is a proxy for HTTP: every connection there is taken for a request,
    /// and its hosts are known at their port 80 (`mergeAllVirtualHosts` in
    /// `pilot/pkg/networking/core/httproute.go`, where the port of a `Host` counts for nothing).
    pub(super) fn is_proxy(&self) -> bool {
        self.proxy_port.is_some()
    }

    /// The one address that it listens at.
    pub(super) fn own_address(&self) -> Option<IpAddr> {
        self.bind.filter(|bind| !bind.is_unspecified())
    }

    /// Whether it listens at every address for all that it lets through, whatever addresses that has
    /// (`bind: 0.0.0.0`).
    pub(super) fn is_everywhere(&self) -> bool {
        self.bind.is_some_and(|bind| bind.is_unspecified())
    }

    /// Whether all its hosts are names in one namespace each: since 1.31 they are looked up, one service
    /// for each (`servicesForExactHosts` in `pilot/pkg/model/sidecar.go`).
    pub(super) fn has_names_only(&self) -> bool {
        self.hosts.as_ref().is_some_and(|hosts| {
            let mut wanted = hosts.iter().filter(|it| !it.takes_away);
            wanted.all(|it| {
                let is_name = it.host.as_ref().is_some_and(|host| !host.wildcard);
                is_name && !it.is_from_any()
            })
        })
    }

    /// Whether it puts claims on its listeners that are elsewhere without it.
    pub(super) fn gathers(&self, port: u16) -> bool {
        self.port == Some(port) || self.listens_on().is_none() && self.bind.is_some()
    }

    /// One for all ports that lets nothing through yet.
    pub(super) fn of_nothing() -> Self {
        Self {
            port: None,
            proxy_port: None,
            protocol: None,
            has_bind: false,
            bind: None,
            hosts: Some(Vec::new()),
        }
    }

    /// Lets a host through, too.
    pub(super) fn admit(&mut self, host: EgressHost) {
        self.hosts.get_or_insert_default().push(host);
    }

    /// Takes back the last host that was admitted.
    pub(super) fn dismiss(&mut self) {
        if let Some(hosts) = &mut self.hosts {
            hosts.pop();
        }
    }

    /// Whether it lets everything through.
    pub(super) fn is_everything(&self) -> bool {
        let hosts = self.hosts.iter().flatten();
        let none = self.hosts.as_ref().is_some_and(Vec::is_empty);
        self.listens_on().is_none()
            && !self.has_bind
            && !none
            && hosts.into_iter().all(EgressHost::is_everything)
    }
}
