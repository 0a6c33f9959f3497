//! Outbound listeners (`buildSidecarOutboundListeners` in `pilot/pkg/networking/core/listener.go`).

mod chains;
mod conflict;
mod finish;
mod one;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::config::{Chain, Listener};
use crate::mesh::Client;
use crate::protocol::Protocol;
use crate::push::Push;
use crate::service::{Endpoints, Port, Registry, Resolution, Service, UNSPECIFIED};
use crate::sidecar::Scope;
use crate::sidecar::egress::Egress;
use crate::virtual_service::Shared;

/// A listener that is being made (`outboundListenerEntry`).
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    binds: Vec<String>,
    port: Port,
    protocol: Protocol,
    chains: Vec<Chain>,
    /// Made for a port that a Sidecar names: nothing is added to it.
    is_locked: bool,
}

/// By address and port.
type Entries = BTreeMap<(String, u16), Entry>;

/// What all listeners are made with.
struct Making<'a> {
    push: &'a Push,
    client: &'a Client,
    scope: &'a Scope,
}

/// What one service and port ask for (`outboundListenerOpts`).
#[derive(Clone)]
struct Wish<'a> {
    service: &'a Service,
    port: Port,
    /// Empty as long as it is open.
    binds: Vec<String>,
    /// Ranges of destinations where the address is one.
    ranges: Vec<String>,
    virtual_services: &'a Shared,
}

/// Listeners of the sidecar's own, with `0.0.0.0`.
const OWN_PORTS: [u16; 2] = [15021, 15090];
const INBOUND_CAPTURE: u16 = 15006;

/// All outbound listeners but the one that gets captured connections.
pub(crate) fn all(push: &Push, client: &Client, scope: &Scope) -> Vec<Listener> {
    let making = Making {
        push,
        client,
        scope,
    };
    let mut entries = Entries::new();
    for egress in &scope.egress {
        making.add(egress, &mut entries);
    }
    entries
        .into_values()
        .map(|entry| finish::listener(entry, scope))
        .collect()
}

impl Making<'_> {
    fn add(&self, egress: &Egress, entries: &mut Entries) {
        // Unix sockets are another way to a sidecar than captured connections.
        if egress.spec.bind.starts_with("unix://") {
            return;
        }
        let is_bound = egress.spec.capture_mode == "NONE";
        let binds = match (egress.spec.bind.as_str(), is_bound) {
            ("", true) => vec![self.localhost()],
            ("", false) => Vec::new(),
            (bind, _) => vec![bind.to_owned()],
        };
        let Some(port) = &egress.spec.port else {
            for entry in entries.values_mut() {
                entry.is_locked = true;
            }
            for service in &egress.services {
                for port in &service.ports {
                    self.add_port(egress, service, port, &binds, entries);
                }
            }
            return;
        };
        let port = Port {
            name: port.name.clone(),
            number: port.number,
            protocol: port.protocol(),
        };
        if self.is_reserved(&binds, &port) {
            return;
        }
        for service in &egress.services {
            self.wish(egress, service, &port, &binds, entries);
        }
    }

    fn localhost(&self) -> String {
        let localhost = if self.client.is_ipv6() {
            "::1"
        } else {
            "127.0.0.1"
        };
        localhost.to_owned()
    }

    /// A port of a service; one without an address, whose endpoints are where clients want to go, has a
    /// listener for each of them.
    fn add_port(
        &self,
        egress: &Egress,
        service: &Rc<Service>,
        port: &Port,
        binds: &[String],
        entries: &mut Entries,
    ) {
        if self.is_reserved(binds, port) {
            return;
        }
        let is_headless = binds.is_empty()
            && service.resolution == Resolution::Passthrough
            && service.address_for(self.client) == UNSPECIFIED
            && (port.protocol.is_tcp() || port.protocol == Protocol::Unsupported);
        if !is_headless {
            self.wish(egress, service, port, binds, entries);
            return;
        }
        let endpoints = self.endpoints().of(service, port);
        let is_plain_entry = service.registry == Registry::External
            && endpoints.is_empty()
            && service.selector.is_none();
        if is_plain_entry {
            self.wish(egress, service, port, binds, entries);
            return;
        }
        let own = self.client.addresses.first().map(ToString::to_string);
        for addresses in endpoints {
            let are_valid = addresses
                .iter()
                .all(|address| address.parse::<std::net::IpAddr>().is_ok());
            if are_valid && addresses.first() != own.as_ref() {
                self.wish(egress, service, port, &addresses, entries);
            }
        }
    }

    const fn endpoints(&self) -> &Endpoints {
        &self.push.endpoints
    }

    fn wish(
        &self,
        egress: &Egress,
        service: &Service,
        port: &Port,
        binds: &[String],
        entries: &mut Entries,
    ) {
        let wish = Wish {
            service,
            port: port.clone(),
            binds: binds.to_vec(),
            ranges: Vec::new(),
            virtual_services: &egress.virtual_services,
        };
        self.add_one(wish, entries);
    }

    /// `conflictWithReservedListener`.
    fn is_reserved(&self, binds: &[String], port: &Port) -> bool {
        let is_for_all = match binds.first() {
            Some(bind) => bind == self.client.wildcard(),
            None => port.protocol.is_http(),
        };
        let is_of_capture = self.client.version.reserves_capture_ports()
            && [self.push.mesh.proxy_listen_port, INBOUND_CAPTURE].contains(&port.number);
        is_for_all && (OWN_PORTS.contains(&port.number) || is_of_capture)
    }
}
