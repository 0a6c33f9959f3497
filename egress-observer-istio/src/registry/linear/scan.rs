//! Which row takes a connection, found by looking at every one.

use std::net::IpAddr;

use super::{answer::ScanAnswer, client::ScanClient, list::Linear, row::ScanRow};
use crate::{
    registry::{
        object_ref::ObjectKind,
        query::{By, RegistryQuery},
    },
    vocabulary::{PortProtocol, Protocol},
};

impl Linear {
    /// Which entry takes a connection, found by looking at every one.
    pub fn lookup(&self, client: &ScanClient<'_>, to: &RegistryQuery<'_>) -> ScanAnswer {
        if to.protocol == Protocol::Udp {
            return ScanAnswer::Undeclared { http: false };
        }
        let literal: Option<IpAddr> = to.host.and_then(|host| host.parse().ok());
        let name = to.host.filter(|_| literal.is_none());
        let scan = Scan {
            rows: self.visible(client, to.port),
            client,
            ip: to.ip.or(literal),
            name: name.map(|host| host.trim_end_matches('.').to_lowercase()),
        };
        let at_address = scan.ip.and_then(|ip| scan.at_address(ip));
        at_address.unwrap_or_else(|| scan.on_port())
    }
}

/// A lookup under way.
struct Scan<'s> {
    rows: Vec<ScanRow<'s>>,
    client: &'s ScanClient<'s>,
    ip: Option<IpAddr>,
    name: Option<String>,
}

impl<'s> Scan<'s> {
    fn oldest(&self, fit: impl Fn(&ScanRow<'_>) -> bool) -> Option<&ScanRow<'s>> {
        let fit = self.rows.iter().filter(|row| fit(row));
        fit.min_by(|a, b| a.age().cmp(&b.age()))
    }

    fn own_first(&self, fit: impl Fn(&ScanRow<'_>) -> bool) -> Option<&ScanRow<'s>> {
        self.oldest(|row| row.namespace == self.client.namespace && fit(row))
            .or_else(|| self.oldest(fit))
    }

    fn nearest(&self, name: &str, fit: impl Fn(&ScanRow<'_>) -> bool) -> Option<&ScanRow<'s>> {
        let fitting = self.rows.iter().filter(|row| fit(row));
        let best = fitting.filter_map(|row| row.nearness(name)).max()?;
        self.own_first(|row| fit(row) && row.nearness(name) == Some(best))
    }

    fn tcp(&self) -> Option<&ScanRow<'s>> {
        self.oldest(|row| row.protocol == PortProtocol::Tcp && row.anywhere(self.client))
    }

    fn http(&self) -> Option<&ScanRow<'s>> {
        self.oldest(|row| row.http() && row.anywhere(self.client))
    }

    fn sniffed(&self) -> Option<&ScanRow<'s>> {
        self.oldest(|row| row.sniffed() && row.anywhere(self.client))
    }

    fn answers_http(&self) -> bool {
        self.http().is_some() || self.sniffed().is_some()
    }

    /// Whether the port has what could serve a row.
    fn served(&self, row: &ScanRow<'_>) -> bool {
        !row.http() || row.name_only || self.http().is_some()
    }

    /// The listener at an address, then the longest range.
    fn at_address(&self, ip: IpAddr) -> Option<ScanAnswer> {
        if let Some(row) = self.oldest(|row| row.listens_at(ip)) {
            return Some(row.declared(By::Address));
        }
        let bound = self.rows.iter().filter(|row| row.bound());
        let longest = bound.filter_map(|row| row.longest(ip)).max()?;
        let found = match &self.name {
            None => self.oldest(|row| row.bound() && row.has(ip, longest)),
            Some(name) => self
                .nearest(name, |row| row.bound() && row.has(ip, longest) && row.tls())
                .or_else(|| self.oldest(|row| row.bound() && row.has(ip, longest) && !row.tls())),
        };
        Some(match found {
            Some(row) => row.declared(By::Range),
            None => ScanAnswer::Undeclared {
                http: self.answers_http(),
            },
        })
    }

    /// The listener for the whole port.
    fn on_port(&self) -> ScanAnswer {
        let found = match (&self.name, self.ip) {
            (Some(name), _) => self.by_name(name),
            (None, Some(ip)) => self.by_known_address(ip),
            (None, None) => None,
        };
        if let Some(found) = found {
            return found;
        }
        let (tcp, sniffed) = (self.tcp(), self.sniffed());
        if tcp.is_some() && self.http().is_some() {
            return ScanAnswer::NameNeeded {
                http: true,
                tls: false,
            };
        }
        if let Some(row) = tcp.or(sniffed.filter(|_| self.name.is_some())) {
            return row.declared(By::Port);
        }
        self.undeclared()
    }

    fn by_name(&self, name: &str) -> Option<ScanAnswer> {
        let whole = match name.matches('.').count() {
            0 => Some(format!(
                "{name}.{}.svc.cluster.local",
                self.client.namespace
            )),
            1 => Some(format!("{name}.svc.cluster.local")),
            2 if name.ends_with(".svc") => Some(format!("{name}.cluster.local")),
            _ => None,
        };
        let row = self
            .nearest(name, |row| self.is_led_to(row))
            .or_else(|| self.nearest(&whole?, |row| self.is_led_to(row)))?;
        let by = if row.tls() { By::Sni } else { By::Host };
        let allocated = !row.listed() && !row.allocated.is_empty();
        let by_dns = row.kind == ObjectKind::Service || (self.client.dns_capture && allocated);
        Some(if row.by_name(self.client) || by_dns {
            row.declared(by)
        } else {
            ScanAnswer::AddressNeeded(row.said(by))
        })
    }

    /// Whether a name leads to a row.
    fn is_led_to(&self, row: &ScanRow<'_>) -> bool {
        self.served(row) && (row.by_name(self.client) || (self.ip.is_none() && row.bound()))
    }

    fn by_known_address(&self, ip: IpAddr) -> Option<ScanAnswer> {
        if let Some(row) = self.own_first(|row| self.stands(row) && row.known_at(ip)) {
            return Some(row.declared(By::Address));
        }
        let standing = self.rows.iter().filter(|row| self.stands(row));
        let longest = standing.filter_map(|row| row.longest(ip)).max()?;
        let row = self.own_first(|row| self.stands(row) && row.has(ip, longest))?;
        Some(row.declared(By::Range))
    }

    /// Whether its address stands for a row's name.
    fn stands(&self, row: &ScanRow<'_>) -> bool {
        self.served(row) && row.by_name(self.client)
    }

    fn undeclared(&self) -> ScanAnswer {
        let unknown = self.rows.iter().filter(|row| row.unknown(self.client));
        let unknown: Vec<&ScanRow<'_>> = unknown.collect();
        let answers_http = self.answers_http();
        let http = answers_http && unknown.iter().any(|row| row.http() || row.sniffed());
        let tls = unknown.iter().any(|row| row.tls() || row.sniffed());
        if self.name.is_none() && (http || tls) {
            ScanAnswer::NameNeeded { http, tls }
        } else {
            ScanAnswer::Undeclared { http: answers_http }
        }
    }
}
