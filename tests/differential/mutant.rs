//! Decisions that are wrong on purpose. A run must see through each of them: else it would not
//! notice either if the agent's own decision were wrong in the same way.

use egress_observer_istio::{
    rules::{
        Backend, CaptureConfig, Decision, OwnerGroups, Ports, Ranges, Rule, Version,
        ambient::AmbientConfig,
    },
    vocabulary::{Expected, Reason},
};
use ipnet::Ipv4Net;

use crate::{
    decision::{self, Known},
    generate::Probe,
    report::Case,
};

/// A wrong decision: made from another configuration.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    change: Change,
}

enum Change {
    Sidecar(fn(&mut CaptureConfig)),
    Ambient(fn(&mut AmbientConfig)),
}

/// For every setting at least one.
pub(crate) const MUTANTS: [Mutant; 20] = [
    Mutant {
        name: "included and excluded ports are swapped",
        change: Change::Sidecar(|config| {
            std::mem::swap(&mut config.include_ports, &mut config.exclude_ports)
        }),
    },
    Mutant {
        name: "included and excluded ranges are swapped",
        change: Change::Sidecar(|config| std::mem::swap(&mut config.include, &mut config.exclude)),
    },
    Mutant {
        name: "there are no excluded interfaces",
        change: Change::Sidecar(|config| config.exclude_interfaces.clear()),
    },
    Mutant {
        name: "there are no excluded ports",
        change: Change::Sidecar(|config| config.exclude_ports = Ports::default()),
    },
    Mutant {
        name: "there are no included ports",
        change: Change::Sidecar(|config| config.include_ports = Ports::default()),
    },
    Mutant {
        name: "there are no excluded ranges",
        change: Change::Sidecar(|config| config.exclude = Ranges::default()),
    },
    Mutant {
        name: "every range is included",
        change: Change::Sidecar(|config| config.include = Ranges::all()),
    },
    Mutant {
        name: "the proxy has no user",
        change: Change::Sidecar(|config| config.proxy_uids.clear()),
    },
    Mutant {
        name: "the proxy has no group",
        change: Change::Sidecar(|config| config.proxy_gids.clear()),
    },
    Mutant {
        name: "the proxy has one user and one group",
        change: Change::Sidecar(|config| {
            config.proxy_uids.truncate(1);
            config.proxy_gids.truncate(1);
        }),
    },
    Mutant {
        name: "owner groups do not count",
        change: Change::Sidecar(|config| config.owner_groups = OwnerGroups::default()),
    },
    Mutant {
        name: "DNS is not captured",
        change: Change::Sidecar(|config| config.dns = None),
    },
    Mutant {
        name: "localhost is 127.0.0.1 alone",
        change: Change::Sidecar(|config| {
            config.loopback = Ipv4Net::from(std::net::Ipv4Addr::LOCALHOST)
        }),
    },
    Mutant {
        name: "IPv6 rules are there or not, the other way round",
        change: Change::Sidecar(|config| config.ipv6 = !config.ipv6),
    },
    Mutant {
        name: "iptables and nft decide alike on IPv6",
        change: Change::Sidecar(|config| config.backend = Backend::Iptables),
    },
    Mutant {
        name: "the tunnel's port is like any other",
        change: Change::Sidecar(|config| config.tunnel_port = 0),
    },
    Mutant {
        name: "every version is the newest",
        change: Change::Sidecar(|config| config.version = Some(Version::CURRENT)),
    },
    Mutant {
        name: "every version is an old one",
        change: Change::Sidecar(|config| config.version = Some(Version(17))),
    },
    Mutant {
        name: "ambient: DNS is captured or not, the other way round",
        change: Change::Ambient(|config| config.dns = !config.dns),
    },
    Mutant {
        name: "ambient: IPv6 rules are there or not, the other way round",
        change: Change::Ambient(|config| config.ipv6 = !config.ipv6),
    },
];

impl Mutant {
    /// What it decides from; `None` where it is no different.
    pub(crate) fn known(&self, known: &Known) -> Option<Known> {
        match (&self.change, known) {
            (Change::Sidecar(change), Known::Sidecar(config)) => {
                let mut changed = config.clone();
                change(&mut changed);
                (changed != *config).then_some(Known::Sidecar(changed))
            }
            (Change::Ambient(change), Known::Ambient(config)) => {
                let mut changed = *config;
                change(&mut changed);
                (changed != *config).then_some(Known::Ambient(changed))
            }
            (Change::Sidecar(_), Known::Ambient(_)) | (Change::Ambient(_), Known::Sidecar(_)) => {
                None
            }
        }
    }
}

/// The rules' order is wrong: an included port wins over an excluded range.
const ORDER: &str = "an included port wins over an excluded range";
const SOURCE: &str = "a socket's own address does not count";
const MARK: &str = "a socket's mark does not count";

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let changed = MUTANTS.iter().map(|mutant| mutant.name);
    changed.chain([ORDER, SOURCE, MARK])
}

/// Decisions that are wrong about one connection, by what is wrong with them.
pub(crate) fn wrong<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'static str, Decision)> + 'a {
    let decide = |known: &Known, probe: &Probe| decision::decide(known, &case.plan.told, probe);
    let changed = MUTANTS.iter().zip(case.mutants);
    let changed = changed.filter_map(move |(mutant, known)| {
        Some((mutant.name, decide(known.as_ref()?, case.probe)))
    });
    let unbound = case.probe.source.map(|_| Probe {
        source: None,
        ..case.probe.clone()
    });
    let unmarked = (case.probe.mark != 0).then(|| Probe {
        mark: 0,
        ..case.probe.clone()
    });
    let less = [(SOURCE, unbound), (MARK, unmarked)];
    let less = less
        .into_iter()
        .filter_map(move |(name, probe)| Some((name, decide(case.known, &probe?))));
    let order = in_wrong_order(case.known, &case.decision, case.probe.port);
    changed
        .chain(less)
        .chain(order.map(|decision| (ORDER, decision)))
}

fn in_wrong_order(known: &Known, right: &Decision, port: u16) -> Option<Decision> {
    let Known::Sidecar(config) = known else {
        return None;
    };
    let place = config.include_ports.first(port)?;
    matches!(right.rule, Rule::ExcludedRange(_)).then_some(Decision {
        expected: Expected::Captured,
        reason: Reason::IncludedPort,
        port: Some(config.proxy_port),
        rule: Rule::IncludedPort(place),
    })
}
