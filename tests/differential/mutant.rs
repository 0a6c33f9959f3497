//! Decisions that are wrong on purpose. A run must see through each of them: else it would not
//! notice either if the agent's own decision were wrong in the same way.

use egress_observer::capture::{
    Backend, CaptureConfig, Decision, OwnerGroups, Ports, Ranges, Rule, Version,
};
use egress_observer::model::{Expected, Reason};
use ipnet::Ipv4Net;

use crate::decision::Known;

/// A wrong decision: made from another configuration.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    change: fn(&mut CaptureConfig),
}

/// One for each setting, and one for each version that decides differently.
pub(crate) const MUTANTS: [Mutant; 18] = [
    Mutant {
        name: "included and excluded ports are swapped",
        change: |config| std::mem::swap(&mut config.include_ports, &mut config.exclude_ports),
    },
    Mutant {
        name: "included and excluded ranges are swapped",
        change: |config| std::mem::swap(&mut config.include, &mut config.exclude),
    },
    Mutant {
        name: "there are no excluded interfaces",
        change: |config| config.exclude_interfaces.clear(),
    },
    Mutant {
        name: "there are no excluded ports",
        change: |config| config.exclude_ports = Ports::default(),
    },
    Mutant {
        name: "there are no included ports",
        change: |config| config.include_ports = Ports::default(),
    },
    Mutant {
        name: "there are no excluded ranges",
        change: |config| config.exclude = Ranges::default(),
    },
    Mutant {
        name: "every range is included",
        change: |config| config.include = Ranges::all(),
    },
    Mutant {
        name: "the proxy has no user",
        change: |config| config.proxy_uids.clear(),
    },
    Mutant {
        name: "the proxy has no group",
        change: |config| config.proxy_gids.clear(),
    },
    Mutant {
        name: "the proxy has one user and one group",
        change: |config| {
            config.proxy_uids.truncate(1);
            config.proxy_gids.truncate(1);
        },
    },
    Mutant {
        name: "owner groups do not count",
        change: |config| config.owner_groups = OwnerGroups::default(),
    },
    Mutant {
        name: "DNS is not captured",
        change: |config| config.dns = None,
    },
    Mutant {
        name: "localhost is 127.0.0.1 alone",
        change: |config| config.loopback = Ipv4Net::from(std::net::Ipv4Addr::LOCALHOST),
    },
    Mutant {
        name: "IPv6 rules are there or not, the other way round",
        change: |config| config.ipv6 = !config.ipv6,
    },
    Mutant {
        name: "iptables and nft decide alike on IPv6",
        change: |config| config.backend = Backend::Iptables,
    },
    Mutant {
        name: "the tunnel's port is like any other",
        change: |config| config.tunnel_port = 0,
    },
    Mutant {
        name: "every version is the newest",
        change: |config| config.version = Some(Version::CURRENT),
    },
    Mutant {
        name: "every version is an old one",
        change: |config| config.version = Some(Version(17)),
    },
];

impl Mutant {
    /// What it decides from; `None` where it is no different.
    pub(crate) fn known(&self, known: &Known) -> Option<Known> {
        let Known::Sidecar(config) = known else {
            return None;
        };
        let mut changed = config.clone();
        (self.change)(&mut changed);
        (changed != *config).then(|| Known::Sidecar(changed))
    }
}

/// The rules' order is wrong: an included port wins over an excluded range.
pub(crate) const ORDER: &str = "an included port wins over an excluded range";

/// [`ORDER`]'s decision, where it differs from the right one.
pub(crate) fn in_wrong_order(known: &Known, right: &Decision, port: u16) -> Option<Decision> {
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
