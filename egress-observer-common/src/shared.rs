//! Counters and marks that belong to no flow.

/// Index of a word in the table `shared`, which both sides have mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SharedWord {
    /// Slots ever taken: the next index that was never used.
    HighWater,
    /// Connections not counted in any slot, because the table of flows was full.
    FlowTableFull,
    /// Attempts whose place was taken by a later one; each is also an
    /// [`OutcomeLost`](crate::Count::OutcomeLost).
    AttemptTableFull,
    /// Loopback connections that found no place to wait for their listener; each is also an
    /// [`Unproven`](crate::Count::Unproven).
    ProofTableFull,
    /// Attempts that ended after their slot had been given back; counted in no slot's outcome.
    SlotReused,
    /// UDP sockets that could not be given a memory of their destinations.
    UdpMemoryFull,
    /// Datagrams taken for the reply of a UDP server.
    UdpReplies,
    /// Accepted on a capture port without a client that waited for it.
    UnmatchedAccepts,
    /// TCP Fast Open connections seen: only then is their table looked at.
    FastOpens,
    /// DNS answers that found no room on their way to the user side.
    AnswersLost,
    /// Cgroups whose coming or going found no room on its way to the user side.
    CgroupsLost,
}

/// Words in the table, with room for later ones.
pub const N_SHARED: usize = 16;
