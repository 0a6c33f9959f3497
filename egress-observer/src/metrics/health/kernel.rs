//! The kernel side: its programs, its tables, and what they lost.

use egress_observer_common::{SharedWord, maps::MEASURED, programs::CGROUP_PROGRAMS};
use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

use super::maker::{Maker, catch_up};
use crate::{flow::Ledger, kernel::Tables};

/// What became of connections in the kernel: losses first.
#[derive(Debug)]
pub struct KernelHealth {
    flows_lost: IntCounterVec,
    events_lost: IntCounterVec,
    udp_replies: IntCounter,
    unmatched_accepts: IntCounter,
    program_attached: IntGaugeVec,
    map_entries: IntGaugeVec,
    map_max_entries: IntGaugeVec,
}

impl KernelHealth {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        let metrics = Self {
            flows_lost: make.counters(
                "flows_lost_total",
                "Connections that are in no other metric, by cause.",
                "cause",
            )?,
            events_lost: make.counters(
                "events_lost_total",
                "What a full table or buffer lost track of: connections that count as unknown, \
                 or, for udp_memory, are counted again; for dns_buffer, DNS answers; for cgroup_buffer, \
                 cgroups.",
                "source",
            )?,
            udp_replies: make.counter(
                "udp_replies_total",
                "Datagrams taken for the answer of a UDP server, which is no outbound connection.",
            )?,
            unmatched_accepts: make.counter(
                "unmatched_accepts_total",
                "Connections accepted on a capture port whose client was not seen to connect.",
            )?,
            program_attached: make.gauges(
                "bpf_program_attached",
                "Whether the program is attached.",
                "program",
            )?,
            map_entries: make.gauges("bpf_map_entries", "Entries in use.", "map")?,
            map_max_entries: make.gauges("bpf_map_max_entries", "Entries there are.", "map")?,
        };
        // One at a tracepoint that cannot be there is none that is missing.
        for program in CGROUP_PROGRAMS {
            let attached = &metrics.program_attached;
            attached.with_label_values(&[program.name]).set(0);
        }
        Ok(metrics)
    }

    /// Notes which programs are attached.
    pub fn attached(&self, programs: impl Iterator<Item = (&'static str, bool)>) {
        for (program, attached) in programs {
            self.program_attached
                .with_label_values(&[program])
                .set(attached.into());
        }
    }

    /// Brings everything that the tables tell up to date.
    pub(super) fn update(&self, tables: &Tables, ledger: &Ledger) {
        for (cause, word) in [
            ("flow_table_full", SharedWord::FlowTableFull),
            ("slot_reused", SharedWord::SlotReused),
        ] {
            let lost = self.flows_lost.with_label_values(&[cause]);
            catch_up(&lost, tables.shared(word));
        }
        for (source, word) in [
            ("attempt_table", SharedWord::AttemptTableFull),
            ("proof_table", SharedWord::ProofTableFull),
            ("udp_memory", SharedWord::UdpMemoryFull),
            ("dns_buffer", SharedWord::AnswersLost),
            ("cgroup_buffer", SharedWord::CgroupsLost),
        ] {
            let lost = self.events_lost.with_label_values(&[source]);
            catch_up(&lost, tables.shared(word));
        }
        catch_up(&self.udp_replies, tables.shared(SharedWord::UdpReplies));
        catch_up(
            &self.unmatched_accepts,
            tables.shared(SharedWord::UnmatchedAccepts),
        );
        let (max_slots, max_attempts, max_proofs) = tables.sizes();
        let entries = [
            (ledger.n_flows(), max_slots),
            (ledger.n_attempts(), max_attempts),
            (ledger.n_proofs(), max_proofs),
        ];
        for ((map, _), (entries, max)) in MEASURED.into_iter().zip(entries) {
            self.map_entries
                .with_label_values(&[map])
                .set(entries as i64);
            self.map_max_entries
                .with_label_values(&[map])
                .set(max.into());
        }
    }
}
