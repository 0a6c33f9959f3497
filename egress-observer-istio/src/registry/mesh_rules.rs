//! The VirtualServices that a client's sidecar gets, and what they say about a host.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    egress::Egress,
    host_entry::HostEntry,
    rule::RoutingRule,
    sought::Sought,
    view::ClientView,
    virtual_service::{ClusterRef, HttpAction, HttpRoute, Matcher, StreamRoute},
};
use crate::vocabulary::Host;

/// How often one VirtualService may delegate to the next: Istio allows once.
const DELEGATIONS: usize = 1;

/// Where a rule sends a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruling<'r> {
    pub(super) rule: &'r Arc<RoutingRule>,
    /// None: the proxy answers itself.
    pub(super) to: Option<&'r ClusterRef>,
    /// Whether it is so for every request; one that no route takes is answered with 404.
    pub(super) is_certain: bool,
}

impl<'r> Ruling<'r> {
    fn certain(rule: &'r Arc<RoutingRule>, to: Option<&'r ClusterRef>) -> Self {
        Self {
            rule,
            to,
            is_certain: true,
        }
    }
}

/// An HTTP request, as far as routes are told by it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The port of the claims that it may be for.
    pub(super) port: u16,
    /// Whether a proxy for HTTP gets it: then no rule for a port is about it.
    pub(super) is_proxied: bool,
    /// Its `Host`, if that is known.
    pub(super) authority: Option<String>,
}

impl Request {
    /// A request for what is sought. Clients leave out the port 80.
    pub(super) fn new(sought: &Sought<'_>, egress: &Egress) -> Self {
        let authority = sought.host.as_deref().map(|name| match sought.port {
            80 => name.to_owned(),
            port => format!("{name}:{port}"),
        });
        let is_proxied = egress.is_proxy();
        Self {
            port: if is_proxied { 80 } else { sought.port },
            is_proxied,
            authority,
        }
    }

    /// The port by which rules are chosen.
    fn listener_port(&self) -> u16 {
        if self.is_proxied { 0 } else { self.port }
    }
}

type RuleSet = BTreeSet<Arc<RoutingRule>>;

