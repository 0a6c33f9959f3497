//! A connection as the rules see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::vocabulary::Protocol;

/// `Dialled` is a connection as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Dialled<'a> {
    /// Destination before any NAT.
    pub ip: IpAddr,
    /// Destination port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
    /// File system user id of whoever created the socket.
    pub uid: u32,
    /// File system group id of whoever created the socket.
    pub gid: u32,
    /// The pod's own addresses, which are reached over loopback.
    pub own: &'a [IpAddr],
    /// The address that the socket is bound to, if it is known to be bound.
    pub source: Option<IpAddr>,
    /// The device that it leaves by, where that is known; for loopback it is.
    pub interface: Option<&'a str>,
}

/// The address that a packet to it carries: IPv4 for IPv4-mapped, loopback for unspecified.
pub(super) fn packet_address(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}
