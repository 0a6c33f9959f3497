//! Which entry takes a connection, and where the mesh sends it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    chain_set::Chains,
    claim::Claim,
    listener::Part,
    mesh_rules::Request,
    query::{By, Match, RegistryQuery, Viewer},
    sought::Sought,
    speech::Speech,
    store::Registry,
    view::ClientView,
};
use crate::vocabulary::{PortProtocol, Protocol};

impl Registry {
    /// Which entry takes a connection of `viewer`, in the order in which a sidecar finds it
    /// (`pilot/pkg/networking/core/{listener_builder,listener,httproute,tls}.go`):
    ///
    /// 1. UDP: none, there is no listener.
    /// 2. The listener at this very address and port: TCP, TLS and sniffed ports of entries with
    ///    addresses, and of headless Services at their pods' addresses. No name is asked for.
    /// 3. On the listener for the whole port, the longest range that holds the address. For TLS the
    ///    name counts, too.
    /// 4. There, the name: `Host` for plaintext HTTP wherever it goes to, SNI for TLS without
    ///    addresses. A name before its wildcards, a longer wildcard before a shorter one.
    ///    VirtualServices say where to; without one it is the host's own cluster. Where only the
    ///    address is known, it stands for the name that an entry gives it to.
    /// 5. There, TCP without addresses, which takes what is left: any address, any name.
    ///
    /// What the client says first is known by what entries say of the name and by ports 80 and 443;
    /// where it makes a difference and is not known, that is the answer.
    pub fn lookup<'r>(&'r self, viewer: &Viewer<'r>, to: &RegistryQuery<'_>) -> Match<'r> {
        if to.protocol == Protocol::Udp {
            return Match::Undeclared {
                http: false,
                headless: false,
            };
        }
        let sought = Sought::new(to);
        let view = ClientView::new(self, viewer);
        if viewer.is_ambient {
            return view.by_ztunnel(&sought);
        }
        if let Some(ip) = sought.ip.filter(|ip| viewer.is_v6_only && ip.is_ipv4()) {
            return view.by_very_address(ip, &sought);
        }
        if view.is_refused(&sought) {
            return Match::Refused;
        }
        if sought.host.is_none() {
            return view.by_address_alone(&sought);
        }
        let mut speeches = view.speeches(&sought).into_iter().flatten();
        let first = speeches.next().unwrap_or(Speech::Other);
        let answer = view.by_speech(&sought, first);
        let told = speeches.try_fold(answer, |answer, speech| {
            of_either(answer, view.by_speech(&sought, speech))
        });
        told.unwrap_or(Match::NameNeeded {
            http: true,
            tls: true,
        })
    }
}

/// What is the same in two answers, whatever led to them.
fn of_either<'r>(one: Match<'r>, other: Match<'r>) -> Option<Match<'r>> {
    match (one, other) {
        (Match::Declared(a), Match::Declared(b)) => {
            let [a, b] = [a.routed, b.routed].map(|it| (it.host, it.port, it.subset, it.fate));
            (a == b).then_some(one)
        }
        (Match::Undeclared { http, headless }, Match::Undeclared { http: also, .. }) => {
            let http = http || also;
            Some(Match::Undeclared { http, headless })
        }
        _ => (one == other).then_some(one),
    }
}

