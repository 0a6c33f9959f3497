//! Which entry takes a connection.

use super::{
    listener::Part,
    port_listener::PortParts,
    query::{By, Hit, Match, RegistryQuery, Viewer},
    sought::Sought,
    store::Registry,
    view::ClientView,
};
use crate::vocabulary::Protocol;

impl Registry {
    /// Which entry takes a connection of `viewer`, in the order in which a sidecar finds it
    /// (`pilot/pkg/networking/core/{listener_builder,listener,httproute,tls}.go`):
    ///
    /// 1. UDP: none, there is no listener.
    /// 2. The listener at this very address and port: TCP, TLS and sniffed ports of entries with
    ///    addresses. No name is asked for.
    /// 3. On the listener for the whole port, the longest range that holds the address. For TLS the
    ///    name counts, too; the address having decided, no other name does.
    /// 4. There, the name: `Host` for HTTP wherever it goes to, SNI for TLS without addresses. A
    ///    name before its wildcards, a longer wildcard before a shorter one. Where only the address
    ///    is known, it stands for the name that an entry gives it to.
    /// 5. There, TCP without addresses, which takes what is left: any address, any name. A sniffed
    ///    port does so for what is not HTTP.
    ///
    /// HTTP and TCP in 5 share a listener, which tells them by their first bytes (`HTTPOverTCP`,
    /// `TCPOverHTTP` in `listener.go`): where no name was found, these would tell. Of the same host
    /// in several namespaces, that of the client's own counts, or else the oldest.
    pub fn lookup<'r>(&'r self, viewer: &Viewer<'r>, to: &RegistryQuery<'_>) -> Match<'r> {
        if to.protocol == Protocol::Udp {
            return Match::Undeclared { http: false };
        }
        let sought = Sought::new(to);
        let view = ClientView::new(self, viewer);
        if let Some(ip) = sought.ip {
            if let Some(claim) = view.at_address(ip, sought.port) {
                return Match::Declared(Hit::of(claim, By::Address));
            }
            if let Some(found) = view.in_range(ip, &sought) {
                return found;
            }
        }
        view.on_port(&sought)
    }
}

impl<'r> ClientView<'r, '_> {
    /// The listener for the whole port.
    fn on_port(&self, sought: &Sought<'_>) -> Match<'r> {
        let port = sought.port;
        let parts = self.parts(port);
        let found = match (&sought.host, sought.ip) {
            (Some(name), Some(_)) => self.by_name(name, port, |claim| {
                parts.serve(claim) && self.is_led_to_by_name(claim)
            }),
            // The address that belongs to the name is not known, so it does not exclude anything.
            (Some(name), None) => self.by_name(name, port, |claim| {
                parts.serve(claim) && (self.is_led_to_by_name(claim) || claim.is_bound())
            }),
            (None, Some(ip)) => self.by_known_address(ip, port, &parts),
            (None, None) => None,
        };
        let of_port = parts
            .tcp
            .or(parts.sniffed.filter(|_| sought.host.is_some()));
        if let Some(found) = found {
            found
        } else if parts.tcp.is_some() && parts.http.is_some() {
            Match::NameNeeded {
                http: true,
                tls: false,
            }
        } else if let Some(claim) = of_port {
            Match::Declared(Hit::of(claim, By::Port))
        } else {
            self.undeclared(sought, &parts)
        }
    }

    fn undeclared(&self, sought: &Sought<'_>, parts: &PortParts<'r>) -> Match<'r> {
        let (http, tls) = match sought.host {
            Some(_) => (false, false),
            None => (
                parts.has_http() && self.part(sought.port, Part::HttpByNameOnly).is_some(),
                self.part(sought.port, Part::TlsByNameOnly).is_some(),
            ),
        };
        if http || tls {
            Match::NameNeeded { http, tls }
        } else {
            Match::Undeclared {
                http: parts.has_http(),
            }
        }
    }
}
