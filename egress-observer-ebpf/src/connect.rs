//! `cgroup/connect4` and `cgroup/connect6`: somebody asks for a connection.
//!
//! They run once per `connect()`, before the kernel picks a route or a port
//! (`inet_stream_connect` and `inet_dgram_connect` call `sk_prot->pre_connect`), however often a
//! non-blocking socket repeats the call.

use aya_ebpf::{EbpfContext as _, helpers::bpf_get_socket_cookie, programs::SockAddrContext};
use egress_observer_common::{FlowKey, PROTOCOL_TCP, PROTOCOL_UDP};

use crate::{
    addr::{self, Addr},
    owner::{self, SocketOwner},
    tables,
};

/// `AF_INET`.
#[inline(always)]
pub(crate) fn connect4(ctx: &SockAddrContext) {
    dial(ctx, addr::dialled4(ctx));
}

/// `AF_INET6`, IPv4-mapped destinations included.
#[inline(always)]
pub(crate) fn connect6(ctx: &SockAddrContext) {
    dial(ctx, addr::dialled6(ctx));
}

#[inline(always)]
fn dial(ctx: &SockAddrContext, addr: Addr) {
    // SAFETY: the kernel hands the program a valid context.
    let protocol = unsafe { (*ctx.sock_addr).protocol } as u8;
    match protocol {
        PROTOCOL_TCP => {
            // SAFETY: as above.
            let sk = unsafe { (*ctx.sock_addr).__bindgen_anon_1.sk };
            let key = flow(owner::of_tcp(sk), addr, addr::dialled_port(ctx), protocol);
            let counted = tables::count_attempt(&key);
            // SAFETY: the context is valid.
            let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
            match counted {
                Some((slot, generation)) => tables::begin(cookie, slot, generation),
                // What this one comes to must not count for the socket's last attempt.
                None => tables::abandon(cookie),
            }
        }
        PROTOCOL_UDP => {
            let key = flow(owner::of_caller(), addr, addr::dialled_port(ctx), protocol);
            tables::count_attempt(&key);
        }
        // Ping sockets: no ports, and not what a sidecar could have captured.
        _ => {}
    }
}

/// The key of a flow.
#[inline(always)]
pub(crate) fn flow(owner: SocketOwner, addr: Addr, port: u16, protocol: u8) -> FlowKey {
    FlowKey {
        cgroup: owner.cgroup,
        addr,
        uid: owner.uid,
        gid: owner.gid,
        port,
        protocol,
        _pad: [0; 5],
    }
}
