//! The eBPF programs: entry points only.
//!
//! Every program on a cgroup answers 1: for `connect`, `sendmsg` and packets that is "go on", for
//! `sock_ops` it leaves the reply of other programs alone (`tcp_call_bpf` takes 0 for a refusal). What a
//! tracepoint is answered means nothing. Nothing here changes traffic.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a field behind a raw pointer is two operations, the place and the access"
)]

mod addr;
mod atomic;
mod cgroup;
mod connect;
mod dns;
mod outcome;
mod owner;
mod sendmsg;
mod settings;
mod tables;

use aya_ebpf::{
    macros::{cgroup_skb, cgroup_sock_addr, raw_tracepoint, sock_ops},
    programs::{RawTracePointContext, SkBuffContext, SockAddrContext, SockOpsContext},
};

const GO_ON: i32 = 1;

#[cgroup_sock_addr(connect4)]
fn eo_connect4(ctx: SockAddrContext) -> i32 {
    connect::connect4(&ctx);
    GO_ON
}

#[cgroup_sock_addr(connect6)]
fn eo_connect6(ctx: SockAddrContext) -> i32 {
    connect::connect6(&ctx);
    GO_ON
}

#[cgroup_sock_addr(sendmsg4)]
fn eo_sendmsg4(ctx: SockAddrContext) -> i32 {
    sendmsg::sendmsg4(&ctx);
    GO_ON
}

#[cgroup_sock_addr(sendmsg6)]
fn eo_sendmsg6(ctx: SockAddrContext) -> i32 {
    sendmsg::sendmsg6(&ctx);
    GO_ON
}

#[sock_ops]
fn eo_sock_ops(ctx: SockOpsContext) -> u32 {
    outcome::sock_ops(&ctx);
    GO_ON as u32
}

#[cgroup_skb(ingress)]
fn eo_dns(ctx: SkBuffContext) -> i32 {
    dns::packet(&ctx);
    GO_ON
}

#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
fn eo_cgroup_made(ctx: RawTracePointContext) -> i32 {
    cgroup::made(&ctx);
    0
}

#[raw_tracepoint(tracepoint = "cgroup_rmdir")]
fn eo_cgroup_removed(ctx: RawTracePointContext) -> i32 {
    cgroup::removed(&ctx);
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses a program in which this could be reached.
    loop {}
}
