//! Listeners that Envoy refuses: then the last one stays that it took, which the objects do not tell.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{
    claim::Claim, egress::Egress, listener::Part, sought::Sought, view::ClientView,
    virtual_service::Matcher,
};
use crate::vocabulary::PortProtocol;

impl<'r> ClientView<'r, '_> {
    /// Whether Envoy refuses the listener that Istio makes for a connection, as two of its chains have
    /// one range. Istio sees to that between entries (`mergeTCPFilterChains` in
    /// `pilot/pkg/networking/core/listener.go`), and not between the rules of the first entry
    /// (`buildSidecarOutboundTCPFilterChainOpts` in `pilot/pkg/networking/core/tls.go`).
    pub(super) fn is_refused(&self, sought: &Sought<'_>) -> bool {
        if self.registry.routing.ranged.is_empty() {
            return false;
        }
        let port = sought.port;
        let at_address = sought.ip.and_then(|ip| self.at_address(ip, port));
        if let Some(chains) = at_address {
            let first = chains.tcp.filter(|_| chains.http.is_none());
            return first.is_some_and(|first| self.has_rival_chains(chains.egress, first, &[]));
        }
        let first =
            self.on_first_egress(port, |egress| Some((egress, self.first_of(egress, port)?)));
        first.is_some_and(|(egress, first)| {
            let ranges: Vec<IpNet> = match egress.is_everywhere() {
                true => Vec::new(),
                false => first.of.ranges().collect(),
            };
            self.has_rival_chains(egress, first, &ranges)
        })
    }

    /// The claim that the listener at every address is made for; others are added to it.
    fn first_of(&self, egress: &Egress, port: u16) -> Option<&'r Claim> {
        let gathers = egress.gathers(port);
        let parts = self.parts(port).iter().filter(|own| match own.part {
            Part::Any => gathers,
            Part::HttpByNameOnly | Part::TlsByNameOnly | Part::Headless => false,
            Part::Http
            | Part::Tls
            | Part::Tcp
            | Part::ServerFirst(_)
            | Part::Sniffed
            | Part::Ranged(_) => !(gathers || own.is_moved && self.allocated),
        });
        let firsts = parts.filter_map(|own| {
            let mut seen = own.seen(self.audience());
            seen.find(|(_, claim)| {
                let is_there = !gathers
                    || self.is_at_any_address(egress, claim)
                    || claim.of.ranges().next().is_some();
                is_there && claim.port() == port && self.counts(egress, claim)
            })
        });
        firsts.min().map(|(_, claim)| claim)
    }

    /// Whether two of the chains that rules for TCP make of a claim have one range; the last is the
    /// claim's own, unless a rule has the very same ranges.
    fn has_rival_chains(&self, egress: &Egress, claim: &Claim, own: &[IpNet]) -> bool {
        let protocol = Self::protocol(egress, claim);
        if !matches!(protocol, PortProtocol::Tcp | PortProtocol::Sniffed) {
            return false;
        }
        let mut taken: BTreeSet<IpNet> = BTreeSet::new();
        let all = own.iter().copied().collect();
        let mut has_own = false;
        for rule in self.stream_rules(egress, &claim.of) {
            for route in &rule.routes.tcp {
                let all_matches = route.matches.iter();
                let matches: Vec<&Matcher> = all_matches
                    .filter(|it| it.applies(self.viewer, claim.port()))
                    .collect();
                let takes_all = matches.iter().any(|it| it.subnets.is_empty());
                if route.matches.is_empty() || takes_all {
                    return !taken.is_disjoint(&all);
                }
                let subnets = matches.iter().flat_map(|it| &it.subnets);
                let subnets: BTreeSet<IpNet> = subnets.map(IpNet::trunc).collect();
                if !taken.is_disjoint(&subnets) {
                    return true;
                }
                has_own |= subnets == all;
                taken.extend(subnets);
            }
        }
        !has_own && !taken.is_disjoint(&all)
    }
}
