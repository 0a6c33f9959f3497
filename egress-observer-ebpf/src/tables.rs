//! The tables, behind functions that keep their accounting right.
//!
//! A flow's key leads to a slot; everything that follows in a connection's life adds to the slot
//! directly, so a key is looked up once per connection. The user side has slots, attempts, proofs
//! and shared words mapped and reads them without a system call.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    btf_maps::SkStorage,
    macros::{btf_map, map},
    maps::{Array, HashMap, PerCpuArray, Queue, RingBuf},
};
use egress_observer_common::{
    CgroupScratch, Count, FlowKey, GENERATIONS, N_SHARED, PROOF_WAYS, Proof, SharedWord, Slot,
    SlotState, Ticket, UdpMemory, maps,
};

use crate::{atomic, settings};

/// The maps of the shared table, by kind.
macro_rules! statics {
    ($($(#[$doc:meta])* $name:ident: $kind:ident<$key:ty, $value:ty>[$entries:expr];)*) => {
        $(statics! { @$kind $name, $key, $value, $(#[$doc])* })*
    };
    (@SkStorage $name:ident, $key:ty, $value:ty, $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[btf_map]
        pub(crate) static $name: SkStorage<$value> = SkStorage::new();
    };
    (@RingBuf $name:ident, $key:ty, $value:ty, $(#[$doc:meta])*) => {
        statics! { @with_byte_size $name, RingBuf, $(#[$doc])* }
    };
    (@Hash $name:ident, $key:ty, $value:ty, $(#[$doc:meta])*) => {
        statics! { @with_max_entries $name, HashMap<$key, $value>, $(#[$doc])* }
    };
    (@$kind:ident $name:ident, $key:ty, $value:ty, $(#[$doc:meta])*) => {
        statics! { @with_max_entries $name, $kind<$value>, $(#[$doc])* }
    };
    (@$new:ident $name:ident, $type:ty, $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[map]
        pub(crate) static $name: $type =
            <$type>::$new(maps::$name.entries.in_object(), maps::$name.kind.flags());
    };
}

egress_observer_common::maps!(statics);

/// A shared word.
#[inline(always)]
pub(crate) fn shared(word: SharedWord) -> Option<*mut u64> {
    let words = EO_SHARED.get_ptr_mut(0)?;
    // SAFETY: `Shared` numbers fewer words than there are; the pointer stays in the value.
    Some(unsafe { words.cast::<u64>().add(word as usize) })
}

/// Adds one to a shared word.
#[inline(always)]
pub(crate) fn note(word: SharedWord) {
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
    let known = unsafe { EO_FLOWS.get(key) }.copied();
    let Some(index) = known.or_else(|| take_slot(key)) else {
        note(SharedWord::FlowTableFull);
        return None;
    };
    let slot = EO_SLOTS.get_ptr_mut(index)?;
    count_in(slot, Count::Attempt);
    Some((index, generation_of(slot)))
}

/// Gives a new flow a slot.
#[inline(never)]
fn take_slot(key: &FlowKey) -> Option<u32> {
    let index = free_slot()?;
    let slot = EO_SLOTS.get_ptr_mut(index)?;
    // SAFETY: the slot is free, so nobody else writes to it; the user side reads `key` only after
    // it saw `state`.
    unsafe { (*slot).key = *key };
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(&raw mut (*slot).state, SlotState::Live as u32) };
    if EO_FLOWS.insert(key, index, u64::from(BPF_NOEXIST)).is_ok() {
        return Some(index);
    }
    // Another CPU was faster with the same key, or the table is full.
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(&raw mut (*slot).state, SlotState::Free as u32) };
    // Cannot fail: the queue has room for every slot.
    let _full = EO_FREE_SLOTS.push(index, 0);
    // SAFETY: copied out at once.
    unsafe { EO_FLOWS.get(key) }.copied()
}

#[inline(always)]
fn free_slot() -> Option<u32> {
    if let Ok(Some(index)) = EO_FREE_SLOTS.pop() {
        return Some(index);
    }
    let high_water = shared(SharedWord::HighWater)?;
    let slots = u64::from(settings::EO_MAX_SLOTS.get());
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
    match EO_SLOTS.get_ptr_mut(ticket.slot()) {
        Some(slot) if generation_of(slot) == ticket.generation() => count_in(slot, count),
        _ => note(SharedWord::SlotReused),
    }
}

/// Where a socket's ticket lives, and its tag.
#[inline(always)]
fn attempt_place(cookie: u64) -> (Option<*mut u64>, u32) {
    let cell = EO_ATTEMPTS.get_ptr_mut(cookie as u32 & settings::EO_ATTEMPT_MASK.get());
    (cell, (cookie >> settings::EO_ATTEMPT_BITS.get()) as u32)
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
        note(SharedWord::AttemptTableFull);
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
    (sequence >> 32) as u32 & settings::EO_PROOF_MASK.get() & !(PROOF_WAYS - 1)
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
        if let Some($proof) = EO_PROOFS.get_ptr_mut($index) {
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
