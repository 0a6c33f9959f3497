//! The table of BPF maps: each one's name, kind, key, value and entries, once.
//!
//! [`maps!`](crate::maps) holds the rows. Here they become constants, which the agent loads, pins
//! and measures by; in the eBPF crate they become the maps themselves.

use crate::{
    cgroup::CgroupScratch,
    flow::{FlowKey, Slot},
    shared::N_SHARED,
    ticket::Proof,
    udp::UdpMemory,
};

/// The rows, handed to the macro that is named: `NAME: Kind<Key, Value>[entries]`. Whoever asks for
/// them imports the types of keys and values.
#[macro_export]
macro_rules! maps {
    ($with:ident) => {
        $with! {
            /// The counters of each flow, mapped by the user side.
            EO_SLOTS: Array<u32, Slot>[Entries::Flows];
            /// The slot index of each flow.
            EO_FLOWS: Hash<FlowKey, u32>[Entries::Flows];
            /// Slot indices that were given back.
            EO_FREE_SLOTS: Queue<(), u32>[Entries::Flows];
            /// Attempts under way, each a [`Ticket`](crate::Ticket), by socket cookie.
            EO_ATTEMPTS: Array<u32, u64>[Entries::Attempts];
            /// Loopback connections that wait for their listener, by sequence numbers.
            EO_PROOFS: Array<u32, Proof>[Entries::Proofs];
            /// One row of words, by [`SharedWord`](crate::SharedWord).
            EO_SHARED: Array<u32, [u64; N_SHARED]>[Entries::Fixed(1)];
            /// Destinations that an unconnected UDP socket sent to.
            EO_UDP_MEMORY: SkStorage<i32, UdpMemory>[Entries::Fixed(0)];
            /// DNS answers, each behind an [`AnswerHead`](crate::AnswerHead).
            EO_ANSWERS: RingBuf<(), ()>[Entries::AnswerBytes];
            /// [`CgroupRecord`](crate::CgroupRecord)s.
            EO_CGROUPS: RingBuf<(), ()>[Entries::Fixed(1 << 18)];
            /// Where each CPU puts a cgroup's record together.
            EO_SCRATCH: PerCpuArray<u32, CgroupScratch>[Entries::Fixed(1)];
        }
    };
}

/// A BPF map as it stands in the object, in the kernel and under the pin directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BpfMap {
    /// Its name.
    pub name: &'static str,
    /// What kind of map it is.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// How many entries it has.
    pub entries: Entries,
}

/// The kinds in use, numbered as in `enum bpf_map_type` (`linux/bpf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MapKind {
    /// `BPF_MAP_TYPE_HASH`, never an LRU: a full one fails, and the failure is counted.
    Hash = 1,
    /// `BPF_MAP_TYPE_ARRAY`, which both sides have mapped.
    Array = 2,
    /// `BPF_MAP_TYPE_PERCPU_ARRAY`.
    PerCpuArray = 6,
    /// `BPF_MAP_TYPE_QUEUE`.
    Queue = 22,
    /// `BPF_MAP_TYPE_SK_STORAGE`.
    SkStorage = 24,
    /// `BPF_MAP_TYPE_RINGBUF`.
    RingBuf = 27,
}

impl MapKind {
    /// The flags that maps of the kind are made with.
    pub const fn flags(self) -> u32 {
        const BPF_F_NO_PREALLOC: u32 = 1;
        const BPF_F_MMAPABLE: u32 = 1 << 10;
        match self {
            Self::Hash | Self::SkStorage => BPF_F_NO_PREALLOC,
            Self::Array => BPF_F_MMAPABLE,
            Self::PerCpuArray | Self::Queue | Self::RingBuf => 0,
        }
    }
}

/// What decides how many entries a map has; of a ring buffer, how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// The agent's `--max-flows`.
    Flows,
    /// The agent's `--max-attempts`.
    Attempts,
    /// The agent's `--max-proofs`.
    Proofs,
    /// The agent's `--dns-buffer`.
    AnswerBytes,
    /// This table.
    Fixed(u32),
}

impl Entries {
    /// How many the object has; the agent asks for others when it loads.
    pub const fn in_object(self) -> u32 {
        match self {
            Self::Flows | Self::Attempts | Self::Proofs => 1 << 16,
            Self::AnswerBytes => 1 << 19,
            Self::Fixed(entries) => entries,
        }
    }
}

impl BpfMap {
    /// Whether it outlives the agent. What a CPU keeps for a moment does not.
    pub const fn is_pinned(&self) -> bool {
        !matches!(self.kind, MapKind::PerCpuArray)
    }
}

macro_rules! constants {
    ($($(#[$doc:meta])* $name:ident: $kind:ident<$key:ty, $value:ty>[$entries:expr];)*) => {
        $(
            $(#[$doc])*
            pub const $name: BpfMap = BpfMap {
                name: stringify!($name),
                kind: MapKind::$kind,
                key_size: size_of::<$key>() as u32,
                value_size: size_of::<$value>() as u32,
                entries: $entries,
            };
        )*

        /// Every map.
        pub const MAPS: &[BpfMap] = &[$($name),*];
    };
}

maps!(constants);

/// The maps whose entries are metrics, each with the name that it has there.
pub const MEASURED: [(&str, BpfMap); 3] = [
    ("flows", EO_FLOWS),
    ("attempts", EO_ATTEMPTS),
    ("proofs", EO_PROOFS),
];
