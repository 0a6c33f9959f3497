//! What is remembered of a connection under way: one 64-bit word that is written and taken by
//! single atomic operations, so that whoever takes it, and nobody else, counts how it ended.

/// Bits of a slot index in a [`Ticket`]: at most this many slots (less one) can be told apart.
const SLOT_BITS: u32 = 20;
/// Bits of a generation.
const GENERATION_BITS: u32 = 11;
const GENERATION_SHIFT: u32 = SLOT_BITS;
const SENT_SHIFT: u32 = GENERATION_SHIFT + GENERATION_BITS;
const TAG_SHIFT: u32 = SENT_SHIFT + 1;

/// The most slots a table of flows may have.
pub const MAX_SLOTS: u32 = (1 << SLOT_BITS) - 1;
/// Generations of a slot that can be told apart.
pub const GENERATIONS: u32 = 1 << GENERATION_BITS;

/// A connection attempt under way: `tag:32 | sent:1 | generation:11 | slot + 1:20`; 0 is none.
///
/// It lives at the index made of the low bits of the socket's cookie; the tag is the cookie's next
/// 32 bits, so a ticket belongs to one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Ticket(pub u64);

/// Set in a [`Ticket`] once the SYN was handed to the network.
const SENT: u64 = 1 << SENT_SHIFT;

impl Ticket {
    /// No ticket.
    pub const NONE: Self = Self(0);
    /// The bit that says that the SYN left.
    pub const SENT: u64 = SENT;

    /// The ticket of an attempt that is counted in `slot`.
    #[inline(always)]
    pub const fn new(tag: u32, slot: u32, generation: u32) -> Self {
        Self(
            (tag as u64) << TAG_SHIFT
                | ((generation & (GENERATIONS - 1)) as u64) << GENERATION_SHIFT
                | (slot as u64 + 1),
        )
    }

    /// True if there is none.
    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The owner's tag.
    #[inline(always)]
    pub const fn tag(self) -> u32 {
        (self.0 >> TAG_SHIFT) as u32
    }

    /// True once the SYN left.
    #[inline(always)]
    pub const fn sent(self) -> bool {
        self.0 & SENT != 0
    }

    /// Index of the slot; meaningless for [`Ticket::NONE`].
    #[inline(always)]
    pub const fn slot(self) -> u32 {
        ((self.0 & MAX_SLOTS as u64) as u32).wrapping_sub(1)
    }

    /// The slot's generation when the attempt began.
    #[inline(always)]
    pub const fn generation(self) -> u32 {
        ((self.0 >> GENERATION_SHIFT) as u32) & (GENERATIONS - 1)
    }
}

/// Places that a [`Proof`] may take, beside each other: more than can be under way at one index.
pub const PROOF_WAYS: u32 = 4;

/// A connection that was answered over loopback and waits for the listener that accepted it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Proof {
    /// The two TCP sequence numbers, client's `rcv_nxt` above its `snd_nxt`; 0 is a free place.
    /// NAT changes ports and addresses, never these.
    pub sequence: u64,
    /// The connection's [`Ticket`].
    pub ticket: u64,
    /// Cookie of the client's network namespace: a listener in another one proves nothing.
    pub netns: u64,
}

const _: () = assert!(size_of::<Proof>() == 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_keeps_its_parts() {
        for (tag, slot, generation) in [
            (0, 0, 0),
            (u32::MAX, MAX_SLOTS - 1, GENERATIONS - 1),
            (7, 5, 3),
        ] {
            let ticket = Ticket::new(tag, slot, generation);
            assert!(!ticket.is_none() && !ticket.sent());
            let ticket = Ticket(ticket.0 | Ticket::SENT);
            assert_eq!(
                (
                    ticket.tag(),
                    ticket.slot(),
                    ticket.generation(),
                    ticket.sent()
                ),
                (tag, slot, generation, true)
            );
        }
    }

    #[test]
    fn a_generation_wraps_without_touching_its_neighbours() {
        let ticket = Ticket::new(1, 2, GENERATIONS + 4);
        assert_eq!(
            (ticket.tag(), ticket.slot(), ticket.generation()),
            (1, 2, 4)
        );
    }
}
