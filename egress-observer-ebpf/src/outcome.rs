//! `sock_ops`: how a TCP attempt ended.
//!
//! | operation | socket | meaning |
//! |---|---|---|
//! | `TCP_CONNECT_CB` | client | the SYN leaves |
//! | `ACTIVE_ESTABLISHED_CB` | client | the SYN-ACK came: over loopback or not |
//! | `PASSIVE_ESTABLISHED_CB` | server | which listener accepted |
//! | `STATE_CB`, SYN_SENT to CLOSE | client | it failed |
//!
//! On one machine they come in this order; with TCP Fast Open the server's comes at the SYN,
//! before the client's.

use aya_ebpf::{
    EbpfContext as _,
    helpers::{
        bpf_get_socket_cookie, bpf_probe_read_kernel,
        generated::{bpf_get_netns_cookie, bpf_load_hdr_opt},
    },
    programs::SockOpsContext,
};
use egress_observer_common::{Count, SharedWord, Ticket};

use crate::{addr, owner, settings, tables};

const TCP_CONNECT_CB: u32 = 3;
const ACTIVE_ESTABLISHED_CB: u32 = 4;
const PASSIVE_ESTABLISHED_CB: u32 = 5;
const STATE_CB: u32 = 10;
const STATE_CB_FLAG: u32 = 4;

const AF_INET: u32 = 2;
const SYN_SENT: u32 = 2;
const CLOSE: u32 = 7;
const TCP_FLAG_SYN: u32 = 2;

/// Number of `lo` in every network namespace (`LOOPBACK_IFINDEX`, `net/flow.h`).
const LOOPBACK_IFINDEX: u32 = 1;

/// Loopback's MSS is 65,495 (IPv4) or 65,476 (IPv6) bytes; no network's comes near.
const LOOPBACK_MSS: u16 = 32_768;

// `errno` values that a failed connect leaves in `sk_err`.
const ECONNREFUSED: u32 = 111;
const ETIMEDOUT: u32 = 110;
const EHOSTUNREACH: u32 = 113;
const ENETUNREACH: u32 = 101;
const EACCES: u32 = 13;

/// Waits in place of a ticket after a Fast Open: accepted on a capture port.
const EARLY_CAPTURED: u64 = 1 << 32;
/// Waits in place of a ticket after a Fast Open: accepted by another listener.
const EARLY_OTHER: u64 = 2 << 32;

/// Tells the operations apart.
#[inline(always)]
pub(crate) fn sock_ops(ctx: &SockOpsContext) {
    match ctx.op() {
        TCP_CONNECT_CB => syn_leaves(ctx),
        ACTIVE_ESTABLISHED_CB => answered(ctx),
        PASSIVE_ESTABLISHED_CB => accepted(ctx),
        STATE_CB if ctx.arg(0) == SYN_SENT && ctx.arg(1) == CLOSE => failed(ctx),
        _ => {}
    }
}

#[inline(always)]
fn cookie(ctx: &SockOpsContext) -> u64 {
    // SAFETY: the kernel hands the program a valid context.
    unsafe { bpf_get_socket_cookie(ctx.as_ptr()) }
}

/// Cookie of the socket's network namespace. Two pods never share one, so that a server that poses
/// as loopback and as a sidecar still proves nothing.
#[inline(always)]
fn netns(ctx: &SockOpsContext) -> u64 {
    // SAFETY: the kernel hands the program a valid context.
    unsafe { bpf_get_netns_cookie(ctx.as_ptr()) }
}

#[inline(always)]
fn syn_leaves(ctx: &SockOpsContext) {
    if tables::mark_sent(cookie(ctx)) {
        // Or-ed in and left set: the flags are shared with other programs. Without it only the
        // kind of a failure would be missed.
        let _refused = ctx.set_cb_flags((ctx.cb_flags() | STATE_CB_FLAG) as i32);
    }
}

