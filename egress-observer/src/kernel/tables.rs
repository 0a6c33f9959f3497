//! The tables as the user side sees them: memory shared with the kernel, read without a system
//! call and without waking up per connection.
//!
//! The user side is the programs' peer here, by the same rules: whoever takes a ticket out of its
//! place by one atomic operation counts how the attempt ended, and nobody else.

use std::{
    collections::HashSet,
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use aya::{
    Ebpf,
    maps::{HashMap, MapData, MapError, Queue},
};
use egress_observer_common::{
    Count, FlowKey, GENERATIONS, N_COUNTS, N_SHARED, Proof, SharedWord, Slot, SlotState, Ticket,
    maps::{EO_ATTEMPTS, EO_FLOWS, EO_FREE_SLOTS, EO_PROOFS, EO_SHARED, EO_SLOTS},
};
use tracing::warn;

use super::{
    error::KernelError,
    mapping::Mapping,
    take::{map, take_as},
};

/// Slots that are mapped at the start.
const FEW: u32 = 1024;

/// Bytes of a [`FlowKey`].
type KeyBytes = [u8; size_of::<FlowKey>()];

/// How often each [`Count`] happened.
pub type SlotCounts = [u64; N_COUNTS];

/// What stands in a slot that is in use.
#[derive(Clone, Copy, Debug)]
pub struct SlotView {
    /// The flow.
    pub key: FlowKey,
    /// The slot's generation.
    pub generation: u32,
    /// True once its key was removed.
    pub retired: bool,
    /// The counters.
    pub counts: SlotCounts,
}

/// The tables of the loaded programs.
pub struct Tables {
    flows: HashMap<MapData, KeyBytes, u32>,
    free: Queue<MapData, u32>,
    slots: Mapping<Slot>,
    attempts: Mapping<u64>,
    proofs: Mapping<Proof>,
    shared: Mapping<[u64; N_SHARED]>,
}

impl Tables {
    /// Takes the tables out of a loaded object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, KernelError> {
        Ok(Self {
            flows: take_as(ebpf, EO_FLOWS)?,
            free: take_as(ebpf, EO_FREE_SLOTS)?,
            slots: map(ebpf, EO_SLOTS, FEW)?,
            attempts: map(ebpf, EO_ATTEMPTS, u32::MAX)?,
            proofs: map(ebpf, EO_PROOFS, u32::MAX)?,
            shared: map(ebpf, EO_SHARED, 1)?,
        })
    }

    /// A shared word.
    pub fn shared(&self, word: SharedWord) -> u64 {
        self.shared_cell(word).load(Relaxed)
    }

    fn shared_cell(&self, word: SharedWord) -> &AtomicU64 {
        let words = self.shared.at(0).cast::<u64>();
        // SAFETY: `Shared` numbers fewer words than there are.
        let cell = unsafe { words.add(word as usize) };
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        unsafe { AtomicU64::from_ptr(cell.as_ptr()) }
    }

    /// Slots that were ever in use: the indices to look at, from now on.
    pub fn n_slots(&mut self) -> u32 {
        let used = self
            .shared(SharedWord::HighWater)
            .min(self.slots.capacity().into()) as u32;
        if let Err(error) = self.slots.grow(used) {
            // What is not mapped now is counted on, and read when there is memory again.
            warn!(%error, "cannot map more of the flows");
        }
        used.min(self.slots.len())
    }

    /// Slots, attempts and proofs that there is room for.
    pub fn sizes(&self) -> (u32, u32, u32) {
        (
            self.slots.capacity(),
            self.attempts.len(),
            self.proofs.len(),
        )
    }

    /// The cgroups that have flows.
    pub fn cgroups(&mut self) -> HashSet<u64> {
        let slots = (0..self.n_slots()).filter_map(|index| self.slot(index));
        slots.map(|slot| slot.key.cgroup).collect()
    }

    /// The slot at `index`, if it is in use.
    pub fn slot(&self, index: u32) -> Option<SlotView> {
        let state = self.state(index).load(Acquire);
        if state == SlotState::Free as u32 {
            return None;
        }
        let slot = self.slots.at(index).as_ptr();
        // SAFETY: `at` returns a valid place; no reference is made.
        let key = unsafe { &raw const (*slot).key };
        // SAFETY: written once, before `state`, which was just read with acquire order.
        let key = unsafe { key.read_volatile() };
        Some(SlotView {
            key,
            generation: self.generation(index).load(Relaxed),
            retired: state == SlotState::Retired as u32,
            counts: std::array::from_fn(|count| self.count(index, count).load(Relaxed)),
        })
    }

    /// The counters of `index` that were part of an answered scrape, as wide as `counts`.
    pub fn exported(&self, index: u32, counts: &SlotCounts) -> SlotCounts {
        std::array::from_fn(|count| {
            let told = self.exported_cell(index, count).load(Relaxed);
            let untold = (counts[count] as u32).wrapping_sub(told);
            counts[count].saturating_sub(untold.into())
        })
    }

    /// Remembers that a scrape with these counters was answered.
    pub fn set_exported(&self, index: u32, counts: &SlotCounts) {
        for (count, value) in counts.iter().enumerate() {
            self.exported_cell(index, count)
                .store(*value as u32, Relaxed);
        }
    }

    /// Removes a flow's key. Its slot goes on counting what is under way until it is given back.
    pub fn retire(&mut self, index: u32, key: &FlowKey) -> Result<(), MapError> {
        match self.flows.remove(&key_bytes(key)) {
            // Not found: an agent before this one ended between these two steps.
            Ok(()) | Err(MapError::KeyNotFound) => {}
            Err(error) => return Err(error),
        }
        self.state(index).store(SlotState::Retired as u32, Release);
        Ok(())
    }

    /// Clears a retired slot and gives it back to the kernel side. If the process ends between the
    /// last two steps, this one slot stays unused until the tables are dropped.
    pub fn give_back(&mut self, index: u32) -> Result<(), MapError> {
        for count in 0..N_COUNTS {
            self.count(index, count).store(0, Relaxed);
            self.exported_cell(index, count).store(0, Relaxed);
        }
        let generation = self.generation(index);
        generation.store((generation.load(Relaxed) + 1) % GENERATIONS, Relaxed);
        self.state(index).store(SlotState::Free as u32, Release);
        self.free.push(index, 0)
    }

    /// Attempts under way: their places and tickets.
    pub fn attempts(&self) -> impl Iterator<Item = (u32, Ticket)> {
        (0..self.attempts.len()).filter_map(|index| {
            let ticket = Ticket(self.attempt(index).load(Relaxed));
            (!ticket.is_none()).then_some((index, ticket))
        })
    }

    /// Ends an attempt from here, if it has not ended meanwhile.
    pub fn end_attempt(&self, index: u32, ticket: Ticket, count: Count) {
        if self
            .attempt(index)
            .compare_exchange(ticket.0, 0, Relaxed, Relaxed)
            .is_ok()
        {
            self.add(ticket, count);
        }
    }

    /// Loopback connections that wait for their listener: places and sequence numbers.
    pub fn proofs(&self) -> impl Iterator<Item = (u32, u64)> {
        (0..self.proofs.len()).filter_map(|index| {
            let sequence = self.proof_cells(index).0.load(Relaxed);
            (sequence != 0).then_some((index, sequence))
        })
    }

    /// Gives up waiting, if the listener has not shown up meanwhile.
    pub fn end_proof(&self, index: u32, sequence: u64) {
        let (cell, ticket) = self.proof_cells(index);
        let ticket = Ticket(ticket.load(Acquire));
        let taken = cell.compare_exchange(sequence, 0, Relaxed, Relaxed).is_ok();
        // What waits after a Fast Open is no ticket: it names no slot.
        if taken && ticket.slot() < self.slots.len() {
            self.add(ticket, Count::Unproven);
        }
    }

    fn add(&self, ticket: Ticket, count: Count) {
        let index = ticket.slot();
        if index < self.slots.len() && self.generation(index).load(Relaxed) == ticket.generation() {
            self.count(index, count as usize).fetch_add(1, Relaxed);
        } else {
            self.shared_cell(SharedWord::SlotReused)
                .fetch_add(1, Relaxed);
        }
    }

    fn attempt(&self, index: u32) -> &AtomicU64 {
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        unsafe { AtomicU64::from_ptr(self.attempts.at(index).as_ptr()) }
    }

    fn proof_cells(&self, index: u32) -> (&AtomicU64, &AtomicU64) {
        let proof = self.proofs.at(index).as_ptr();
        // SAFETY: `at` returns a valid place; no reference is made.
        let sequence = unsafe { &raw mut (*proof).sequence };
        // SAFETY: as above.
        let ticket = unsafe { &raw mut (*proof).ticket };
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        let sequence = unsafe { AtomicU64::from_ptr(sequence) };
        // SAFETY: as above.
        (sequence, unsafe { AtomicU64::from_ptr(ticket) })
    }

    fn count(&self, index: u32, count: usize) -> &AtomicU64 {
        let slot = self.slots.at(index).as_ptr();
        // SAFETY: `at` returns a valid place; no reference is made.
        let counts = unsafe { &raw mut (*slot).counts };
        assert!(count < N_COUNTS, "counter {count}");
        // SAFETY: within the array, as just checked.
        let cell = unsafe { counts.cast::<u64>().add(count) };
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        unsafe { AtomicU64::from_ptr(cell) }
    }

    fn exported_cell(&self, index: u32, count: usize) -> &AtomicU32 {
        let slot = self.slots.at(index).as_ptr();
        // SAFETY: `at` returns a valid place; no reference is made.
        let exported = unsafe { &raw mut (*slot).exported };
        assert!(count < N_COUNTS, "counter {count}");
        // SAFETY: within the array, as just checked.
        let cell = unsafe { exported.cast::<u32>().add(count) };
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        unsafe { AtomicU32::from_ptr(cell) }
    }

    fn state(&self, index: u32) -> &AtomicU32 {
        let slot = self.slots.at(index).as_ptr();
        // SAFETY: `at` returns a valid place; no reference is made.
        let state = unsafe { &raw mut (*slot).state };
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        unsafe { AtomicU32::from_ptr(state) }
    }

    fn generation(&self, index: u32) -> &AtomicU32 {
        let slot = self.slots.at(index).as_ptr();
        // SAFETY: `at` returns a valid place; no reference is made.
        let generation = unsafe { &raw mut (*slot).generation };
        // SAFETY: aligned, mapped as long as `self`, and only accessed atomically.
        unsafe { AtomicU32::from_ptr(generation) }
    }
}

fn key_bytes(key: &FlowKey) -> KeyBytes {
    let mut bytes = [0; size_of::<FlowKey>()];
    bytes[..8].copy_from_slice(&key.cgroup.to_ne_bytes());
    bytes[8..24].copy_from_slice(&key.octets());
    bytes[24..28].copy_from_slice(&key.uid.to_ne_bytes());
    bytes[28..32].copy_from_slice(&key.gid.to_ne_bytes());
    bytes[32..34].copy_from_slice(&key.port.to_ne_bytes());
    bytes[34] = key.protocol;
    bytes
}
