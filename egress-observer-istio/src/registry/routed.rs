//! The answer that a chain or a route gives.

use super::{
    claim::Claim,
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

    /// The cluster that a rule names. A rule for the name that was dialled puts one host in another's
    /// place deliberately.
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
        let deliberate = sought.host.as_deref().is_none_or(named)
            || claim.is_some_and(|claim| self.is_meant_by(sought, claim));
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
                Some(of) if !deliberate && !self.is_meant(sought, &of.host) => elsewhere(by),
                Some(_) => Fate::AsDialled,
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
    /// `pilot/pkg/networking/core/route/route.go`).
    fn port_of(&self, host: &str, claim: Option<&Claim>, port: u16) -> u16 {
        let streams = claim.is_some_and(|claim| !claim.has_virtual_host());
        let host = Host::parse(host).filter(|_| streams);
        let rivals = host.and_then(|host| self.registry.index.by_host.get(&host));
        let all = rivals.map(|rivals| rivals.seen(self.namespace));
        let first = all.into_iter().flatten().next();
        match first.map(|of| &*of.ports) {
            Some([only]) => only.number,
            Some(_) | None => port,
        }
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