impl<'r> ClientView<'r, '_> {
    /// The answer for a client that says this first.
    fn by_speech(&self, sought: &Sought<'_>, speech: Speech) -> Match<'r> {
        if let Some(ip) = sought.ip {
            if let Some(answer) = self.by_ranged_rule(ip, sought) {
                return answer;
            }
            if let Some(chains) = self.at_address(ip, sought.port) {
                return self.of_address(&chains, sought, speech);
            }
            if let Some((range, first)) = self.range(ip, sought.port) {
                return self.of_range(range, first, sought, speech);
            }
        } else if let Some(found) = self.by_dns(sought) {
            return found;
        }
        let Some(chains) = self.at_any_address(sought.port) else {
            return self.undeclared(sought.port, None);
        };
        let named = match speech {
            // Nobody speaks anything else to a proxy for HTTP.
            _ if chains.egress.is_proxy() || speech == Speech::Http && chains.http.is_some() => {
                let found = self.virtual_host(sought);
                return match found {
                    Some(named) => self.named_answer(named, By::Host, sought),
                    None => self.undeclared(sought.port, Some(&chains)),
                };
            }
            Speech::Tls if chains.only.is_none() => self.server_name(chains.egress, sought, None),
            Speech::Http | Speech::Tls | Speech::Other => None,
        };
        match named {
            Some(named) => self.named_answer(named, By::Sni, sought),
            None => self.rest(&chains, sought),
        }
    }

    /// Where a rule for a range sends TCP, if the listener has a claim that the rule is about, and no
    /// longer range on it belongs to another claim.
    fn by_ranged_rule(&self, ip: IpAddr, sought: &Sought<'_>) -> Option<Match<'r>> {
        let port = sought.port;
        if self.registry.routing.ranged.is_empty() {
            return None;
        }
        let (chains, longest, at_address) = match self.at_address(ip, port) {
            Some(chains) => (chains, None, true),
            None => match self.range(ip, port) {
                Some((range, chains)) => (chains, Some(range.prefix_len()), false),
                None => (self.at_any_address(port)?, None, false),
            },
        };
        let egress = chains.egress;
        let rulings = self.ranged_rulings(egress, port, ip).into_iter();
        let mut rulings = rulings.filter(|(length, _)| longest.is_none_or(|it| *length > it));
        rulings.find_map(|(_, ruling)| {
            let claim = self.claim_of_rule(egress, ruling.rule, port, |claim| {
                let listens = if at_address {
                    self.listens_at(egress, claim, ip)
                } else {
                    let there = self.is_at_any_address(egress, claim);
                    (there || claim.of.ranges().next().is_some()) && self.is_part_of(&chains, claim)
                };
                let protocol = Self::protocol(egress, claim);
                listens && matches!(protocol, PortProtocol::Tcp | PortProtocol::Sniffed)
            })?;
            Some(self.ruled_answer(Some(claim), ruling, By::Range, sought))
        })
    }

    /// What takes what nothing else takes.
    fn rest(&self, chains: &Chains<'r>, sought: &Sought<'_>) -> Match<'r> {
        match chains.tcp {
            Some(claim) => self.tcp_answer(chains, claim, By::Port, sought),
            None => self.undeclared(sought.port, Some(chains)),
        }
    }

    /// The listener at an address.
    fn of_address(&self, chains: &Chains<'r>, sought: &Sought<'_>, speech: Speech) -> Match<'r> {
        let is_http = speech == Speech::Http || chains.egress.is_proxy();
        if is_http && chains.http.is_some() && chains.by_host {
            let found = self.virtual_host(sought);
            return match found {
                Some(named) => self.named_answer(named, By::Address, sought),
                None => self.undeclared(sought.port, Some(chains)),
            };
        }
        if let (Speech::Http, Some(claim)) = (speech, chains.http) {
            let named = self.ruled(chains.egress, claim, &Request::new(sought, chains.egress));
            return self.named_answer(named, By::Address, sought);
        }
        let is_bound = chains.egress.own_address().is_some();
        if speech == Speech::Tls
            && is_bound
            && let Some(named) = self.server_name(chains.egress, sought, None)
        {
            return self.named_answer(named, By::Address, sought);
        }
        match chains.tcp {
            Some(claim) => self.tcp_answer(chains, claim, By::Address, sought),
            None => self.undeclared(sought.port, None),
        }
    }

    /// Where a claim that takes every connection sends it: by the rules, if there are any.
    fn tcp_answer(
        &self,
        chains: &Chains<'r>,
        claim: &'r Claim,
        by: By,
        sought: &Sought<'_>,
    ) -> Match<'r> {
        let (of, port) = (&claim.of, sought.port);
        if Self::protocol(chains.egress, claim) != PortProtocol::Tls {
            return match self.tcp_ruling(chains.egress, of, port, sought.ip) {
                Some(ruling) => self.ruled_answer(Some(claim), ruling, by, sought),
                None => self.own_answer(claim, by, sought),
            };
        }
        if !self.is_replaced(chains.egress, of, port) {
            return self.own_answer(claim, by, sought);
        }
        if let Some(ruling) = self.rule_at_address(chains.egress, claim, sought) {
            return self.ruled_answer(Some(claim), ruling, by, sought);
        }
        let rest = sought
            .ip
            .and_then(|ip| self.rest_at_address(chains.egress, ip, port));
        match rest {
            Some(claim) => self.own_answer(claim, by, sought),
            None => self.undeclared(port, None),
        }
    }

    /// The longest range that holds an address and that a claim has a chain for on the listener at
    /// every address, and the first claim there that is not TLS. Envoy chooses by address before it
    /// chooses by name.
    fn range(&self, ip: IpAddr, port: u16) -> Option<(IpNet, Chains<'r>)> {
        let index = &self.registry.index;
        index.ranges(ip, port).find_map(|range| {
            let mut seen = index
                .by_range
                .seen((range, port), self.audience())
                .peekable();
            seen.peek()?;
            let listener = self.at_any_address(port)?;
            let egress = listener.egress;
            if egress.is_everywhere() || egress.is_proxy() {
                return None;
            }
            let mut fit = seen.map(|(_, claim)| claim).filter(|claim| {
                claim.protocol() != PortProtocol::Udp
                    && (egress.protocol.is_some() || claim.protocol() != PortProtocol::Http)
                    && self.is_part_of(&listener, claim)
                    && self.is_of(egress, &claim.of, range)
                    && self.counts(egress, claim)
            });
            let first = fit.next()?;
            let bytes = |claim: &&Claim| Self::protocol(egress, claim) != PortProtocol::Tls;
            let tcp = Some(first).filter(bytes).or_else(|| fit.find(bytes));
            Some((
                range,
                Chains {
                    http: None,
                    tcp,
                    ..listener
                },
            ))
        })
    }

    fn of_range(
        &self,
        range: IpNet,
        chains: Chains<'r>,
        sought: &Sought<'_>,
        speech: Speech,
    ) -> Match<'r> {
        if speech == Speech::Tls
            && let Some(named) = self.server_name(chains.egress, sought, Some(range))
        {
            return self.named_answer(named, By::Range, sought);
        }
        match (chains.tcp, self.at_any_address(sought.port)) {
            (Some(claim), _) => self.tcp_answer(&chains, claim, By::Range, sought),
            // The chain that has no condition takes what matched the range and nothing else.
            (None, Some(rest)) => self.rest(&rest, sought),
            (None, None) => self.undeclared(sought.port, None),
        }
    }

    fn undeclared(&self, port: u16, chains: Option<&Chains<'r>>) -> Match<'r> {
        let chains = match chains {
            Some(chains) => Some(*chains),
            None => self.at_any_address(port),
        };
        Match::Undeclared {
            http: chains.is_some_and(|chains| chains.http.is_some()),
            headless: self.has_part(port, Part::Headless),
        }
    }

    /// The answer for IPv4 from a proxy whose addresses are all IPv6: the listeners for whole ports are on
    /// `[::]`, and Envoy looks for those of the address's own family (`getBalancedHandlerByAddress` in its
    /// `connection_handler_impl.cc`). So only a listener at this very address takes it.
    fn by_very_address(&self, ip: IpAddr, sought: &Sought<'_>) -> Match<'r> {
        let Some(chains) = self.at_address(ip, sought.port) else {
            return Match::Undeclared {
                http: false,
                headless: false,
            };
        };
        match self.by_ranged_rule(ip, sought) {
            Some(answer) => answer,
            None => self.whatever_is_said(&chains, sought),
        }
    }

    /// The listener at an address, whether or not it is HTTP that is spoken.
    fn whatever_is_said(&self, chains: &Chains<'r>, sought: &Sought<'_>) -> Match<'r> {
        let rest = self.of_address(chains, sought, Speech::Other);
        let http = self.of_address(chains, sought, Speech::Http);
        of_either(rest, http).unwrap_or(Match::NameNeeded {
            http: true,
            tls: false,
        })
    }

    /// The answer where no name is given: the client may have asked for one, and may send one.
    fn by_address_alone(&self, sought: &Sought<'_>) -> Match<'r> {
        let Some(ip) = sought.ip else {
            return self.undeclared(sought.port, None);
        };
        if let Some(answer) = self.by_ranged_rule(ip, sought) {
            return answer;
        }
        let at_address = self.at_address(ip, sought.port);
        let chains = at_address.or_else(|| self.at_any_address(sought.port));
        if chains.is_some_and(|chains| chains.egress.is_proxy()) {
            return Match::NameNeeded {
                http: true,
                tls: false,
            };
        }
        if let Some(chains) = at_address {
            return self.whatever_is_said(&chains, sought);
        }
        if let Some((_, chains)) = self.range(ip, sought.port) {
            return match chains.tcp {
                Some(claim) => self.tcp_answer(&chains, claim, By::Range, sought),
                None => Match::NameNeeded {
                    http: false,
                    tls: true,
                },
            };
        }
        let chains = self.at_any_address(sought.port);
        if let Some(known) = self.by_known_address(ip, sought) {
            return known;
        }
        let http = chains.is_some_and(|chains| chains.http.is_some());
        let tcp = chains.is_some_and(|chains| chains.tcp.is_some());
        match chains {
            Some(_) if http && tcp => Match::NameNeeded { http, tls: false },
            Some(chains) if tcp => self.rest(&chains, sought),
            _ => {
                let http = http && self.has_part(sought.port, Part::HttpByNameOnly);
                let tls = self.has_part(sought.port, Part::TlsByNameOnly);
                if http || tls {
                    Match::NameNeeded { http, tls }
                } else {
                    self.undeclared(sought.port, chains.as_ref())
                }
            }
        }
    }
}
