//! The tables, behind functions that keep their accounting right.
//!
//! A flow's key leads to a slot; everything that follows in a connection's life adds to the slot
//! directly, so a key is looked up once per connection. The user side has slots, attempts, proofs
//! and shared words mapped and reads them without a system call.

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, BPF_NOEXIST},
    btf_maps::SkStorage,
    macros::{btf_map, map},
    maps::{Array, HashMap, PerCpuArray, Queue, RingBuf},
};
use egress_observer_common::{
    Count, FlowKey, GENERATIONS, N_SHARED, PROOF_WAYS, Proof, Shared, Slot, SlotState, Ticket,
};

use crate::{atomic, cgroup::Scratch, settings};

// Sizes are those of the default settings; the user side may choose others when it loads.
#[map(name = "EO_FLOWS")]
static FLOWS: HashMap<FlowKey, u32> = HashMap::with_max_entries(65_536, BPF_F_NO_PREALLOC);
#[map(name = "EO_SLOTS")]
static SLOTS: Array<Slot> = Array::with_max_entries(65_536, BPF_F_MMAPABLE);
#[map(name = "EO_FREE_SLOTS")]
static FREE_SLOTS: Queue<u32> = Queue::with_max_entries(65_536, 0);
#[map(name = "EO_ATTEMPTS")]
static ATTEMPTS: Array<u64> = Array::with_max_entries(65_536, BPF_F_MMAPABLE);
#[map(name = "EO_PROOFS")]
static PROOFS: Array<Proof> = Array::with_max_entries(65_536, BPF_F_MMAPABLE);
#[map(name = "EO_SHARED")]
static SHARED: Array<[u64; N_SHARED]> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map(name = "EO_ANSWERS")]
pub(crate) static ANSWERS: RingBuf = RingBuf::with_byte_size(1 << 19, 0);
#[map(name = "EO_CGROUPS")]
pub(crate) static CGROUPS: RingBuf = RingBuf::with_byte_size(1 << 18, 0);
#[map(name = "EO_SCRATCH")]
pub(crate) static CGROUP_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);
#[btf_map]
pub(crate) static EO_UDP_MEMORY: SkStorage<UdpMemory> = SkStorage::new();

/// The last destinations of an unconnected UDP socket.
#[repr(C)]
pub(crate) struct UdpMemory {
    /// Digests of address and port; 0 is free.
    pub(crate) seen: [u64; 4],
    /// Where the next one goes.
    pub(crate) next: u64,
}

/// A shared word.
#[inline(always)]
pub(crate) fn shared(word: Shared) -> Option<*mut u64> {
    let words = SHARED.get_ptr_mut(0)?;
    // SAFETY: `Shared` numbers fewer words than there are; the pointer stays in the value.
    Some(unsafe { words.cast::<u64>().add(word as usize) })
}

/// Adds one to a shared word.
#[inline(always)]
pub(crate) fn note(word: Shared) {
    if let Some(cell) = shared(word) {
        atomic::increment(cell);
    }
}

#[inline(always)]
fn count_in(slot: *mut Slot, count: Count) {
    // SAFETY: `slot` is a value of the table; the counter lies in it.
    let cell = unsafe { (&raw mut (*slot).counts).cast::<u64>().add(count as usize) };
    atomic::increment(cell);
}

#[inline(always)]
fn generation_of(slot: *const Slot) -> u32 {
    // SAFETY: `slot` is a value of the table.
    let generation = unsafe { core::ptr::read_volatile(&raw const (*slot).generation) };
    generation & (GENERATIONS - 1)
}

/// Counts an attempt of this flow: its slot and the slot's generation, or `None` if there was no
/// room, which is counted as lost.
#[inline(always)]
pub(crate) fn count_attempt(key: &FlowKey) -> Option<(u32, u32)> {
    // SAFETY: the value is copied out at once; a slot is not reused before it is retired.
    let known = unsafe { FLOWS.get(key) }.copied();
    let Some(index) = known.or_else(|| take_slot(key)) else {
        note(Shared::FlowTableFull);
        return None;
    };
    let slot = SLOTS.get_ptr_mut(index)?;
    count_in(slot, Count::Attempt);
    Some((index, generation_of(slot)))
}

/// Gives a new flow a slot.
#[inline(never)]
fn take_slot(key: &FlowKey) -> Option<u32> {
    let index = free_slot()?;
    let slot = SLOTS.get_ptr_mut(index)?;
    // SAFETY: the slot is free, so nobody else writes to it; the user side reads `key` only after
    // it saw `state`.
    unsafe { (*slot).key = *key };
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(&raw mut (*slot).state, SlotState::Live as u32) };
    if FLOWS.insert(key, index, u64::from(BPF_NOEXIST)).is_ok() {
        return Some(index);
    }
    // Another CPU was faster with the same key, or the table is full.
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(&raw mut (*slot).state, SlotState::Free as u32) };
    // Cannot fail: the queue has room for every slot.
    let _full = FREE_SLOTS.push(index, 0);
    // SAFETY: copied out at once.
    unsafe { FLOWS.get(key) }.copied()
}

#[inline(always)]
fn free_slot() -> Option<u32> {
    if let Ok(Some(index)) = FREE_SLOTS.pop() {
        return Some(index);
    }
    let high_water = shared(Shared::HighWater)?;
    let slots = u64::from(settings::max_slots());
    // Looked at first, so that a full table does not make the mark run away.
    // SAFETY: a shared word.
    if unsafe { core::ptr::read_volatile(high_water) } >= slots {
        return None;
    }
    let index = atomic::fetch_increment(high_water);
    (index < slots).then_some(index as u32)
}

