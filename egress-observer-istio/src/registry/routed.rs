//! The answer that a chain or a route gives.

use super::{
    claim::Claim,
    egress::Egress,
    mesh_rules::Ruling,
    names::Named,
    query::{By, Fate, Hit, Match, Routed},
    sought::Sought,
    view::ClientView,
};
use crate::vocabulary::{Host, host_name};

impl<'r> ClientView<'r, '_> {
    /// What a name leads to, as an answer.
    pub(super) fn named_answer(&self, named: Named<'r>, by: By, sought: &Sought<'_>) -> Match<'r> {
        match named {
            Named::Own(claim) => self.own_answer(claim, by, sought),
            Named::Ruled(claim, ruling) => self.ruled_answer(claim, ruling, by, sought),
        }
    }

    /// A claim's own cluster.
    pub(super) fn own_answer(&self, claim: &'r Claim, by: By, sought: &Sought<'_>) -> Match<'r> {
        let of = &claim.of;
        let kept = self.cluster_of(&of.host, claim.port());
        let fate = if kept.is_none() {
            Fate::NoCluster
        } else if kept.is_some_and(|of| self.keeps_address(of)) || self.is_meant_by(sought, claim) {
            Fate::AsDialled
        } else {
            elsewhere(by)
        };
        Match::Declared(Hit {
            entry: &of.entry,
            host: &of.host_as_written,
            protocol: claim.protocol(),
            by,
            routed: Routed {
                host: &of.host_as_written,
                port: claim.port(),
                subset: "",
                object: kept.map(|of| &of.entry.object),
                via: None,
                fate,
            },
        })
    }

    /// The cluster that a rule names. A rule for the name that was dialled, or for the host that this is
    /// another name of, puts one host in another's place deliberately; one that is about another host
    /// does not, though it may apply to the wildcard that both are below (`getConfigsForHost` in
    /// `pilot/pkg/networking/core/tls.go`). Wherever it names a cluster without endpoints of its own,
    /// the connection keeps its address (`ORIGINAL_DST`, `buildCluster` in
    /// `pilot/pkg/networking/core/cluster_builder.go`).
    pub(super) fn ruled_answer(
        &self,
        claim: Option<&'r Claim>,
        ruling: Ruling<'r>,
        by: By,
        sought: &Sought<'_>,
    ) -> Match<'r> {
        let Ruling {
            rule,
            to,
            is_certain,
        } = ruling;
        if !is_certain {
            return Match::NameNeeded {
                http: true,
                tls: false,
            };
        }
        let named = |name: &str| self.spellings(name).any(|name| rule.stands_for(&name));
        let is_meant = claim.is_some_and(|claim| self.is_meant_by(sought, claim));
        let deliberate = sought.host.as_deref().is_none_or(named)
            || is_meant && claim.is_some_and(|claim| rule.covers(&claim.of.host));
        let mut routed = Routed {
            host: "",
            port: sought.port,
            subset: "",
            object: None,
            via: Some(&rule.object),
            fate: Fate::AsDialled,
        };
        if let Some(to) = to {
            routed.port = to
                .port
                .unwrap_or_else(|| self.port_of(&to.host, claim, sought.port));
            routed.host = &to.host;
            routed.subset = &to.subset;
            let cluster = self.cluster(&to.host, routed.port);
            routed.object = cluster.map(|of| &of.entry.object);
            routed.fate = match cluster {
                None => Fate::NoCluster,
                Some(of) if deliberate || self.is_meant(sought, &of.host) => Fate::AsDialled,
                Some(of) if self.keeps_address(of) => Fate::AsDialled,
                Some(_) if is_meant => Fate::Route,
                Some(_) => elsewhere(by),
            };
        }
        match claim {
            Some(claim) => Match::Declared(Hit {
                entry: &claim.of.entry,
                host: &claim.of.host_as_written,
                protocol: claim.protocol(),
                by,
                routed,
            }),
            None => Match::Ruled(routed),
        }
    }

    /// The port of a destination without one: that of the listener; where TLS or TCP goes to a host
    /// with a single port, that one (`GetDestinationCluster` in
    /// `pilot/pkg/networking/core/route/route.go`). A proxy for HTTP does the same, and has no port of
    /// its own.
    fn port_of(&self, host: &str, claim: Option<&Claim>, port: u16) -> u16 {
        let is_proxied = self.router(port).is_some_and(Egress::is_proxy);
        let port = if is_proxied { 0 } else { port };
        let streams = is_proxied || claim.is_some_and(|claim| !claim.has_virtual_host());
        let host = Host::parse(host).filter(|_| streams);
        let only = host.and_then(|host| self.only_port(&host));
        only.unwrap_or(port)
    }

    /// Whether a claim's host is the one that was dialled, as far as a name was given.
    pub(super) fn is_meant_by(&self, sought: &Sought<'_>, claim: &Claim) -> bool {
        let of = &claim.of;
        self.is_meant(sought, &of.host)
            || sought.host.as_deref().is_some_and(|name| {
                let below = |name: &str| {
                    let rest = name.strip_suffix(&*of.host.name);
                    rest.is_some_and(|rest| rest.ends_with('.'))
                };
                let parents = host_name::parents(name);
                of.has_names_of_pods()
                    && (below(name) || { parents }
                        .any(|parent| self.spellings(parent).any(|it| *it == *of.host.name)))
            })
    }

    pub(super) fn is_meant(&self, sought: &Sought<'_>, host: &Host) -> bool {
        let Some(name) = sought.host.as_deref() else {
            return true;
        };
        self.spellings(name).any(|name| {
            host.stands_for(&name) || self.alias_of(&name).is_some_and(|it| host.stands_for(it))
        })
    }
}

fn elsewhere(by: By) -> Fate {
    match by {
        By::Port => Fate::ListenerWithoutAddress,
        By::Address | By::Range => Fate::AddressOfAnother,
        By::Host | By::Sni => Fate::Route,
    }
}
