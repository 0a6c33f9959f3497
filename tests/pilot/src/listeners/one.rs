//! One service's port becomes part of a listener (`buildSidecarOutboundListener`).

use super::chains;
use super::conflict::{self, Conflict};
use super::{Entries, Entry, Making, Wish};
use crate::config::{Chain, ChainMatch, Filter};
use crate::protocol::{ListenerKind, Protocol};
use crate::service::{Registry, Resolution, UNSPECIFIED};

impl Making<'_> {
    pub(super) fn add_one(&self, mut wish: Wish<'_>, entries: &mut Entries) {
        let kind = wish.port.protocol.kind();
        if wish.service.resolution == Resolution::Alias || kind == ListenerKind::None {
            return;
        }
        self.bind(&mut wish, kind);
        let key = (wish.binds[0].clone(), wish.port.number);
        let current = entries.get_mut(&key);
        if current.as_ref().is_some_and(|current| current.is_locked) {
            return;
        }
        let mut protocol = wish.port.protocol;
        let mut conflict = Conflict::None;
        let chains = if protocol == Protocol::HttpProxy {
            vec![self.http_chain(&wish, kind)]
        } else {
            let existing = current.as_ref().map(|current| current.protocol);
            let Some(met) = conflict::of(kind, existing, self.client.version) else {
                return;
            };
            conflict = met;
            if kind == ListenerKind::Http && wish.binds[0] == self.client.wildcard() {
                // There is a chain for what is not HTTP, too.
                protocol = Protocol::Unsupported;
            }
            self.chains(&wish, kind, conflict)
        };
        if conflict::is_on_well_known_port(wish.port.protocol, current.as_deref(), conflict) {
            return;
        }
        match (conflict, current) {
            (Conflict::None | Conflict::AutoOverHttp, _) | (_, None) => {
                let entry = Entry {
                    binds: wish.binds,
                    port: wish.port,
                    protocol,
                    chains,
                    is_locked: false,
                };
                entries.insert(key, entry);
            }
            (conflict, Some(current)) => {
                conflict::merge(&mut current.chains, chains);
                if !matches!(conflict, Conflict::TcpOverTcp | Conflict::TcpOverAuto) {
                    current.protocol = Protocol::Unsupported;
                }
            }
        }
    }

    /// The service's address, or all of them and its range; HTTP is always for all of them.
    fn bind(&self, wish: &mut Wish<'_>, kind: ListenerKind) {
        if !wish.binds.is_empty() {
            return;
        }
        let wildcard = self.client.wildcard().to_owned();
        if kind == ListenerKind::Http {
            wish.binds.push(wildcard);
            return;
        }
        let mut addresses = wish.service.addresses_for(self.client);
        let has_none = addresses[0] == UNSPECIFIED;
        if wish.service.registry == Registry::External && self.client.is_ipv6() && has_none {
            addresses[0].clone_from(&wildcard);
        }
        if addresses[0].contains('/') {
            wish.binds.push(wildcard);
            wish.ranges = addresses;
        } else {
            wish.binds = addresses;
        }
    }

    fn chains(&self, wish: &Wish<'_>, kind: ListenerKind, conflict: Conflict) -> Vec<Chain> {
        match kind {
            ListenerKind::Http => {
                let mut chain = self.http_chain(wish, kind);
                chain.matching.is_for_http = wish.binds[0] == self.client.wildcard();
                vec![chain]
            }
            ListenerKind::Auto if conflict != Conflict::TcpOverAuto => {
                let mut chains = chains::streams(wish, self.client, self.scope);
                let mut chain = self.http_chain(wish, kind);
                chain.matching.is_for_http = true;
                chains.push(chain);
                chains
            }
            ListenerKind::Auto | ListenerKind::Tcp | ListenerKind::None => {
                chains::streams(wish, self.client, self.scope)
            }
        }
    }

    /// `buildSidecarOutboundHTTPListenerOpts`: a route of its own where a protocol is sniffed at an address.
    fn http_chain(&self, wish: &Wish<'_>, kind: ListenerKind) -> Chain {
        let number = wish.port.number;
        let is_own = kind == ListenerKind::Auto && wish.binds[0] != self.client.wildcard();
        let name = if is_own {
            format!("{}:{number}", wish.service.host)
        } else {
            number.to_string()
        };
        Chain {
            matching: ChainMatch::default(),
            filter: Filter::Http(name),
            object: None,
        }
    }
}