/// Counts how the attempt of `ticket` ended.
#[inline(always)]
pub(crate) fn count_outcome(ticket: Ticket, count: Count) {
    match SLOTS.get_ptr_mut(ticket.slot()) {
        Some(slot) if generation_of(slot) == ticket.generation() => count_in(slot, count),
        _ => note(Shared::SlotReused),
    }
}

/// Where a socket's ticket lives, and its tag.
#[inline(always)]
fn attempt_place(cookie: u64) -> (Option<*mut u64>, u32) {
    let cell = ATTEMPTS.get_ptr_mut(cookie as u32 & settings::attempt_mask());
    (cell, (cookie >> settings::attempt_bits()) as u32)
}

/// Remembers that this socket's attempt is counted in `slot`. Whatever was there can end no more
/// and is counted now.
#[inline(always)]
pub(crate) fn begin(cookie: u64, slot: u32, generation: u32) {
    let (cell, tag) = attempt_place(cookie);
    let Some(cell) = cell else { return };
    let old = Ticket(atomic::swap(cell, Ticket::new(tag, slot, generation).0));
    if old.is_none() {
        return;
    }
    if old.tag() == tag && !old.sent() {
        // The same socket dials again and its last attempt never sent anything.
        count_outcome(old, Count::NotSent);
    } else {
        count_outcome(old, Count::OutcomeLost);
        note(Shared::AttemptTableFull);
    }
}

/// Marks that this socket's SYN left. False if it has no attempt under way.
#[inline(always)]
pub(crate) fn mark_sent(cookie: u64) -> bool {
    let (Some(cell), tag) = attempt_place(cookie) else {
        return false;
    };
    // SAFETY: a value of the table.
    let ticket = Ticket(unsafe { core::ptr::read_volatile(cell) });
    !ticket.is_none()
        && ticket.tag() == tag
        && atomic::replace(cell, ticket.0, ticket.0 | Ticket::SENT)
}

/// Takes this socket's attempt, to count its end.
#[inline(always)]
pub(crate) fn take(cookie: u64) -> Option<Ticket> {
    let (cell, tag) = attempt_place(cookie);
    let cell = cell?;
    // SAFETY: a value of the table.
    let ticket = Ticket(unsafe { core::ptr::read_volatile(cell) });
    // Only this socket writes tickets with this tag; if the place was taken meanwhile, whoever
    // took it has counted ours.
    (!ticket.is_none() && ticket.tag() == tag && atomic::replace(cell, ticket.0, 0))
        .then_some(ticket)
}

/// Ends an attempt that this socket never sent anything for.
#[inline(always)]
pub(crate) fn abandon(cookie: u64) {
    if let Some(ticket) = take(cookie) {
        count_outcome(ticket, Count::NotSent);
    }
}

/// Index of the first of the places for these sequence numbers.
#[inline(always)]
fn first_place(sequence: u64) -> u32 {
    // The upper half is the server's initial number: random, whoever the client is.
    (sequence >> 32) as u32 & settings::proof_mask() & !(PROOF_WAYS - 1)
}

macro_rules! for_each_place {
    ($sequence:expr, |$proof:ident| $body:expr) => {{
        let first = first_place($sequence);
        // PROOF_WAYS of them, unrolled by hand: a loop costs more.
        for_each_place!(@ first, |$proof| $body);
        for_each_place!(@ first + 1, |$proof| $body);
        for_each_place!(@ first + 2, |$proof| $body);
        for_each_place!(@ first + 3, |$proof| $body);
    }};
    (@ $index:expr, |$proof:ident| $body:expr) => {
        if let Some($proof) = PROOFS.get_ptr_mut($index) {
            $body
        }
    };
}

/// Lets a word wait under these sequence numbers, for a listener in this network namespace. False
/// if there was no place.
#[inline(always)]
pub(crate) fn wait(sequence: u64, netns: u64, word: u64) -> bool {
    for_each_place!(sequence, |proof| {
        // SAFETY: a value of the table.
        let cell = unsafe { &raw mut (*proof).sequence };
        // SAFETY: a value of the table.
        let free = unsafe { core::ptr::read_volatile(cell) } == 0;
        if free && atomic::replace(cell, 0, sequence) {
            // Whoever looks for it does so after a packet that is not sent yet.
            // SAFETY: the place is ours since the line above.
            unsafe { core::ptr::write_volatile(&raw mut (*proof).ticket, word) };
            // SAFETY: as above.
            unsafe { core::ptr::write_volatile(&raw mut (*proof).netns, netns) };
            return true;
        }
    });
    false
}

/// Takes the word that waits under these sequence numbers, if it does so in the network namespace
/// that `netns` asks for.
#[inline(always)]
pub(crate) fn meet(sequence: u64, netns: impl Fn() -> u64) -> Option<u64> {
    for_each_place!(sequence, |proof| {
        // SAFETY: a value of the table.
        let cell = unsafe { &raw mut (*proof).sequence };
        // SAFETY: a value of the table.
        if unsafe { core::ptr::read_volatile(cell) } == sequence {
            // SAFETY: a value of the table, written before the packet that led here.
            let word = unsafe { core::ptr::read_volatile(&raw const (*proof).ticket) };
            // SAFETY: as above.
            let here = unsafe { core::ptr::read_volatile(&raw const (*proof).netns) } == netns();
            if here && atomic::replace(cell, sequence, 0) {
                return Some(word);
            }
        }
    });
    None
}
