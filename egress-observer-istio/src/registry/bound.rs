//! The listener of a Sidecar's egress listener that is bound to an address, or to every one: all that it
//! lets through shares it, wherever that is.

use super::{
    chain_set::Chains,
    claim::Claim,
    egress::Egress,
    listener::{ConflictKind, Part},
    view::ClientView,
};
use crate::vocabulary::PortProtocol;

/// The chains of such a listener, as claims are added one after the other.
struct Making<'r> {
    /// The first claim, and what it is.
    first: &'r Claim,
    /// Whether what the client says first is looked at, or can be (`protocol.Unsupported`).
    is_sniffed: bool,
    /// Plaintext HTTP; it is told from the rest, or takes it.
    http: Option<&'r Claim>,
    http_takes_all: bool,
    tcp: Option<&'r Claim>,
}

impl<'r> ClientView<'r, '_> {
    /// The listener, if anything is on it (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`):
    ///
    /// 1. At one address a chain for HTTP has no condition, so that it takes every connection; at every
    ///    address, or as part of a sniffed port, it takes HTTP alone.
    /// 2. Of two chains without a condition the first is kept (`mergeTCPFilterChains`). Before 1.20
    ///    HTTP beside TCP is told from it (`mergeFilterChains`).
    /// 3. A sniffed claim takes the place of HTTP at one address (`AutoOverHTTP`), and is passed over
    ///    behind another sniffed one, up to 1.31.
    /// 4. A protocol whose server speaks first shares the listener with no other.
    pub(super) fn bound(&self, egress: &'r Egress, port: u16) -> Option<Chains<'r>> {
        let any = self.parts(port).iter().find(|own| own.part == Part::Any)?;
        let seen = any.seen(self.audience()).map(|(_, claim)| claim);
        let mut fit = seen.filter(|claim| claim.port() == port && self.counts(egress, claim));
        let mut making = self.begin(egress, fit.next()?);
        for claim in fit {
            self.add(egress, claim, &mut making);
        }
        let by_host = egress.is_everywhere()
            || making
                .http
                .is_some_and(|claim| Self::protocol(egress, claim) == PortProtocol::Http);
        Some(Chains {
            egress,
            http: making.http,
            tcp: making.tcp,
            by_host,
            only: making.only(egress),
            sniffed: making.sniffed(egress),
        })
    }

    fn begin(&self, egress: &Egress, first: &'r Claim) -> Making<'r> {
        let protocol = Self::protocol(egress, first);
        let is_http = protocol == PortProtocol::Http;
        let is_sniffed = protocol == PortProtocol::Sniffed;
        Making {
            first,
            is_sniffed: is_sniffed || is_http && egress.is_everywhere(),
            http: Some(first).filter(|_| is_http || is_sniffed),
            http_takes_all: is_http && !egress.is_everywhere(),
            tcp: Some(first).filter(|_| self.takes_all(egress, first)),
        }
    }

    fn add(&self, egress: &Egress, claim: &'r Claim, making: &mut Making<'r>) {
        if making.keeps_out(egress, claim) {
            return;
        }
        let has_http = making.http.is_some();
        match Self::protocol(egress, claim) {
            PortProtocol::Http if has_http || making.is_sniffed => {}
            PortProtocol::Http => {
                let told = egress.is_everywhere() || !self.viewer.is_since(20);
                making.is_sniffed = true;
                if told || making.tcp.is_none() {
                    making.http = Some(claim);
                    making.http_takes_all = !told;
                }
            }
            PortProtocol::Sniffed if making.http_takes_all && !making.is_sniffed => {
                *making = self.begin(egress, claim);
            }
            PortProtocol::Sniffed if making.is_sniffed && !self.viewer.is_since(32) => {}
            PortProtocol::Sniffed | PortProtocol::Tcp | PortProtocol::Tls => {
                let was_http = making.http_takes_all;
                if was_http && !self.viewer.is_since(20) {
                    making.http_takes_all = false;
                }
                if self.takes_all(egress, claim) && !making.http_takes_all {
                    making.tcp.get_or_insert(claim);
                }
                let is_sniffed = Self::protocol(egress, claim) == PortProtocol::Sniffed;
                if is_sniffed && !making.is_sniffed {
                    making.http.get_or_insert(claim);
                }
                making.is_sniffed |= is_sniffed || was_http;
            }
            PortProtocol::Udp => {}
        }
    }
}

impl<'r> Making<'r> {
    /// `isConflictWithWellKnownPort` in `pilot/pkg/networking/core/listener.go`.
    fn keeps_out(&self, egress: &Egress, claim: &Claim) -> bool {
        let kinds = [self.first, claim].map(ConflictKind::of);
        let server_first = kinds
            .iter()
            .any(|kind| matches!(kind, ConflictKind::ServerFirst(_)));
        egress.protocol.is_none() && server_first && kinds[0] != kinds[1]
    }

    fn sniffed(&self, egress: &Egress) -> Option<&'r Claim> {
        self.http
            .filter(|claim| ClientView::protocol(egress, claim) == PortProtocol::Sniffed)
    }

    fn only(&self, egress: &Egress) -> Option<ConflictKind> {
        let kind = ConflictKind::of(self.first);
        let is_server_first = matches!(kind, ConflictKind::ServerFirst(_));
        Some(kind).filter(|_| is_server_first && egress.protocol.is_none())
    }
}
