//! One flow: who connects where, and how its connections ended so far.

/// `IPPROTO_TCP`.
pub const PROTOCOL_TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub const PROTOCOL_UDP: u8 = 17;

/// What connections are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct FlowKey {
    /// cgroup v2 id of the socket: the inode number of its directory, which tells the container.
    pub cgroup: u64,
    /// Destination before any NAT, network order, IPv4 as `::ffff:a.b.c.d`.
    pub addr: [u32; 4],
    /// File system user id of whoever created the socket, as netfilter's `owner` match sees it;
    /// `u32::MAX` for a socket of the kernel itself.
    pub uid: u32,
    /// File system group id, as `uid`.
    pub gid: u32,
    /// Destination port, host order.
    pub port: u16,
    /// [`PROTOCOL_TCP`] or [`PROTOCOL_UDP`].
    pub protocol: u8,
    /// Always 0.
    pub _pad: [u8; 5],
}

const _: () = assert!(size_of::<FlowKey>() == 40);

impl FlowKey {
    /// The destination address in network order.
    pub fn octets(&self) -> [u8; 16] {
        let mut octets = [0; 16];
        for (chunk, word) in octets.chunks_exact_mut(4).zip(self.addr) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        octets
    }
}

/// Index of a counter in [`Slot::counts`].
///
/// [`Attempt`](Self::Attempt) is every `connect()` (for UDP: every `connect()`, and the first
/// datagram of an unconnected socket to a destination). The others are the ends of TCP attempts:
/// each attempt adds one to exactly one of them, so `Attempt` less their sum is what is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Count {
    /// A connection was asked for.
    Attempt,
    /// Established; the peer answered over the network.
    Direct,
    /// Established; accepted by a listener on a capture port of the same network namespace.
    Captured,
    /// Established over loopback; accepted by another listener.
    OtherListener,
    /// Refused: a RST answered.
    Refused,
    /// Nobody answered.
    TimedOut,
    /// The network said unreachable or prohibited.
    Unreachable,
    /// The program gave up before an answer.
    Closed,
    /// Failed with another error.
    OtherError,
    /// `connect()` was called, no SYN left: no route, or a local refusal. Written by the user side.
    NotSent,
    /// Established over loopback, but the accepting listener was never seen.
    Unproven,
    /// The attempt's place in a table was taken by a later one before it ended.
    OutcomeLost,
}

/// Number of [`Count`]s.
pub const N_COUNTS: usize = 12;

impl Count {
    /// Every counter, by index.
    pub const ALL: [Self; N_COUNTS] = [
        Self::Attempt,
        Self::Direct,
        Self::Captured,
        Self::OtherListener,
        Self::Refused,
        Self::TimedOut,
        Self::Unreachable,
        Self::Closed,
        Self::OtherError,
        Self::NotSent,
        Self::Unproven,
        Self::OutcomeLost,
    ];
}

/// Who owns a [`Slot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SlotState {
    /// Nobody; its index is above the high-water mark or in the queue of free slots.
    Free,
    /// Its key leads to it.
    Live,
    /// Its key was removed by the user side; connections under way may still count in it.
    Retired,
}

/// The counters of one flow: an element of the table that both sides have mapped.
///
/// The kernel side writes `key` and `state` when it takes the slot and adds to `counts`; the user
/// side changes `state` afterwards and, when it gives the slot back, `generation`. What the user
/// side has handed on lives here, too, so that an agent that takes over knows where to go on.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slot {
    /// The flow.
    pub key: FlowKey,
    /// How often the slot was given back, modulo [`GENERATIONS`](crate::GENERATIONS): tells a
    /// connection of an earlier flow.
    pub generation: u32,
    /// A [`SlotState`].
    pub state: u32,
    /// By [`Count`], never decreasing while the slot is in use.
    pub counts: [u64; N_COUNTS],
    /// By [`Count`]: the low half of what was part of an answered scrape. Only the user side
    /// writes and reads it; the difference to `counts` is what nobody was told yet.
    pub exported: [u32; N_COUNTS],
}

const _: () = assert!(size_of::<Slot>() == 192);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_numbered_in_order() {
        for (index, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, index);
        }
    }

    #[test]
    fn octets_are_in_network_order() {
        let key = FlowKey {
            cgroup: 1,
            addr: [0, 0, 0xffff_u32.to_be(), u32::from_ne_bytes([192, 0, 2, 7])],
            uid: 0,
            gid: 0,
            port: 80,
            protocol: PROTOCOL_TCP,
            _pad: [0; 5],
        };
        assert_eq!(
            key.octets(),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]
        );
    }
}
