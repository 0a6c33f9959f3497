//! `cgroup_skb/ingress`: a DNS answer arrives at a socket.
//!
//! The kernel calls it for every packet that a socket of the cgroup receives
//! (`sk_filter_trim_cap`, `__cgroup_bpf_run_filter_skb`), with the network header first and NAT
//! undone: the answer of a resolver that a rule put in another one's place comes from the one that
//! was asked. All other packets leave after a few loads from the packet itself.
//!
//! Over TCP an answer is read from the segment that it begins in, if it is one of the first two
//! there.

use aya_ebpf::{
    bindings::{__sk_buff, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::{bpf_skb_cgroup_id, bpf_skb_load_bytes},
    programs::SkBuffContext,
};
use core::{arch::asm, mem::MaybeUninit};
use egress_observer_common::{ANSWER_SIZES, AnswerHead, PROTOCOL_TCP, PROTOCOL_UDP, SharedWord};

use crate::{settings, tables};

/// Where resolvers answer from.
const DNS: u16 = 53;
/// Where Istio's agent does, if it listens at every address.
const ISTIO_DNS: u16 = 15_053;

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: u32 = 8;
/// Without options.
const TCP_HEADER: usize = 20;
/// Bytes before the question of a message (RFC 1035, 4.1.1).
const DNS_HEADER: u32 = 12;
/// How many are looked for in a TCP segment: a client that asks for both families in one gets both
/// in one.
const ANSWERS_OF_A_SEGMENT: u32 = 2;

/// A record of the ring buffer.
#[repr(C)]
struct Record<const SIZE: usize> {
    head: AnswerHead,
    message: [u8; SIZE],
}

/// Looks at a packet.
#[inline(always)]
pub(crate) fn packet(ctx: &SkBuffContext) {
    let skb = ctx.skb.skb;
    // SAFETY: the kernel hands the program a valid context.
    let data = unsafe { (*skb).data } as usize;
    // SAFETY: as above.
    let end = unsafe { (*skb).data_end } as usize;
    if data + IPV4_HEADER + 4 > end {
        return;
    }
    let Some((protocol, transport)) = transport(data) else {
        return;
    };
    // Headers are in one piece; what follows them may be elsewhere (a long answer over loopback, or
    // one from a device that puts headers apart).
    let header = data + transport;
    if header + UDP_HEADER as usize > end {
        return;
    }
    // SAFETY: within the packet, as just checked (and as the verifier checks).
    let port = u16::from_be_bytes(unsafe { (header as *const [u8; 2]).read() });
    if port != DNS && port != ISTIO_DNS {
        return;
    }
    let payload = match protocol {
        PROTOCOL_UDP => UDP_HEADER,
        PROTOCOL_TCP => {
            if header + TCP_HEADER > end {
                return;
            }
            // SAFETY: as above.
            let words = unsafe { ((header + 12) as *const u8).read() } >> 4;
            u32::from(words) << 2
        }
        _ => return,
    };
    answers(skb, transport as u32 + payload, protocol);
}

/// The transport protocol, and where its header begins. IPv6 extension headers are not looked
/// behind: no resolver sends any.
#[inline(always)]
fn transport(data: usize) -> Option<(u8, usize)> {
    // SAFETY: the caller checked that an IPv4 header is there.
    let first = unsafe { (data as *const u8).read() };
    let (protocol, length) = match first >> 4 {
        4 => (9, usize::from(first & 0xf) << 2),
        6 => (6, IPV6_HEADER),
        _ => return None,
    };
    // SAFETY: as above.
    Some((unsafe { ((data + protocol) as *const u8).read() }, length))
}

/// Hands on the answers that the packet holds at `offset`.
#[inline(never)]
fn answers(skb: *mut __sk_buff, offset: u32, protocol: u8) -> u32 {
    // SAFETY: the kernel hands the program a valid context.
    let len = unsafe { (*skb).len };
    if message(skb, offset, len) != 0 || protocol != PROTOCOL_TCP {
        return 0;
    }
    // Over TCP a length comes before each (RFC 1035, 4.2.2), unless it had a segment of its own.
    let mut at = offset;
    for _ in 0..ANSWERS_OF_A_SEGMENT {
        let mut length = [0; 2];
        if !load(skb, at, &mut length) {
            return 0;
        }
        let end = at + 2 + u32::from(u16::from_be_bytes(length));
        message(skb, at + 2, end.min(len));
        at = end;
    }
    0
}

/// Copies what stands from `at` to `end`, if it is an answer with a record in it; says 1 then.
#[inline(never)]
fn message(skb: *mut __sk_buff, at: u32, end: u32) -> u32 {
    // Also what a TCP segment without data ends with.
    if end < at + DNS_HEADER {
        return 0;
    }
    let mut start = [0_u8; DNS_HEADER as usize];
    if !load(skb, at, &mut start) || !is_answer(&start) {
        return 0;
    }
    let whole = end - at;
    let [small, middle, _] = ANSWER_SIZES;
    if whole <= small {
        hand_on::<{ ANSWER_SIZES[0] as usize }>(skb, at, whole);
    } else if whole <= middle {
        hand_on::<{ ANSWER_SIZES[1] as usize }>(skb, at, whole);
    } else {
        hand_on::<{ ANSWER_SIZES[2] as usize }>(skb, at, whole);
    }
    1
}

/// Whether this is the start of an answer that says something: `QR` is set, the kind of question is
/// the usual one, there is a question, and `ANCOUNT` is not 0.
#[inline(always)]
fn is_answer(start: &[u8; DNS_HEADER as usize]) -> bool {
    const QR_OPCODE: u8 = 0xf8;
    start[2] & QR_OPCODE == 0x80 && start[4] == 0 && start[5] == 1 && start[6] | start[7] != 0
}

#[inline(always)]
fn load<const N: usize>(skb: *mut __sk_buff, offset: u32, to: &mut [u8; N]) -> bool {
    // SAFETY: a valid context, and a buffer of the length given.
    unsafe { bpf_skb_load_bytes(skb.cast(), offset, to.as_mut_ptr().cast(), N as u32) == 0 }
}

/// Writes a record; `SIZE` is a power of two.
#[inline(always)]
fn hand_on<const SIZE: usize>(skb: *mut __sk_buff, at: u32, whole: u32) {
    let Some(mut entry) = tables::EO_ANSWERS.reserve::<Record<SIZE>>(0) else {
        tables::note(SharedWord::AnswersLost);
        return;
    };
    let record: &mut MaybeUninit<Record<SIZE>> = &mut entry;
    let record = record.as_mut_ptr();
    let mut rest = whole.min(SIZE as u32) - 1;
    // From 1 to SIZE bytes, so that the verifier knows, too; the compiler would leave it out.
    // SAFETY: changes a register only.
    unsafe { asm!("{rest} &= {mask}", rest = inout(reg) rest, mask = in(reg) SIZE as u32 - 1) };
    let copied = rest + 1;
    // SAFETY: the record is ours; no reference is made.
    let message = unsafe { &raw mut (*record).message };
    // SAFETY: a valid context, and a buffer that is long enough.
    let failed = unsafe { bpf_skb_load_bytes(skb.cast(), at, message.cast(), copied) } != 0;
    if failed {
        entry.discard(u64::from(BPF_RB_NO_WAKEUP));
        return;
    }
    let head = AnswerHead {
        // SAFETY: a valid context, in which the kernel has put the socket that receives.
        cgroup: unsafe { bpf_skb_cgroup_id(skb) },
        copied,
        _pad: 0,
    };
    // SAFETY: the record is ours.
    unsafe { (&raw mut (*record).head).write(head) };
    entry.submit(wake_up::<SIZE>());
}

/// Nobody is woken for an answer; somebody is when the buffer becomes half full. (Where two of them
/// meet there, neither may do it: the agent looks every second anyway.)
#[inline(always)]
fn wake_up<const SIZE: usize>() -> u64 {
    const RECORD_HEADER: u64 = 8;
    let used = tables::EO_ANSWERS.query(u64::from(BPF_RB_AVAIL_DATA));
    let before = used.saturating_sub(size_of::<Record<SIZE>>() as u64 + RECORD_HEADER);
    let half = u64::from(settings::EO_HALF_OF_ANSWERS.get());
    let flag = if used >= half && before < half {
        BPF_RB_FORCE_WAKEUP
    } else {
        BPF_RB_NO_WAKEUP
    };
    u64::from(flag)
}
