//! The claims that addresses stand for, where no name is known, and the addresses that names stand
//! for, where no address is known.

use std::net::IpAddr;

use super::{
    claim::Claim,
    egress::Egress,
    host_entry::HostEntry,
    mesh_rules::{Request, Ruling},
    query::{By, Match},
    rivals::Rivals,
    sought::Sought,
    view::ClientView,
};
use crate::vocabulary::{PortProtocol, host_name};

impl<'r> ClientView<'r, '_> {
    /// The answer by an address that stands for the name of an entry.
    pub(super) fn by_known_address(&self, ip: IpAddr, sought: &Sought<'_>) -> Option<Match<'r>> {
        let (index, port) = (&self.registry.index, sought.port);
        let egress = self.router(port)?;
        let is_meant = |claim: &&'r Claim| {
            self.is_at_any_address(egress, claim)
                && Self::protocol(egress, claim) != PortProtocol::Tcp
                && self.counts(egress, claim)
                && self.is_served(claim)
        };
        let seen = index.by_address.seen((ip, port), self.audience());
        let mut at_address = seen.map(|(_, claim)| claim).filter(is_meant).peekable();
        if let Some(claim) = at_address.next() {
            // Of several virtual hosts with one address, any may have it.
            let is_alone = at_address.peek().is_none();
            return Some(if is_alone && self.is_domain(egress, claim, ip) {
                let named = self.ruled(egress, claim, &Request::new(sought, egress));
                self.named_answer(named, By::Address, sought)
            } else {
                name_needed(claim)
            });
        }
        let in_range = index.ranges(ip, port).find_map(|range| {
            let mut seen = index.by_range.seen((range, port), self.audience());
            seen.find(|(_, claim)| is_meant(claim)).map(|(_, it)| it)
        });
        in_range.map(name_needed)
    }

    /// Whether a request that has the address for its `Host` is one for the claim: its addresses are,
    /// and not those of its endpoints (`generateVirtualHostDomains` in
    /// `pilot/pkg/networking/core/httproute.go`).
    fn is_domain(&self, egress: &Egress, claim: &Claim, ip: IpAddr) -> bool {
        let of = &claim.of;
        let host = &of.host;
        let routed = self.routed_claim(egress, &host.name, host.wildcard, claim.port());
        // Each address of a ServiceEntry makes a service of its own, and one of them has the domains.
        let is_one = of.entry.is_service() || of.addresses.len() == 1;
        let own = is_one && of.single_addresses().any(|own| own == ip);
        let allocated = self.allocated && of.allocated.contains(&ip);
        routed == Some(claim) && (own || allocated)
    }

    /// Whether the port's listener at every address has something for a claim: HTTP that one egress
    /// listener routes may have its listener kept out by another one.
    fn is_served(&self, claim: &Claim) -> bool {
        claim.protocol() != PortProtocol::Http
            || self
                .at_any_address(claim.port())
                .is_some_and(|chains| chains.http.is_some())
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
            PortProtocol::Http | PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => {
                self.tcp_ruling(egress, &claim.of, sought.port, None)
            }
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
            other @ (Match::Ruled(_)
            | Match::Undeclared { .. }
            | Match::NameNeeded { .. }
            | Match::Refused
            | Match::AddressNeeded(_)) => Some(other),
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
                let mut parents = host_name::parents(&whole);
                parents.find_map(|parent| {
                    let claim = self.seen_claim(by_host.at(parent, false)?, sought.port)?;
                    claim.of.has_names_of_pods().then_some(claim)
                })
            });
            own.filter(|claim| {
                let egress = self.router(sought.port);
                egress.is_some_and(|egress| !self.is_at_any_address(egress, claim))
            })
        })
    }

    /// The first claim of a host on a port that any egress listener lets through.
    pub(super) fn seen_claim(&self, rivals: &'r Rivals, port: u16) -> Option<&'r Claim> {
        let mut claims = rivals.claims(port, self.audience());
        claims.find(|claim| {
            let mut egresses = self.egresses().iter();
            egresses.any(|egress| egress.is_for(port) && self.counts_among(rivals, egress, claim))
        })
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
        let parents = host_name::parents(name).map(|parent| (parent, true));
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

/// The address tells that a claim may be meant; what the client says first tells whether it is.
fn name_needed<'r>(claim: &Claim) -> Match<'r> {
    let tls = claim.protocol() == PortProtocol::Tls;
    Match::NameNeeded { http: !tls, tls }
}
