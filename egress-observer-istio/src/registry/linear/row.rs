//! One host of one object at one port.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    answer::{ScanAnswer, ScanHit},
    client::ScanClient,
};
use crate::{
    registry::{object_ref::ObjectKind, query::By},
    vocabulary::PortProtocol,
};

/// One host of one object at one port.
#[derive(Clone, Debug)]
pub(super) struct ScanRow<'a> {
    pub(super) kind: ObjectKind,
    pub(super) created: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) nth_host: usize,
    pub(super) host: String,
    pub(super) written: String,
    pub(super) port: u16,
    pub(super) protocol: PortProtocol,
    pub(super) ips: Vec<IpAddr>,
    pub(super) ranges: Vec<IpNet>,
    pub(super) allocated: Vec<IpAddr>,
    pub(super) endpoints: Vec<IpAddr>,
    pub(super) name_only: bool,
}

impl ScanRow<'_> {
    pub(super) fn age(&self) -> (&str, &str, &str, ObjectKind, usize) {
        (
            self.created,
            self.namespace,
            self.name,
            self.kind,
            self.nth_host,
        )
    }

    pub(super) fn http(&self) -> bool {
        self.protocol == PortProtocol::Http
    }

    pub(super) fn listed(&self) -> bool {
        !self.ips.is_empty() || !self.ranges.is_empty()
    }

    pub(super) fn bound(&self) -> bool {
        !self.http() && (self.listed() || !self.allocated.is_empty())
    }

    pub(super) fn anywhere(&self, client: &ScanClient<'_>) -> bool {
        !self.name_only
            && (self.http()
                || (!self.listed() && (self.allocated.is_empty() || !client.dns_capture)))
    }

    pub(super) fn by_name(&self, client: &ScanClient<'_>) -> bool {
        self.name_only || (self.protocol != PortProtocol::Tcp && self.anywhere(client))
    }

    /// How much of a name the host says, if it stands for it.
    pub(super) fn nearness(&self, name: &str) -> Option<(bool, usize)> {
        match self.host.strip_prefix("*.") {
            None => (self.host == name).then_some((true, 0)),
            Some(parent) => name
                .ends_with(&format!(".{parent}"))
                .then_some((false, parent.len())),
        }
    }

    pub(super) fn tls(&self) -> bool {
        self.protocol == PortProtocol::Tls
    }

    pub(super) fn sniffed(&self) -> bool {
        self.protocol == PortProtocol::Sniffed
    }

    /// Whether it listens at an address itself.
    pub(super) fn listens_at(&self, ip: IpAddr) -> bool {
        self.bound() && (self.ips.contains(&ip) || self.allocated.contains(&ip))
    }

    /// Whether an address is known to be its.
    pub(super) fn known_at(&self, ip: IpAddr) -> bool {
        let mut known = self
            .ips
            .iter()
            .chain(&self.allocated)
            .chain(&self.endpoints);
        known.any(|known| *known == ip)
    }

    /// The length of its longest range around an address.
    pub(super) fn longest(&self, ip: IpAddr) -> Option<u8> {
        let around = self.ranges.iter().filter(|range| range.contains(&ip));
        around.map(IpNet::prefix_len).max()
    }

    /// Whether it has a range of a length around an address.
    pub(super) fn has(&self, ip: IpAddr, length: u8) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|range| range.contains(&ip) && range.prefix_len() == length)
    }

    /// Whether only a name leads to it.
    pub(super) fn unknown(&self, client: &ScanClient<'_>) -> bool {
        let allocated = client.dns_capture && !self.allocated.is_empty();
        self.kind == ObjectKind::ServiceEntry
            && self.by_name(client)
            && !self.listed()
            && self.endpoints.is_empty()
            && !allocated
    }

    /// It as an answer.
    pub(super) fn said(&self, by: By) -> ScanHit {
        ScanHit {
            kind: self.kind,
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            host: self.written.clone(),
            protocol: self.protocol,
            by,
        }
    }

    /// It as the answer.
    pub(super) fn declared(&self, by: By) -> ScanAnswer {
        ScanAnswer::Declared(self.said(by))
    }
}
