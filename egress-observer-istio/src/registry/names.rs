//! The claims that names lead to.

use std::{borrow::Cow, iter};

use ipnet::IpNet;

use super::{
    claim::Claim,
    egress::Egress,
    host_entry::{HostEntry, Place},
    mesh_rules::{Request, Ruling},
    rivals::Rivals,
    rule::RoutingRule,
    sought::Sought,
    view::ClientView,
};
use crate::vocabulary::{
    Host, PortProtocol,
    host_name::{self, parents},
};

/// How often one ExternalName may stand for the next.
const ALIASES: usize = 8;

/// What a name leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named<'r> {
    /// A claim's own cluster.
    Own(&'r Claim),
    /// Where a rule sends it; the claim is that of the name, if there is one.
    Ruled(Option<&'r Claim>, Ruling<'r>),
}

impl<'r> ClientView<'r, '_> {
    /// A name and the whole one that it may be short for.
    pub(super) fn spellings<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = Cow<'n, str>> + use<'r, 'n> {
        let domain = &self.registry.defaults.cluster_domain;
        let namespace = self.viewer.namespace;
        // Most callers are content with the name itself.
        let whole = iter::once_with(move || host_name::unabbreviated(name, namespace, domain));
        iter::once(Cow::Borrowed(name)).chain(whole.flatten().map(Cow::Owned))
    }

    /// The host that a name is just another name of, through ExternalName Services
    /// (`resolveServiceAliases` in `pilot/pkg/model/push_context.go`). Nothing is led in circles.
    pub(super) fn alias_of(&self, name: &str) -> Option<&'r str> {
        let aliases = &self.registry.index.aliases;
        if !self.viewer.is_since(21) {
            return None;
        }
        let mut target = self.alias_target(aliases.get(name)?)?;
        for _ in 0..ALIASES {
            match aliases.get(target) {
                Some(next) => target = self.alias_target(next)?,
                None => return Some(target),
            }
        }
        None
    }

    fn alias_target(&self, of: &'r HostEntry) -> Option<&'r str> {
        let namespace = &of.entry.object.namespace;
        match &of.place {
            Place::Alias(target) if self.registry.discovery.includes(namespace) => Some(target),
            Place::Alias(_) | Place::Addresses | Place::Endpoints => None,
        }
    }

    /// Whether an egress listener lets another name of a claim's host through: it is asked by the
    /// namespace of the claim.
    fn has_alias(&self, egress: &Egress, claim: &Claim, name: &str) -> bool {
        let namespace = claim.of.entry.namespace;
        let alias = Host {
            name: name.into(),
            wildcard: false,
        };
        let own = Some(namespace) == self.namespace;
        egress.lets_alias_through((namespace, own), &claim.of.host, &alias)
    }

    /// Where HTTP requests for a name go on a port whose listener knows HTTP
    /// (`BuildSidecarOutboundVirtualHosts` in `pilot/pkg/networking/core/httproute.go`): a name
    /// before wildcards, a longer wildcard before a shorter one. A name with a dot at its end is
    /// another one before 1.27.
    pub(super) fn virtual_host(&self, sought: &Sought<'_>) -> Option<Named<'r>> {
        let name = sought.host.as_deref()?;
        if sought.is_absolute && !self.viewer.is_since(27) {
            return None;
        }
        let egress = self.router(sought.port)?;
        let request = Request::new(sought, egress);
        let port = request.port;
        for whole in self.spellings(name) {
            let found = self.routed_claim(egress, &whole, false, port).or_else(|| {
                let claim = self.routed_claim(egress, self.alias_of(&whole)?, false, port)?;
                self.has_alias(egress, claim, &whole).then_some(claim)
            });
            if let Some(claim) = found {
                return Some(self.ruled(egress, claim, &request));
            }
        }
        if let Some(ruling) = self.ruled_alone(egress, (name, false), &request) {
            return Some(Named::Ruled(None, ruling));
        }
        parents(name).find_map(|parent| {
            let pods = self.spellings(parent).find_map(|whole| {
                let claim = self.routed_claim(egress, &whole, false, port)?;
                claim.of.has_names_of_pods().then_some(claim)
            });
            let found = pods.or_else(|| self.routed_claim(egress, parent, true, port));
            match found {
                Some(claim) => Some(self.ruled(egress, claim, &request)),
                None => {
                    let ruling = self.ruled_alone(egress, (parent, true), &request)?;
                    Some(Named::Ruled(None, ruling))
                }
            }
        })
    }

    /// What a claim's own virtual host leads to.
    pub(super) fn ruled(&self, egress: &Egress, claim: &'r Claim, request: &Request) -> Named<'r> {
        match self.http_ruling(egress, &claim.of, request) {
            Some(ruling) => Named::Ruled(Some(claim), ruling),
            None => Named::Own(claim),
        }
    }

    /// The claim that has a virtual host: of several for the same host and port the last one counts,
    /// and only if it is HTTP or sniffed.
    pub(super) fn routed_claim(
        &self,
        egress: &Egress,
        name: &str,
        wildcard: bool,
        port: u16,
    ) -> Option<&'r Claim> {
        let rivals = self.registry.index.by_host.at(name, wildcard)?;
        let claims = rivals.claims(port, self.audience());
        let counted = claims.filter(|claim| self.counts_among(rivals, egress, claim));
        let last = counted.last()?;
        let is_cut_off = egress.port.is_some() && last.at().is_behind_udp
            || egress.is_proxy() && !self.is_known_to_proxy(egress, rivals, last);
        (last.has_virtual_host() && !is_cut_off).then_some(last)
    }

    /// Whether a proxy for HTTP has a virtual host for a claim: that of the last entry of its host,
    /// by the first port that is routed by name (`BuildSidecarOutboundVirtualHosts`, `dedupeDomains`
    /// in `pilot/pkg/networking/core/httproute.go`).
    fn is_known_to_proxy(&self, egress: &Egress, rivals: &'r Rivals, claim: &Claim) -> bool {
        let all = self.imported(egress, rivals);
        let last = all.filter(|of| self.is_chosen(egress, of)).last();
        let is_last = last.is_some_and(|last| last.order() == claim.of.order());
        is_last && claim.of.first_routed_port() == Some(claim.port())
    }

    /// A rule for a host that no entry has on the port. It counts on port 80, and elsewhere beside a
    /// host that an entry has there.
    fn ruled_alone(
        &self,
        egress: &Egress,
        (name, wildcard): (&str, bool),
        request: &Request,
    ) -> Option<Ruling<'r>> {
        let port = request.port;
        let rules = self.registry.routing.virtual_services.at(name, wildcard)?;
        let mut rules = self.rules(egress, [rules]).into_iter();
        rules.find_map(|rule| {
            let beside = || {
                let mut hosts = rule.hosts.iter();
                hosts.any(|host| {
                    let own = self.routed_claim(egress, &host.name, host.wildcard, port);
                    own.is_some_and(|claim| !host.wildcard || self.rules_host(egress, rule, claim))
                })
            };
            let counts = (port == 80 && !request.is_proxied || beside())
                && !(wildcard && self.has_host_below(egress, name, port));
            counts.then(|| self.http(rule, request))?
        })
    }

    /// Whether a rule is the nearest for a claim's wildcard host. Before 1.21 every rule for it is.
    fn rules_host(&self, egress: &Egress, rule: &RoutingRule, claim: &Claim) -> bool {
        if !self.viewer.is_since(21) {
            return true;
        }
        let nearest = self.nearest_rules(egress, &claim.of.host);
        nearest.first().is_some_and(|nearest| ***nearest == *rule)
    }

    /// Whether an entry has a host below a name on a port: then a rule for the wildcard is about that
    /// one, and not about the wildcard.
    fn has_host_below(&self, egress: &Egress, name: &str, port: u16) -> bool {
        let host = Host {
            name: name.into(),
            wildcard: true,
        };
        let below = self.registry.index.below(&host);
        let mut claims = below.flat_map(|rivals| rivals.claims(port, self.audience()));
        claims.any(|claim| self.counts(egress, claim))
    }

    /// Where a TLS handshake goes that asks for a name, on the listener at every address or within a
    /// range: a name before wildcards, a longer wildcard before a shorter one
    /// (`buildSidecarOutboundTLSFilterChainOpts` in `pilot/pkg/networking/core/tls.go`).
    pub(super) fn server_name(
        &self,
        egress: &Egress,
        sought: &Sought<'_>,
        range: Option<IpNet>,
    ) -> Option<Named<'r>> {
        let name = sought.host.as_deref()?;
        let fits = |claim: &Claim| self.has_chain(egress, claim, range);
        let aliased = || {
            self.spellings(name).find_map(|whole| {
                let target = (self.alias_of(&whole)?, false);
                let claim = self.tls_claim(egress, target, sought.port, fits)?;
                self.has_alias(egress, claim, &whole).then_some(claim)
            })
        };
        let own = |host: (&str, bool)| {
            let own = self.tls_claim(egress, host, sought.port, fits);
            own.or_else(|| if host.1 { None } else { aliased() })
                .map(Named::Own)
        };
        let above = parents(name).map(|parent| (parent, true));
        let mut hosts = iter::once((name, false)).chain(above);
        hosts.find_map(|host| own(host).or_else(|| self.tls_rule(egress, host, sought, range)))
    }

    /// The first TLS claim of a host whose chain no rule replaces.
    fn tls_claim(
        &self,
        egress: &Egress,
        (name, wildcard): (&str, bool),
        port: u16,
        fits: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Claim> {
        let rivals = self.registry.index.by_host.at(name, wildcard)?;
        let mut claims = rivals.claims(port, self.audience());
        let claim = claims.find(|claim| fits(claim) && self.counts_among(rivals, egress, claim))?;
        (!self.is_replaced(egress, &claim.of, port)).then_some(claim)
    }

    /// A rule for exactly this host of an SNI, if it is about a TLS claim on the port.
    fn tls_rule(
        &self,
        egress: &Egress,
        host: (&str, bool),
        sought: &Sought<'_>,
        range: Option<IpNet>,
    ) -> Option<Named<'r>> {
        let rules = self.registry.routing.by_sni.at(host.0, host.1)?;
        self.rules(egress, [rules]).into_iter().find_map(|rule| {
            let ruling = self.tls(rule, host, sought.port, sought.ip)?;
            let claim = self.ruled_tls_claim(egress, rule, sought.port, range)?;
            Some(Named::Ruled(Some(claim), ruling))
        })
    }

    /// Whether a TLS claim has a chain on the listener at every address, or for a range of it.
    fn has_chain(&self, egress: &Egress, claim: &Claim, range: Option<IpNet>) -> bool {
        Self::protocol(egress, claim) == PortProtocol::Tls
            && match range {
                Some(range) => claim.of.ranges().any(|own| own == range),
                None => self.is_told_by_name(egress, claim),
            }
    }

    fn ruled_tls_claim(
        &self,
        egress: &Egress,
        rule: &RoutingRule,
        port: u16,
        range: Option<IpNet>,
    ) -> Option<&'r Claim> {
        self.claim_of_rule(egress, rule, port, |claim| {
            self.has_chain(egress, claim, range)
        })
    }

    /// A fit claim on a port whose host is one of a rule's, or within one, or has one within it.
    pub(super) fn claim_of_rule(
        &self,
        egress: &Egress,
        rule: &RoutingRule,
        port: u16,
        fit: impl Fn(&Claim) -> bool,
    ) -> Option<&'r Claim> {
        let is_fit = |claim: &Claim| fit(claim) && self.counts(egress, claim);
        let index = &self.registry.index;
        rule.hosts.iter().find_map(|host| {
            let above = index.by_host.nearest(&host.name, host.wildcard);
            let below = index.below(host);
            let mut claims = above
                .chain(below)
                .flat_map(|rivals| rivals.claims(port, self.audience()));
            claims.find(|claim| is_fit(claim))
        })
    }
}
