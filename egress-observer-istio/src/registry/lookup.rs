//! Which entry takes a connection.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use super::{
    By, Destination, Match, Registry, Viewer,
    claim::{Claim, ObjectKind},
    hit,
    index::{Listener, Part},
    shelf::{NamespaceId, Ranked, Reader},
};
use crate::vocabulary::{PortProtocol, Protocol, host_name};

impl Registry {
    /// Which entry takes a connection of `viewer`, in the order in which a sidecar finds it
    /// (`pilot/pkg/networking/core/{listener_builder,listener,httproute,tls}.go`):
    ///
    /// 1. UDP: none, there is no listener.
    /// 2. The listener at this very address and port: TCP, TLS and sniffed ports of entries with
    ///    addresses. No name is asked for.
    /// 3. On the listener for the whole port, the longest range that holds the address. For TLS the
    ///    name counts, too; the address having decided, no other name does.
    /// 4. There, the name: `Host` for HTTP wherever it goes to, SNI for TLS without addresses. A
    ///    name before its wildcards, a longer wildcard before a shorter one. Where only the address
    ///    is known, it stands for the name that an entry gives it to.
    /// 5. There, TCP without addresses, which takes what is left: any address, any name. A sniffed
    ///    port does so for what is not HTTP.
    ///
    /// HTTP and TCP in 5 share a listener, which tells them by their first bytes (`HTTPOverTCP`,
    /// `TCPOverHTTP` in `listener.go`): where no name was found, these would tell. Of the same host
    /// in several namespaces, that of the client's own counts, or else the oldest.
    pub fn lookup<'r>(&'r self, viewer: &Viewer<'r>, to: &Destination<'_>) -> Match<'r> {
        if to.protocol == Protocol::Udp {
            return Match::Undeclared { http: false };
        }
        let asked = Asked::new(to);
        let view = View::new(self, viewer);
        if let Some(ip) = asked.ip {
            if let Some(claim) = view.at_address(ip, asked.port) {
                return Match::Declared(hit(claim, By::Address));
            }
            if let Some(found) = view.in_range(ip, &asked) {
                return found;
            }
        }
        view.on_port(&asked)
    }
}

/// A destination in one spelling.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) ip: Option<IpAddr>,
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) port: u16,
}

impl<'a> Asked<'a> {
    /// An address in place of a name is no name: routes of HTTP have an entry's addresses beside its
    /// names (`generateVirtualHostDomains` in `pilot/pkg/networking/core/httproute.go`).
    pub(super) fn new(to: &Destination<'a>) -> Self {
        let literal = to.host.and_then(|host| host.parse().ok());
        let ip = to.ip.or(literal).map(|ip: IpAddr| ip.to_canonical());
        let host = to.host.filter(|_| literal.is_none());
        Self {
            ip,
            host: host.map(host_name::normal),
            port: to.port,
        }
    }
}

/// What a client sees of the registry.
pub(super) struct View<'r, 'v> {
    pub(super) registry: &'r Registry,
    pub(super) viewer: &'v Viewer<'r>,
    /// None, if no object mentions it.
    pub(super) namespace: Option<NamespaceId>,
}

/// What takes part on the listener for a whole port.
struct Parts<'r> {
    tcp: Option<&'r Arc<Claim>>,
    http: Option<&'r Arc<Claim>>,
    sniffed: Option<&'r Arc<Claim>>,
}

impl<'r, 'v> View<'r, 'v> {
    pub(super) fn new(registry: &'r Registry, viewer: &'v Viewer<'r>) -> Self {
        Self {
            registry,
            viewer,
            namespace: registry.namespaces.get(viewer.namespace),
        }
    }

    pub(super) fn is_own(&self, claim: &Claim) -> bool {
        self.namespace == Some(claim.entry.namespace)
    }

    /// Whether the client's Sidecar lets a claim through.
    pub(super) fn lets_through(&self, claim: &Claim) -> bool {
        let lets_through =
            |scope: &super::SidecarScope| scope.lets_through(self.is_own(claim), claim);
        self.viewer.sidecar.is_none_or(lets_through)
    }

    /// Whether a claim that is exported to the client counts for it.
    fn counts(&self, claim: &Claim) -> bool {
        self.lets_through(claim) && (self.is_own(claim) || self.is_of_the_chosen(claim))
    }

    /// Whether a claim's namespace is the one whose claims count for this host and port.
    fn is_of_the_chosen(&self, claim: &Claim) -> bool {
        let rivals = self.registry.index.by_host.get(&claim.host);
        rivals.and_then(|rivals| self.chosen(rivals, claim.port)) == Some(claim.entry.namespace)
    }