#[inline(always)]
fn answered(ctx: &SockOpsContext) {
    let Some(ticket) = tables::take(cookie(ctx)) else {
        return;
    };
    if !over_loopback(ctx) {
        tables::count_outcome(ticket, Count::Direct);
        return;
    }
    if let Some(early) = early_accept(ctx) {
        tables::count_outcome(ticket, early);
        return;
    }
    let (sent, received) = sequence_numbers(ctx);
    if !tables::wait(sequence(received, sent), netns(ctx), ticket.0) {
        tables::count_outcome(ticket, Count::Unproven);
        tables::note(SharedWord::ProofTableFull);
    }
}

#[inline(always)]
fn accepted(ctx: &SockOpsContext) {
    let (sent, received) = sequence_numbers(ctx);
    let captured = settings::is_capture_port(ctx.local_port());
    // The server has sent what the client received, and the other way round.
    if let Some(word) = tables::meet(sequence(sent, received), || netns(ctx)) {
        let count = if captured {
            Count::Captured
        } else {
            Count::OtherListener
        };
        tables::count_outcome(Ticket(word), count);
        return;
    }
    if !local(ctx) {
        return;
    }
    // A simultaneous open with itself: the client's socket is the server's, too.
    if own_peer(ctx)
        && let Some(ticket) = tables::take(cookie(ctx))
    {
        tables::count_outcome(ticket, Count::OtherListener);
        return;
    }
    // SAFETY: the kernel hands the program a valid context.
    if unsafe { (*ctx.ops).skb_tcp_flags } & TCP_FLAG_SYN != 0 {
        tables::note(SharedWord::FastOpens);
        let word = if captured {
            EARLY_CAPTURED
        } else {
            EARLY_OTHER
        };
        if !tables::wait(sequence(sent, 0), netns(ctx), word) {
            tables::note(SharedWord::ProofTableFull);
        }
    } else if captured {
        tables::note(SharedWord::UnmatchedAccepts);
    }
}

#[inline(always)]
fn failed(ctx: &SockOpsContext) {
    let Some(ticket) = tables::take(cookie(ctx)) else {
        return;
    };
    // SAFETY: the kernel hands the program a valid context.
    let sk = unsafe { (*ctx.ops).__bindgen_anon_2.sk };
    let count = match owner::socket_error(sk) {
        Some(0) => Count::Closed,
        Some(ECONNREFUSED) => Count::Refused,
        Some(ETIMEDOUT) => Count::TimedOut,
        Some(EHOSTUNREACH | ENETUNREACH | EACCES) => Count::Unreachable,
        Some(_) => Count::OtherError,
        None => kind_without_error(ctx),
    };
    tables::count_outcome(ticket, count);
}

/// What can be told without `sk_err`: only a RST counts as a received segment.
#[inline(always)]
fn kind_without_error(ctx: &SockOpsContext) -> Count {
    // SAFETY: the kernel hands the program a valid context.
    if unsafe { (*ctx.ops).segs_in } > 0 {
        Count::Refused
    } else {
        Count::OtherError
    }
}

/// `snd_nxt` and `rcv_nxt`.
#[inline(always)]
fn sequence_numbers(ctx: &SockOpsContext) -> (u32, u32) {
    // SAFETY: the kernel hands the program a valid context.
    let sent = unsafe { (*ctx.ops).snd_nxt };
    // SAFETY: as above.
    (sent, unsafe { (*ctx.ops).rcv_nxt })
}

/// The server's number above the client's; never 0, which is a free place.
#[inline(always)]
fn sequence(server: u32, client: u32) -> u64 {
    let sequence = u64::from(server) << 32 | u64::from(client);
    if sequence == 0 { 1 } else { sequence }
}

