//! `cgroup/sendmsg4` and `cgroup/sendmsg6`: a datagram with a destination of its own.
//!
//! They run for every such datagram (`udp_sendmsg`, `udpv6_sendmsg`), so a flow is counted when a
//! socket first sends to a destination, as long as that is among its last four. A connected socket
//! that names its own peer was counted by `connect`; on an IPv6 socket connected to an IPv4-mapped
//! address the kernel calls `sendmsg4` for plain sends, too.

use aya_ebpf::{bindings::bpf_sock, programs::SockAddrContext};
use egress_observer_common::{PROTOCOL_UDP, SharedWord, UdpMemory};

use crate::{
    addr::{self, Addr},
    connect, owner, settings,
    tables::{self, EO_UDP_MEMORY},
};

/// `AF_INET`, and IPv4-mapped destinations of IPv6 sockets.
#[inline(always)]
pub(crate) fn sendmsg4(ctx: &SockAddrContext) {
    let addr = addr::dialled4(ctx);
    // SAFETY: the kernel hands the program a valid context, with a socket in it.
    let peer = unsafe { (*sock(ctx)).dst_ip4 };
    send(ctx, addr, peer == addr[3]);
}

/// `AF_INET6`.
#[inline(always)]
pub(crate) fn sendmsg6(ctx: &SockAddrContext) {
    let addr = addr::dialled6(ctx);
    let sk = sock(ctx);
    // SAFETY: as above.
    let same = addr::is(unsafe { &raw const (*sk).dst_ip6 }, addr);
    send(ctx, addr, same);
}

#[inline(always)]
fn sock(ctx: &SockAddrContext) -> *mut bpf_sock {
    // SAFETY: the kernel hands the program a valid context.
    unsafe { (*ctx.sock_addr).__bindgen_anon_1.sk }
}

#[inline(always)]
fn send(ctx: &SockAddrContext, addr: Addr, to_peer: bool) {
    // SAFETY: the kernel hands the program a valid context.
    let protocol = unsafe { (*ctx.sock_addr).protocol } as u8;
    if protocol != PROTOCOL_UDP {
        return;
    }
    let port = addr::dialled_port(ctx);
    let sk = sock(ctx);
    // SAFETY: as above.
    let peer_port = u16::from_be(unsafe { (*sk).dst_port });
    if to_peer && peer_port == port {
        return;
    }
    // SAFETY: as above.
    let local_port = unsafe { (*sk).src_port };
    let low = settings::EO_EPHEMERAL_LOW.get();
    if local_port < low && u32::from(port) >= low {
        // From a service's port to a client's: a server answers.
        tables::note(SharedWord::UdpReplies);
        return;
    }
    if remembered(ctx, digest(addr, port)) {
        return;
    }
    tables::count_attempt(&connect::flow(owner::of_caller(), addr, port, protocol));
}

/// True if the socket sent there lately; else it is remembered from now on.
#[inline(always)]
fn remembered(ctx: &SockAddrContext, digest: u64) -> bool {
    // SAFETY: the context holds a full socket.
    let memory = unsafe { EO_UDP_MEMORY.get_or_insert_ptr_mut(ctx, None) };
    if memory.is_null() {
        // Counted again with each datagram: too many rather than too few, and it shows.
        tables::note(SharedWord::UdpMemoryFull);
        return false;
    }
    // Two threads on one socket may both find a destination new; it then counts twice.
    // SAFETY: not null, and alive as long as the socket.
    let memory: &mut UdpMemory = unsafe { &mut *memory };
    let [a, b, c, d] = memory.seen;
    if a == digest || b == digest || c == digest || d == digest {
        return true;
    }
    match memory.next & 3 {
        0 => memory.seen[0] = digest,
        1 => memory.seen[1] = digest,
        2 => memory.seen[2] = digest,
        _ => memory.seen[3] = digest,
    }
    memory.next += 1;
    false
}

/// 64 bits for an address and port; never 0. Two destinations of one socket that share one are a
/// chance of 2^-64 (the multiplier is that of Knuth's hash).
#[inline(always)]
fn digest(addr: Addr, port: u16) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let high = u64::from(addr[0]) << 32 | u64::from(addr[1]);
    let low = u64::from(addr[2]) << 32 | u64::from(addr[3]);
    let mut digest = (high ^ u64::from(port)).wrapping_mul(MULTIPLIER);
    digest = (digest ^ (digest >> 29) ^ low).wrapping_mul(MULTIPLIER);
    (digest ^ (digest >> 32)) | 1
}
