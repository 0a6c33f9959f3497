//! Destinations in the form that flows are counted by.

use aya_ebpf::programs::SockAddrContext;

/// Network order, IPv4 as IPv4-mapped.
pub(crate) type Addr = [u32; 4];

const MAPPED: u32 = 0xffff_u32.to_be();
const LOOPBACK4: u32 = 0x7f00_0001_u32.to_be();

/// The destination that an `AF_INET` hook sees; `0.0.0.0` is the loopback, as `connect` has it.
#[inline(always)]
pub(crate) fn dialled4(ctx: &SockAddrContext) -> Addr {
    // SAFETY: the kernel hands the program a valid context.
    let ip = unsafe { (*ctx.sock_addr).user_ip4 };
    [0, 0, MAPPED, if ip == 0 { LOOPBACK4 } else { ip }]
}

/// The destination that an `AF_INET6` hook sees; `::` is the loopback.
#[inline(always)]
pub(crate) fn dialled6(ctx: &SockAddrContext) -> Addr {
    // SAFETY: the kernel hands the program a valid context.
    let (a, b, c, d) = words(unsafe { &raw const (*ctx.sock_addr).user_ip6 });
    if a | b != 0 {
        return [a, b, c, d];
    }
    match (c, d) {
        (0, 0) => [0, 0, 0, 1_u32.to_be()],
        (MAPPED, 0) => [0, 0, MAPPED, LOOPBACK4],
        _ => [a, b, c, d],
    }
}

/// The words of an IPv6 address in a context. One by one, because the verifier allows no other access
/// to it.
#[inline(always)]
pub(crate) fn words(addr: *const Addr) -> (u32, u32, u32, u32) {
    (word(addr, 0), word(addr, 1), word(addr, 2), word(addr, 3))
}

/// Whether an IPv6 address in a context is this one.
#[inline(always)]
pub(crate) fn is(addr: *const Addr, other: Addr) -> bool {
    word(addr, 0) == other[0]
        && word(addr, 1) == other[1]
        && word(addr, 2) == other[2]
        && word(addr, 3) == other[3]
}

#[inline(always)]
fn word(addr: *const Addr, index: usize) -> u32 {
    // SAFETY: callers point into a context that the kernel handed to the program.
    unsafe { core::ptr::read_volatile(&raw const (*addr)[index]) }
}

/// The destination port, host order.
#[inline(always)]
pub(crate) fn dialled_port(ctx: &SockAddrContext) -> u16 {
    // SAFETY: the kernel hands the program a valid context.
    let port = unsafe { (*ctx.sock_addr).user_port };
    u16::from_be(port as u16)
}
