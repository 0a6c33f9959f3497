//! The claims that addresses stand for, where no name is known, and the addresses that names stand
//! for, where no address is known.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    claim::Claim,
    egress::Egress,
    host_entry::HostEntry,
    mesh_rules::{Request, Ruling},
    query::{By, Match},
    sought::Sought,
    view::{ClientView, Rivals},
};
use crate::vocabulary::PortProtocol;

impl<'r> ClientView<'r, '_> {
    /// The answer by an address that stands for the name of an entry.
    pub(super) fn by_known_address(&self, ip: IpAddr, sought: &Sought<'_>) -> Option<Match<'r>> {
        let (index, port) = (&self.registry.index, sought.port);
        let egress = self.router(port)?;
        let is_meant = |claim: &&'r Claim| {
            claim.is_at_any_address(self.allocated)
                && claim.protocol() != PortProtocol::Tcp
                && self.counts(egress, claim)
                && self.is_served(claim)
        };
        let seen = index.by_address.seen((ip, port), self.namespace);
        let at_address = seen.map(|(_, claim)| claim).find(is_meant);
        if let Some(claim) = at_address {
            return Some(self.known_answer(egress, claim, By::Address, sought));
        }
        let in_range = index.ranges(ip, port).find_map(|range| {
            let mut seen = index.by_range.seen((range, port), self.namespace);
            seen.find(|(_, claim)| is_meant(claim)).map(|(_, it)| it)
        });
        Some(self.known_answer(egress, in_range?, By::Range, sought))
    }

    /// Whether the port's listener at every address has something for a claim: HTTP that one egress
    /// listener routes may have its listener kept out by another one.
    fn is_served(&self, claim: &Claim) -> bool {
        let http = || {
            let chains = self.at_any_address(claim.port());
            chains.is_some_and(|chains| chains.http.is_some())
        };
        claim.protocol() != PortProtocol::Http || http()
    }

    fn known_answer(
        &self,
        egress: &Egress,
        claim: &'r Claim,
        by: By,
        sought: &Sought<'_>,
    ) -> Match<'r> {
        if claim.has_virtual_host() {
            let named = self.ruled(egress, claim, &Request::new(sought));
            self.named_answer(named, by, sought)
        } else {
            self.own_answer(claim, by, sought)
        }
    }

    /// A TLS claim's range, where the name is not known.
    pub(super) fn tls_in_range(&self, range: IpNet, sought: &Sought<'_>) -> Match<'r> {
        let shelf = &self.registry.index.by_range;
        let seen = shelf.seen((range, sought.port), self.namespace);
        let mut seen = seen.map(|(_, claim)| claim);
        let mut egresses = self.egresses().iter();
        let found = egresses.find_map(|egress| {
            { &mut seen }
                .find(|claim| claim.protocol() == PortProtocol::Tls && self.counts(egress, claim))
        });
        match found {
            Some(claim) => self.own_answer(claim, By::Range, sought),
            None => Match::NameNeeded {
                http: false,
                tls: true,
            },
        }
    }

    /// The answer by a name whose address is not known: a claim for it that has addresses of its own.
    /// The cluster's DNS, or the proxy's, leads there; nothing else is certain to.
    pub(super) fn by_dns(&self, sought: &Sought<'_>) -> Option<Match<'r>> {
        let claim = self.bound_claim(sought)?;
        let egress = self.router(sought.port)?;
        let by = match claim.protocol() {
            PortProtocol::Tls => By::Sni,
            PortProtocol::Http | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                By::Host
            }
        };
        let ruling = match claim.protocol() {
            PortProtocol::Tls => None,
            _ => self.tcp_ruling(egress, &claim.of, sought.port, None),
        };
        let answer = match ruling {
            Some(ruling) => self.ruled_answer(Some(claim), ruling, by, sought),
            None => self.own_answer(claim, by, sought),
        };
        if self.is_led_to(&claim.of) {
            return Some(answer);
        }
        match answer {
            Match::Declared(hit) => Some(Match::AddressNeeded(hit)),
            other => Some(other),
        }
    }

    /// Whether DNS gives a client an address of the entry: the cluster's those of Services, and the
    /// proxy's those of all entries (`BuildNameTable` in `pkg/dns/server/name_table.go`).
    fn is_led_to(&self, of: &HostEntry) -> bool {
        of.entry.is_service() || (self.viewer.dns_capture && !of.addresses.is_empty()) || {
            self.allocated && of.is_moved()
        }
    }

    fn bound_claim(&self, sought: &Sought<'_>) -> Option<&'r Claim> {
        let name = sought.host.as_deref()?;
        let by_host = &self.registry.index.by_host;
        self.spellings(name).find_map(|whole| {
            let mut rivals = by_host.covering(&whole);
            let own = rivals.find_map(|rivals| self.seen_claim(rivals, sought.port));
            let own = own.or_else(|| {
                let mut parents = super::names::parents(&whole);
                parents.find_map(|parent| {
                    let claim = self.seen_claim(by_host.at(parent, false)?, sought.port)?;
                    claim.of.has_names_of_pods().then_some(claim)
                })
            });
            own.filter(|claim| {
                claim.protocol() != PortProtocol::Http && claim.is_bound(self.allocated)
            })
        })
    }

    /// The first claim of a host on a port that any egress listener lets through.
    pub(super) fn seen_claim(&self, rivals: &'r Rivals, port: u16) -> Option<&'r Claim> {
        let mut seen = rivals.seen(Some(port), self.namespace);
        let any = |claim: &Claim| {
            let mut egresses = self.egresses().iter();
            egresses.any(|egress| self.counts(egress, claim))
        };
        seen.find(|(_, claim)| any(claim)).map(|(_, claim)| claim)
    }

    /// Where a rule sends TLS that arrives at an entry's own address, by the name asked for.
    pub(super) fn rule_at_address(
        &self,
        egress: &Egress,
        claim: &Claim,
        sought: &Sought<'_>,
    ) -> Option<Ruling<'r>> {
        let name = sought.host.as_deref()?;
        let by_sni = &self.registry.routing.by_sni;
        let parents = super::names::parents(name).map(|parent| (parent, true));
        let mut hosts = std::iter::once((name, false)).chain(parents);
        hosts.find_map(|host| {
            let rules = self.rules(egress, [by_sni.at(host.0, host.1)?]);
            let mut about = rules
                .into_iter()
                .filter(|rule| rule.touches(&claim.of.host));
            about.find_map(|rule| self.tls(rule, host, sought.port, sought.ip))
        })
    }
}