/// Whether the accepted connection can have come over loopback: between an address and itself, or
/// to a loopback address (where `REDIRECT` sends it).
#[inline(always)]
fn local(ctx: &SockOpsContext) -> bool {
    if ctx.family() == AF_INET {
        let local = ctx.local_ip4();
        return local == ctx.remote_ip4() || u32::from_be(local) >> 24 == 127;
    }
    // SAFETY: the kernel hands the program a valid context.
    let (a, b, c, d) = addr::words(unsafe { &raw const (*ctx.ops).local_ip6 });
    let loopback = a | b == 0
        && (c == 0 && d == 1_u32.to_be()
            || c == 0xffff_u32.to_be() && u32::from_be(d) >> 24 == 127);
    // SAFETY: as above.
    loopback || addr::is(unsafe { &raw const (*ctx.ops).remote_ip6 }, [a, b, c, d])
}

/// Whether both ends have one port: with one address, a socket connected to itself.
#[inline(always)]
fn own_peer(ctx: &SockOpsContext) -> bool {
    ctx.local_port() == u32::from_be(ctx.remote_port())
}

/// How a Fast Open was accepted, if this connection was one.
#[inline(always)]
fn early_accept(ctx: &SockOpsContext) -> Option<Count> {
    let seen = tables::shared(SharedWord::FastOpens)?;
    // SAFETY: a shared word.
    if unsafe { core::ptr::read_volatile(seen) } == 0 {
        return None;
    }
    let (_, received) = sequence_numbers(ctx);
    match tables::meet(sequence(received, 0), || netns(ctx))? {
        EARLY_CAPTURED => Some(Count::Captured),
        EARLY_OTHER => Some(Count::OtherListener),
        _ => None,
    }
}

/// Whether the SYN-ACK came over loopback: by the device that it arrived on, or, where the kernel's
/// types are not known, by its MSS, which is the server's word.
#[inline(always)]
fn over_loopback(ctx: &SockOpsContext) -> bool {
    match arrival_device(ctx) {
        Some(device) => device == LOOPBACK_IFINDEX,
        None => mss(ctx) >= LOOPBACK_MSS,
    }
}

/// `skb->skb_iif` of the packet that this is about. It is the device's number in the socket's
/// network namespace, and no helper tells it.
#[inline(always)]
fn arrival_device(ctx: &SockOpsContext) -> Option<u32> {
    if settings::EO_KERNEL_TYPES.get() == 0 {
        return None;
    }
    let kernel_ctx = ctx.as_ptr().cast_const().cast::<u8>();
    let skb = kernel_ctx.wrapping_add(settings::EO_SOCK_OPS_SKB.get() as usize);
    // SAFETY: the context is a `struct bpf_sock_ops_kern` in kernel memory; a bad address is an
    // error.
    let skb: *const u8 = unsafe { bpf_probe_read_kernel(skb.cast()) }.ok()?;
    let device = skb.wrapping_add(settings::EO_SKB_IIF.get() as usize);
    // SAFETY: a `struct sk_buff`; a bad address is an error.
    unsafe { bpf_probe_read_kernel(device.cast()) }.ok()
}

/// The MSS that the packet announces, or 0. It is the first option of every stack we know, and read
/// in place; anywhere else the kernel looks for it.
#[inline(always)]
fn mss(ctx: &SockOpsContext) -> u16 {
    // SAFETY: the kernel hands the program a valid context.
    let start = unsafe { (*ctx.ops).__bindgen_anon_3.skb_data } as usize;
    // SAFETY: as above.
    let end = unsafe { (*ctx.ops).__bindgen_anon_4.skb_data_end } as usize;
    const OPTIONS: usize = 20;
    if start + OPTIONS + 4 <= end {
        let option = (start + OPTIONS) as *const u8;
        // SAFETY: four bytes are there, as just checked (and as the verifier checks).
        let [kind, length, high, low] = unsafe { option.cast::<[u8; 4]>().read() };
        if kind == 2 && length == 4 {
            return u16::from_be_bytes([high, low]);
        }
    }
    let mut option = [2_u8, 0, 0, 0];
    // SAFETY: a valid context, and a buffer of the length given.
    let found = unsafe { bpf_load_hdr_opt(ctx.ops, option.as_mut_ptr().cast(), 4, 0) };
    if found > 0 {
        u16::from_be_bytes([option[2], option[3]])
    } else {
        0
    }
}
