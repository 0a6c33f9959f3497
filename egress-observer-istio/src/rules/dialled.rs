//! A connection as the rules see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::vocabulary::Protocol;

/// `Dialled` is a connection as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Dialled<'a> {
    /// The destination's address before any NAT.
    pub ip: IpAddr,
    /// The destination's port before any NAT.
    pub port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The file system user id of whoever created the socket.
    pub uid: u32,
    /// The file system group id of whoever created the socket.
    pub gid: u32,
    /// The pod's own addresses, which are reached over loopback.
    pub own: &'a [IpAddr],
    /// The address that the socket is bound to; `None` if it is not known to be bound.
    pub source: Option<IpAddr>,
    /// The device that the connection leaves by; `None` where that is not known. For loopback it
    /// is.
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
