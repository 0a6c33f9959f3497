//! From counters to flows: what happened since the last look, and which slots are done with.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use egress_observer_common::{Count, FlowKey, N_COUNTS, PROTOCOL_UDP};
use tracing::warn;

use crate::kernel::{SlotCounts, SlotView, Tables};
use egress_observer_istio::vocabulary::Reason;

/// An idle flow whose counts nobody asked for is kept this many times longer.
const UNTOLD: u32 = 12;
/// A retired slot is given back after this time without a change: whoever had found its key then
/// has long counted.
const GRACE: Duration = Duration::from_secs(10);
/// A SYN that is not on its way by then never will be.
const UNSENT: Duration = Duration::from_secs(10);
/// Longer than the kernel waits for an answer to a SYN by default (127 seconds).
const UNANSWERED: Duration = Duration::from_secs(30 * 60);
/// Longer than any listener takes that is going to show up, deferred accepts apart.
const UNACCEPTED: Duration = Duration::from_secs(60);

/// Connections of one flow that ended in one way.
#[derive(Clone, Copy, Debug)]
pub struct CountedFlow {
    /// Who and where.
    pub key: FlowKey,
    /// How.
    pub count: Count,
    /// How many.
    pub n: u64,
}

impl CountedFlow {
    /// The destination address; IPv4-mapped ones are IPv4.
    pub fn ip(&self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self.key.octets())).to_canonical()
    }
}

/// What was read of a slot.
#[derive(Clone, Debug)]
struct Seen {
    generation: u32,
    counts: SlotCounts,
    changed: Instant,
    /// Since when there are counts that wait.
    held: Option<Instant>,
}

/// What has been read so far.
#[derive(Debug)]
pub struct Ledger {
    /// A flow is given up after this time without a connection.
    idle: Duration,
    /// By slot; `None` for a free one.
    seen: Vec<Option<Seen>>,
    /// Connections that waited at the last look, by what for.
    held: BTreeMap<Reason, u64>,
    /// Attempts under way at the last look, and since when: by place.
    attempts: HashMap<u32, (u64, Instant)>,
    /// The same for loopback connections without a listener.
    proofs: HashMap<u32, (u64, Instant)>,
}

impl Ledger {
    /// Nothing read yet. Flows are given up after `idle` without a connection.
    pub fn new(idle: Duration) -> Self {
        Self {
            idle,
            seen: Vec::new(),
            held: BTreeMap::new(),
            attempts: HashMap::new(),
            proofs: HashMap::new(),
        }
    }

    /// Hands everything that was counted since the last call to `record`. What an earlier agent
    /// read and told is not counted again.
    ///
    /// An attempt is handed on when it ends; for UDP, which has no end, when it is made.
    ///
    /// `hold` says why the counts of a key have to wait, if they have to; it is told for how long they
    /// have. They stay in the kernel's table, where the next agent finds them, too.
    pub fn collect(
        &mut self,
        tables: &mut Tables,
        now: Instant,
        hold: impl Fn(&FlowKey, Duration) -> Option<Reason>,
        mut record: impl FnMut(CountedFlow),
    ) {
        self.held.clear();
        let n_slots = tables.n_slots();
        self.seen.resize(n_slots as usize, None);
        for index in 0..n_slots {
            let entry = &mut self.seen[index as usize];
            let Some(slot) = tables.slot(index) else {
                *entry = None;
                continue;
            };
            entry.take_if(|seen| seen.generation != slot.generation);
            let seen = entry.get_or_insert_with(|| Seen {
                generation: slot.generation,
                counts: tables.exported(index, &slot.counts),
                changed: now,
                held: None,
            });
            if seen.counts != slot.counts {
                let since = *seen.held.get_or_insert(now);
                let n: u64 = differences(&slot, &seen.counts).map(|flow| flow.n).sum();
                // Attempts that are under way alone wait for their end as it is.
                if n > 0
                    && let Some(reason) = hold(&slot.key, now - since)
                {
                    *self.held.entry(reason).or_default() += n;
                    continue;
                }
                differences(&slot, &seen.counts).for_each(&mut record);
                seen.held = None;
                seen.counts = slot.counts;
                seen.changed = now;
            } else if done_with(tables, index, &slot, now - seen.changed, self.idle) {
                *entry = None;
            }
        }
    }

    /// Remembers that everything collected so far was part of an answered scrape.
    pub fn told(&self, tables: &Tables) {
        for (index, seen) in self.seen.iter().enumerate() {
            if let Some(seen) = seen {
                tables.set_exported(index as u32, &seen.counts);
            }
        }
    }

    /// Connections that waited at the last [`collect`](Self::collect), by what for.
    pub fn held(&self) -> &BTreeMap<Reason, u64> {
        &self.held
    }

    /// Flows in the tables.
    pub fn n_flows(&self) -> usize {
        self.seen.iter().flatten().count()
    }

    /// Attempts that were under way at the last [`sweep`](Self::sweep).
    pub fn n_attempts(&self) -> usize {
        self.attempts.len()
    }