    /// The namespace whose claims count for a host and port, where several have some: the client's
    /// own, else that of the oldest (`selectServices` in `pilot/pkg/model/sidecar.go`).
    fn chosen(&self, claims: &Ranked<Option<u16>>, port: u16) -> Option<NamespaceId> {
        let seen = |claim: &Claim| self.lets_through(claim);
        let first = claims.preferred(Some(port), self.namespace, seen)?;
        Some(first.entry.namespace)
    }

    /// The listener at an address: of several entries there, the oldest has it.
    fn at_address(&self, ip: IpAddr, port: u16) -> Option<&'r Arc<Claim>> {
        let fit = |claim: &Claim| claim.listens_at(ip) && self.counts(claim);
        let shelf = &self.registry.index.by_address;
        shelf.oldest((ip, port), self.namespace, fit)
    }

    /// The longest range. Envoy chooses by address before it chooses by name, and does not come back
    /// when the name does not fit.
    fn in_range(&self, ip: IpAddr, asked: &Asked<'_>) -> Option<Match<'r>> {
        let index = &self.registry.index;
        let bound = |claim: &Claim| claim.is_bound() && self.counts(claim);
        let (range, first) = index.ranges(ip, asked.port).find_map(|range| {
            let key = (range, asked.port);
            let first = index.by_range.oldest(key, self.namespace, bound)?;
            Some((range, first))
        })?;
        let Some(name) = &asked.host else {
            return Some(Match::Declared(hit(first, By::Range)));
        };
        let tls = |claim: &Claim| claim.protocol == PortProtocol::Tls;
        let named = self.named(name, asked.port, |claim| {
            tls(claim) && claim.known_ranges().any(|own| own == range)
        });
        let unnamed = || {
            let fit = |claim: &Claim| !tls(claim) && bound(claim);
            let shelf = &index.by_range;
            shelf.oldest((range, asked.port), self.namespace, fit)
        };
        Some(match named.or_else(unnamed) {
            Some(claim) => Match::Declared(hit(claim, By::Range)),
            None => Match::Undeclared {
                http: self.has_http(asked.port),
            },
        })
    }

    /// The listener for the whole port.
    fn on_port(&self, asked: &Asked<'_>) -> Match<'r> {
        let port = asked.port;
        let parts = self.parts(port);
        let serves = |claim: &Claim| match claim.protocol {
            PortProtocol::Http => claim.only_by_name || parts.http.is_some(),
            PortProtocol::Tls | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                true
            }
        };
        let found = match (&asked.host, asked.ip) {
            (Some(name), Some(_)) => self.by_name(name, port, |claim| {
                serves(claim) && self.is_led_to_by_name(claim)
            }),
            // The address that belongs to the name is not known, so it does not exclude anything.
            (Some(name), None) => self.by_name(name, port, |claim| {
                serves(claim) && (self.is_led_to_by_name(claim) || claim.is_bound())
            }),
            (None, Some(ip)) => self.by_known_address(ip, port, serves),
            (None, None) => None,
        };
        let of_port = parts.tcp.or(parts.sniffed.filter(|_| asked.host.is_some()));
        if let Some(found) = found {
            found
        } else if parts.tcp.is_some() && parts.http.is_some() {
            Match::NameNeeded {
                http: true,
                tls: false,
            }
        } else if let Some(claim) = of_port {
            Match::Declared(hit(claim, By::Port))
        } else {
            self.undeclared(asked, &parts)
        }
    }

    fn undeclared(&self, asked: &Asked<'_>, parts: &Parts<'r>) -> Match<'r> {
        let by_name_only = |part| self.part(asked.port, part).is_some();
        let (http, tls) = match asked.host {
            Some(_) => (false, false),
            None => (
                parts.has_http() && by_name_only(Part::HttpByNameOnly),
                by_name_only(Part::TlsByNameOnly),
            ),
        };
        if http || tls {
            Match::NameNeeded { http, tls }
        } else {
            Match::Undeclared {
                http: parts.has_http(),
            }
        }
    }

    /// Whether a host's name leads to a claim, wherever the connection goes to.
    fn is_led_to_by_name(&self, claim: &Claim) -> bool {
        let moved = self.viewer.dns_capture && claim.is_moved_by_dns();
        match claim.protocol {
            PortProtocol::Http => true,
            PortProtocol::Tls | PortProtocol::Sniffed => {
                claim.only_by_name || (claim.is_at_any_address() && !moved)
            }
            PortProtocol::Tcp => claim.only_by_name,
            PortProtocol::Udp => false,
        }
    }

    /// Whether a client that asks for the claim's host gets an address of the claim: the cluster's
    /// DNS has those of Services, and the proxy's the allocated ones.
    fn is_led_to_by_dns(&self, claim: &Claim) -> bool {
        let allocated = self.viewer.dns_capture && claim.is_moved_by_dns();
        claim.entry.object.kind == ObjectKind::Service || allocated
    }

    /// By a name.
    fn by_name(&self, name: &str, port: u16, fit: impl Fn(&Claim) -> bool) -> Option<Match<'r>> {
        let claim = self.named_or_meant(name, port, fit)?;
        let by = match claim.protocol {
            PortProtocol::Tls => By::Sni,
            PortProtocol::Http | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                By::Host
            }
        };
        let found = hit(claim, by);
        if self.is_led_to_by_name(claim) || self.is_led_to_by_dns(claim) {
            Some(Match::Declared(found))
        } else {
            Some(Match::AddressNeeded(found))
        }
    }

    /// The fit claim for a name as the client said it, or as it may have meant it.
    pub(super) fn named_or_meant(
        &self,
        name: &str,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Arc<Claim>> {
        let as_meant = || {
            let whole = host_name::unabbreviated(name, self.viewer.namespace)?;
            self.named(&whole, port, &fit)
        };
        self.named(name, port, &fit).or_else(as_meant)
    }

    /// The fit claim with the host that is nearest to a name.
    fn named(&self, name: &str, port: u16, fit: impl Fn(&Claim) -> bool) -> Option<&'r Arc<Claim>> {
        let by_host = &self.registry.index.by_host;
        let nearest = |claims: &'r Ranked<Option<u16>>| {
            let chosen = self.chosen(claims, port)?;
            claims.preferred(Some(port), self.namespace, |claim| {
                claim.entry.namespace == chosen && self.lets_through(claim) && fit(claim)
            })
        };
        by_host.covering(name).find_map(nearest)
    }

    /// By an address that stands for the name of an entry.
    fn by_known_address(
        &self,
        ip: IpAddr,
        port: u16,
        serves: impl Fn(&Claim) -> bool,
    ) -> Option<Match<'r>> {
        let index = &self.registry.index;
        let fit =
            |claim: &Claim| serves(claim) && self.is_led_to_by_name(claim) && self.counts(claim);
        let at_address = || index.by_address.preferred((ip, port), self.namespace, fit);
        let in_range = || {
            let shelf = &index.by_range;
            index
                .ranges(ip, port)
                .find_map(|range| shelf.preferred((range, port), self.namespace, fit))
        };
        let claim = at_address().map(|claim| (claim, By::Address));
        let claim = claim.or_else(|| in_range().map(|claim| (claim, By::Range)));
        claim.map(|(claim, by)| Match::Declared(hit(claim, by)))
    }

    /// The namespace of the entry that has a host, at whatever port.
    pub(super) fn namespace_of(&self, name: &str, wildcard: bool) -> Option<NamespaceId> {
        let mut at_host = self.registry.index.by_host.nearest(name, wildcard);
        let first = at_host.find_map(|claims| {
            let seen = || {
                claims
                    .of(None, Reader::Curious)
                    .filter(|claim| self.hidden(claim).is_none())
            };
            seen()
                .find(|claim| self.is_own(claim))
                .or_else(|| seen().next())
        });
        first.map(|claim| claim.entry.namespace)
    }

    fn parts(&self, port: u16) -> Parts<'r> {
        let part = |part| self.part(port, part);
        Parts {
            tcp: part(Part::Tcp),
            http: part(Part::Http),
            sniffed: part(Part::Sniffed),
        }
    }

    /// Whether the port has a listener that answers HTTP.
    pub(super) fn has_http(&self, port: u16) -> bool {
        self.parts(port).has_http()
    }

    /// The oldest claim that is part of a port's listener in this way.
    fn part(&self, port: u16, part: Part) -> Option<&'r Arc<Claim>> {
        let shelf = match self.viewer.sidecar {
            Some(scope) if scope.restricts() => &scope.listeners,
            _ => &self.registry.index.listeners,
        };
        let of = |moved_by_dns| {
            let key = Listener {
                port,
                part,
                moved_by_dns,
            };
            shelf.oldest(key, self.namespace, |claim| self.counts(claim))
        };
        let moved = if self.viewer.dns_capture {
            None
        } else {
            of(true)
        };
        of(false).into_iter().chain(moved).min()
    }
}

impl Parts<'_> {
    fn has_http(&self) -> bool {
        self.http.is_some() || self.sniffed.is_some()
    }
}
