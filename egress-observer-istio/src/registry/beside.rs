//! Connections that a change for one host and port may touch, beside the one that it is for.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    claim::Claim,
    listener::{ConflictKind, Listener, Part},
    query::{RegistryQuery, Viewer},
    sought::Sought,
    store::Registry,
    view::ClientView,
};
use crate::vocabulary::{Protocol, ServerFirst};

/// How many claims of each kind on a listener stand for all of them.
const OF_EACH: usize = 2;
/// How many ports of a host are looked at.
const PORTS: usize = 64;
/// How many entries of a host are looked at.
const ENTRIES: usize = 16;
/// A host that no object has: it stands for all that the mesh does not know.
const NOBODY: &str = "host-of-nobody.invalid";

/// A connection that a change may touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beside {
    /// The name that the client asks for.
    pub host: String,
    /// Where it goes, if that is certain.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

impl Beside {
    /// Whether it stands for all hosts that the mesh does not know.
    pub fn is_of_nobody(&self) -> bool {
        self.host == NOBODY
    }

    /// The same as the registry is asked.
    pub fn query(&self) -> RegistryQuery<'_> {
        RegistryQuery {
            ip: self.ip,
            host: Some(&self.host),
            port: self.port,
            protocol: Protocol::Tcp,
        }
    }
}

impl Registry {
    /// Connections that a change for a destination may touch: its host at every port that an entry has
    /// for it; on the port, some hosts of each kind that the listener there knows; whoever has its
    /// address there; and a host that nobody has. The destination itself is not among them.
    pub fn beside(&self, viewer: &Viewer<'_>, to: &RegistryQuery<'_>) -> BTreeSet<Beside> {
        let view = ClientView::new(self, viewer);
        let sought = Sought::new(to);
        let mut all = BTreeSet::new();
        if let Some(name) = sought.host.as_deref() {
            all.extend(self.own_ports(&view, name));
        }
        let keys = parts().map(|part| Listener::both(sought.port, part));
        for key in keys.into_iter().flatten() {
            let seen = self.index.listeners.seen(key, view.audience());
            all.extend(seen.take(OF_EACH).map(|(_, claim)| of_claim(claim)));
        }
        if let Some(ip) = sought.ip {
            let seen = self
                .index
                .by_address
                .seen((ip, sought.port), view.audience());
            all.extend(seen.take(OF_EACH).map(|(_, claim)| Beside {
                ip: Some(ip),
                ..of_claim(claim)
            }));
        }
        all.insert(Beside {
            host: NOBODY.to_owned(),
            ip: None,
            port: sought.port,
        });
        let own = sought.host.as_deref();
        all.retain(|one| (Some(one.host.as_str()), one.port) != (own, sought.port));
        all
    }

    fn own_ports(&self, view: &ClientView<'_, '_>, name: &str) -> Vec<Beside> {
        let by_host = &self.index.by_host;
        let mut all = Vec::new();
        for whole in view.spellings(name) {
            for rivals in by_host.covering(&whole) {
                let entries = rivals.all().take(ENTRIES);
                for claim in entries.flat_map(Claim::all).take(PORTS) {
                    all.push(Beside {
                        host: name.to_owned(),
                        ..of_claim(&claim)
                    });
                }
            }
        }
        all
    }
}

/// The host of a claim at its port, and at its address if it has one.
fn of_claim(claim: &Claim) -> Beside {
    let host = &claim.of.host;
    let address = claim.of.single_addresses().next();
    let endpoint = claim.of.endpoints.first().copied();
    let endpoint = endpoint.filter(|_| claim.of.keeps_address());
    Beside {
        host: if host.wildcard {
            format!("x.{}", host.name)
        } else {
            host.name.to_string()
        },
        ip: address.or(endpoint),
        port: claim.port(),
    }
}

fn parts() -> [Part; 10] {
    [
        Part::Http,
        Part::HttpByNameOnly,
        Part::Tls,
        Part::TlsByNameOnly,
        Part::Tcp,
        Part::Sniffed,
        Part::ServerFirst(ServerFirst::Mongo),
        Part::ServerFirst(ServerFirst::MySql),
        Part::Ranged(ConflictKind::Stream),
        Part::Headless,
    ]
}