    /// Loopback connections that waited for their listener at the last [`sweep`](Self::sweep).
    pub fn n_proofs(&self) -> usize {
        self.proofs.len()
    }

    /// Ends attempts and proofs that nobody else will end.
    pub fn sweep(&mut self, tables: &Tables, now: Instant) {
        let attempts = std::mem::take(&mut self.attempts);
        for (index, ticket) in tables.attempts() {
            let since = since(&attempts, index, ticket.0, now);
            let (limit, count) = if ticket.sent() {
                (UNANSWERED, Count::OutcomeLost)
            } else {
                (UNSENT, Count::NotSent)
            };
            if now - since >= limit {
                tables.end_attempt(index, ticket, count);
            } else {
                self.attempts.insert(index, (ticket.0, since));
            }
        }
        let proofs = std::mem::take(&mut self.proofs);
        for (index, sequence) in tables.proofs() {
            let since = since(&proofs, index, sequence, now);
            if now - since >= UNACCEPTED {
                tables.end_proof(index, sequence);
            } else {
                self.proofs.insert(index, (sequence, since));
            }
        }
    }
}

fn since(known: &HashMap<u32, (u64, Instant)>, index: u32, word: u64, now: Instant) -> Instant {
    known
        .get(&index)
        .filter(|(old, _)| *old == word)
        .map_or(now, |(_, since)| *since)
}

fn differences(slot: &SlotView, seen: &SlotCounts) -> impl Iterator<Item = CountedFlow> {
    let key = slot.key;
    let udp = key.protocol == PROTOCOL_UDP;
    let new: [u64; N_COUNTS] = std::array::from_fn(|i| slot.counts[i].saturating_sub(seen[i]));
    Count::ALL
        .into_iter()
        .zip(new)
        .filter(move |(count, n)| *n > 0 && (udp || *count != Count::Attempt))
        .map(move |(count, n)| CountedFlow { key, count, n })
}

/// Retires an idle slot, and gives a retired one back. True if it is free again.
fn done_with(
    tables: &mut Tables,
    index: u32,
    slot: &SlotView,
    quiet: Duration,
    idle: Duration,
) -> bool {
    if !settled(slot) {
        return false;
    }
    if slot.retired {
        return quiet >= GRACE && tables.give_back(index).is_ok();
    }
    if quiet >= idle
        && (tables.exported(index, &slot.counts) == slot.counts || quiet >= idle * UNTOLD)
        && let Err(error) = tables.retire(index, &slot.key)
    {
        warn!(%error, "cannot remove an idle flow");
    }
    false
}

/// True if no attempt is under way.
fn settled(slot: &SlotView) -> bool {
    let [attempts, ends @ ..] = &slot.counts;
    slot.key.protocol == PROTOCOL_UDP || *attempts == ends.iter().sum::<u64>()
}

#[cfg(test)]
mod tests {
    use egress_observer_common::PROTOCOL_TCP;

    use super::*;

    fn slot(protocol: u8, counts: &[(Count, u64)]) -> SlotView {
        let mut slot = SlotView {
            key: FlowKey {
                cgroup: 1,
                addr: [0, 0, 0xffff_u32.to_be(), u32::from_ne_bytes([192, 0, 2, 1])],
                uid: 0,
                gid: 0,
                port: 80,
                protocol,
                _pad: [0; 5],
            },
            generation: 0,
            retired: false,
            counts: [0; N_COUNTS],
        };
        for (count, n) in counts {
            slot.counts[*count as usize] = *n;
        }
        slot
    }

    #[test]
    fn tcp_is_handed_on_when_it_ends_and_udp_when_it_is_made() {
        let counts = [
            (Count::Attempt, 5),
            (Count::Captured, 3),
            (Count::Refused, 1),
        ];
        let seen = slot(PROTOCOL_TCP, &[(Count::Attempt, 2), (Count::Captured, 2)]).counts;
        let [tcp, udp] = [PROTOCOL_TCP, PROTOCOL_UDP].map(|protocol| {
            let slot = slot(protocol, &counts);
            let flows = differences(&slot, &seen);
            flows.map(|flow| (flow.count, flow.n)).collect::<Vec<_>>()
        });
        assert_eq!(tcp, [(Count::Captured, 1), (Count::Refused, 1)]);
        assert_eq!(udp[0], (Count::Attempt, 3));
    }

    #[test]
    fn a_flow_is_settled_when_every_attempt_ended() {
        let open = slot(PROTOCOL_TCP, &[(Count::Attempt, 2), (Count::Direct, 1)]);
        let ended = [
            (Count::Attempt, 2),
            (Count::Direct, 1),
            (Count::OutcomeLost, 1),
        ];
        assert!(!settled(&open));
        assert!(settled(&slot(PROTOCOL_TCP, &ended)));
        assert!(settled(&slot(PROTOCOL_UDP, &[(Count::Attempt, 2)])));
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        let flow = CountedFlow {
            key: slot(PROTOCOL_TCP, &[]).key,
            count: Count::Direct,
            n: 1,
        };
        assert_eq!(flow.ip(), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
