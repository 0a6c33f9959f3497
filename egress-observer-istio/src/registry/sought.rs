//! A destination in one spelling.

use std::{borrow::Cow, net::IpAddr};

use super::query::RegistryQuery;
use crate::vocabulary::host_name;

/// A destination in the spelling that the index has.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    pub(super) ip: Option<IpAddr>,
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) port: u16,
    /// Whether the name ends in a dot.
    pub(super) is_absolute: bool,
}

impl<'a> Sought<'a> {
    /// An address in place of a name is no name: routes of HTTP have an entry's addresses beside its
    /// names (`generateVirtualHostDomains` in `pilot/pkg/networking/core/httproute.go`).
    pub(super) fn new(to: &RegistryQuery<'a>) -> Self {
        let literal = to.host.filter(|host| may_be_address(host));
        let literal = literal.and_then(|host| host.parse().ok());
        let ip = to.ip.or(literal).map(|ip: IpAddr| ip.to_canonical());
        let host = to.host.filter(|_| literal.is_none());
        Self {
            ip,
            host: host.map(host_name::normal),
            port: to.port,
            is_absolute: to.host.is_some_and(|host| host.ends_with('.')),
        }
    }
}

/// Most names are told from addresses by their end alone.
fn may_be_address(text: &str) -> bool {
    let last = text.as_bytes().last();
    last.is_some_and(u8::is_ascii_digit)
        || text
            .bytes()
            .fold(false, |found, byte| found | (byte == b':'))
}