impl<'r> ClientView<'r, '_> {
    /// Those of some rules that an egress listener lets through, in their order
    /// (`SelectVirtualServices` in `pilot/pkg/model/virtualservice.go`).
    pub(super) fn rules(
        &self,
        egress: &Egress,
        among: impl IntoIterator<Item = &'r RuleSet>,
    ) -> Vec<&'r Arc<RoutingRule>> {
        let mut rules: Vec<_> = among
            .into_iter()
            .flatten()
            .filter(|rule| self.is_imported(egress, rule))
            .collect();
        if rules.len() < 2 {
            return rules;
        }
        let rank = |rule: &RoutingRule| rule.rank(self.namespace);
        rules.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
        rules.dedup();
        rules
    }

    fn is_imported(&self, egress: &Egress, rule: &RoutingRule) -> bool {
        let words = &self.registry.defaults.virtual_service_export_to;
        let own = Some(rule.namespace) == self.namespace;
        rule.is_exported_to(self.namespace)
            && (!rule.has_default_export
                || self.viewer.is_since(30)
                || self.admits_default(words, own))
            && (!self.viewer.is_since(22)
                || self.registry.discovery.includes(&rule.object.namespace))
            && egress.lets_rule_through(rule.namespace, self.sight(rule.namespace), &rule.hosts)
    }

    /// What the rules say about HTTP requests for an entry's host on a port: since 1.21 those that
    /// name it most nearly, before the first of all (`separateVSHostsAndServices` in
    /// `pilot/pkg/networking/core/route/route.go`).
    pub(super) fn http_ruling(
        &self,
        egress: &Egress,
        of: &HostEntry,
        request: &Request,
    ) -> Option<Ruling<'r>> {
        let rules = &self.registry.routing.virtual_services;
        let host = &of.host;
        if !self.viewer.is_since(21) {
            let all = self.rules(egress, rules.nearest(&host.name, host.wildcard));
            return all.into_iter().find_map(|rule| self.http(rule, request));
        }
        let named = self.nearest_rules(egress, host);
        let is_exact = !host.wildcard && named.first()?.hosts.contains(host);
        let tried = if is_exact { named.len() } else { 1 };
        let mut tried = named.into_iter().take(tried);
        tried.find_map(|rule| self.http(rule, request))
    }

    /// The rules that name a host, or the wildcard below a name, most nearly.
    pub(super) fn nearest_rules(&self, egress: &Egress, host: &Host) -> Vec<&'r Arc<RoutingRule>> {
        let rules = &self.registry.routing.virtual_services;
        let mut levels = rules.nearest(&host.name, host.wildcard);
        let named = levels.find_map(|level| {
            let named = self.rules(egress, [level]);
            (!named.is_empty()).then_some(named)
        });
        named.unwrap_or_default()
    }

    /// Where a rule sends HTTP on a port: every request that nothing else is said about, or the first
    /// that something is said about. None, if it says nothing to this client.
    pub(super) fn http(&self, rule: &'r Arc<RoutingRule>, request: &Request) -> Option<Ruling<'r>> {
        let mut found = Vec::new();
        self.walk(&rule.routes.http, (rule, DELEGATIONS), request, &mut found);
        let catch_all = found.iter().find(|(catch_all, _)| *catch_all);
        let (is_certain, to) = *catch_all.or_else(|| found.first())?;
        Some(Ruling {
            rule,
            to,
            is_certain,
        })
    }

    /// The routes that apply to the client, up to the first that takes every request
    /// (`BuildHTTPRoutesForVirtualService`); those of a delegate in its place
    /// (`mergeVirtualServicesIfNeeded` in `pilot/pkg/model/virtualservice.go`).
    fn walk(
        &self,
        routes: &'r [HttpRoute],
        (root, delegations): (&RoutingRule, usize),
        request: &Request,
        found: &mut Vec<(bool, Option<&'r ClusterRef>)>,
    ) {
        for route in routes {
            let mut applying = route
                .matches
                .iter()
                .filter(|it| it.applies(self.viewer, request.listener_port()))
                .filter(|it| it.admits(request.authority.as_deref()));
            let first = applying.next();
            if first.is_none() && !route.matches.is_empty() {
                continue;
            }
            let catch_all =
                first.is_none_or(|it| it.is_catch_all) || applying.any(|it| it.is_catch_all);
            match &route.to {
                HttpAction::To(to) => found.push((catch_all, to.first())),
                HttpAction::Answered => found.push((catch_all, None)),
                HttpAction::Delegate(key) if delegations > 0 => {
                    let delegate = self.registry.routing.delegates.get(key);
                    if let Some(to) = delegate.filter(|to| to.is_exported_to(Some(root.namespace)))
                    {
                        let root = (root, delegations - 1);
                        self.walk(&to.routes.http, root, request, found);
                    }
                }
                HttpAction::Delegate(_) => {}
            }
            if found.last().is_some_and(|(catch_all, _)| *catch_all) {
                return;
            }
        }
    }

    /// The rules that say where TLS or TCP to an entry's host goes: those with a host that it is
    /// within, or that is within it (`getConfigsForHost` in `pilot/pkg/networking/core/tls.go`).
    pub(super) fn stream_rules(
        &self,
        egress: &Egress,
        of: &HostEntry,
    ) -> Vec<&'r Arc<RoutingRule>> {
        let mut rules = self.rules(egress, self.stream_rule_sets(of));
        rules.retain(|rule| rule.has_streams());
        rules
    }

    fn stream_rule_sets<'n>(
        &self,
        of: &'n HostEntry,
    ) -> impl Iterator<Item = &'r RuleSet> + use<'r, 'n> {
        let routing = &self.registry.routing;
        let by_host = &routing.virtual_services;
        let sets = (!routing.streams.is_empty()).then(|| {
            let above = by_host.nearest(&of.host.name, of.host.wildcard);
            let below = routing.stream_hosts.below(&of.host);
            above.chain(below.filter_map(|host| by_host.get(host)))
        });
        sets.into_iter().flatten()
    }

    /// Where the rules send TCP to an entry's host
    /// (`buildSidecarOutboundTCPFilterChainOpts` in `pilot/pkg/networking/core/tls.go`).
    pub(super) fn tcp_ruling(
        &self,
        egress: &Egress,
        of: &HostEntry,
        port: u16,
        ip: Option<IpAddr>,
    ) -> Option<Ruling<'r>> {
        for rule in self.stream_rules(egress, of) {
            for route in &rule.routes.tcp {
                let to = route.to.first();
                if route.matches.is_empty() || self.takes(route, port, ip) {
                    return Some(Ruling::certain(rule, to));
                }
            }
        }
        None
    }

    fn takes(&self, route: &StreamRoute, port: u16, ip: Option<IpAddr>) -> bool {
        let mut matches = route.matches.iter();
        matches.any(|it| it.applies(self.viewer, port) && is_within(it, ip))
    }

    /// The rules with routes for TCP to ranges that hold an address, with the longest such range: they
    /// have chains of their own, which count before those of wider ranges.
    pub(super) fn ranged_rulings(
        &self,
        egress: &Egress,
        port: u16,
        ip: IpAddr,
    ) -> Vec<(u8, Ruling<'r>)> {
        let ranged = &self.registry.routing.ranged;
        let mut found = Vec::new();
        for rule in ranged.iter().filter(|rule| self.is_imported(egress, rule)) {
            for route in &rule.routes.tcp {
                let matches = route
                    .matches
                    .iter()
                    .filter(|it| it.applies(self.viewer, port));
                let subnets = matches.flat_map(|it| &it.subnets);
                let lengths = subnets
                    .filter(|net| net.contains(&ip))
                    .map(IpNet::prefix_len);
                if let Some(length) = lengths.max() {
                    let to = route.to.first();
                    found.push((length, Ruling::certain(rule, to)));
                }
            }
        }
        found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        found
    }

    /// The ports at which the rules of an egress listener lead to a host; none for one that names no
    /// port.
    pub(super) fn ports_led_to(&self, egress: &Egress, host: &Host) -> BTreeSet<Option<u16>> {
        let rules = self.registry.routing.virtual_services();
        let imported = rules.filter(|rule| self.is_imported(egress, rule));
        let delegates = &self.registry.routing.delegates;
        let all = imported.flat_map(|rule| {
            let delegates = rule.routes.delegates().filter_map(|key| delegates.get(key));
            std::iter::once(rule).chain(delegates)
        });
        let to = all.flat_map(|rule| rule.routes.clusters());
        let to = to.filter(|to| !host.wildcard && *to.host == *host.name);
        to.map(|to| to.port).collect()
    }

    /// Whether rules for TLS take the place of what an entry's host would have by itself
    /// (`buildSidecarOutboundTLSFilterChainOpts` in `pilot/pkg/networking/core/tls.go`).
    pub(super) fn is_replaced(&self, egress: &Egress, of: &HostEntry, port: u16) -> bool {
        self.stream_rule_sets(of).flatten().any(|rule| {
            let mut matches = rule.routes.tls.iter().flat_map(|route| &route.matches);
            matches.any(|it| it.applies(self.viewer, port)) && self.is_imported(egress, rule)
        })
    }

    /// Where a rule for TLS sends a name that a client asks for, by exactly this host of its SNI.
    pub(super) fn tls(
        &self,
        rule: &'r Arc<RoutingRule>,
        (name, wildcard): (&str, bool),
        port: u16,
        ip: Option<IpAddr>,
    ) -> Option<Ruling<'r>> {
        let named = |it: &Matcher| {
            let mut hosts = it.sni_hosts.iter();
            hosts.any(|host| host.wildcard == wildcard && *host.name == *name)
        };
        let mut routes = rule.routes.tls.iter();
        let route = routes.find(|route| {
            let mut matches = route.matches.iter();
            matches.any(|it| named(it) && it.applies(self.viewer, port) && is_within(it, ip))
        })?;
        Some(Ruling::certain(rule, route.to.first()))
    }
}

fn is_within(matcher: &Matcher, ip: Option<IpAddr>) -> bool {
    let mut subnets = matcher.subnets.iter();
    matcher.subnets.is_empty() || ip.is_some_and(|ip| subnets.any(|net| net.contains(&ip)))
}
