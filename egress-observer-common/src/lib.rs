//! What the kernel side and the user side share: the layout of what stands in maps, and the tables of
//! [`maps`], [`programs`] and [`settings`] that both sides are made from.
//!
//! A type here is `repr(C)`, made of integers and arrays of integers, without hidden padding, in
//! the byte order of the machine (the two sides always run on the same one). Addresses are the
//! exception: 16 bytes in network order, an IPv4 address as its IPv4-mapped IPv6 form, so that one
//! destination has one key whatever kind of socket dialled it.
//!
//! Pinned maps outlive the program that made them, so any change of size, order or meaning of a
//! field here, or of a pinned map's row in [`maps`], needs a new [`LAYOUT_VERSION`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod answer;
mod cgroup;
mod flow;
pub mod maps;
pub mod programs;
pub mod settings;
mod shared;
mod ticket;
mod udp;

pub use answer::{ANSWER_SIZES, AnswerHead};
pub use cgroup::{CGROUP_PATH_LEN, CgroupRecord, CgroupScratch};
pub use flow::{Count, FlowKey, N_COUNTS, PROTOCOL_TCP, PROTOCOL_UDP, Slot, SlotState};
pub use maps::Entries;
pub use shared::{N_SHARED, SharedWord};
pub use ticket::{GENERATIONS, MAX_SLOTS, PROOF_WAYS, Proof, Ticket};
pub use udp::UdpMemory;

/// Version of everything in this crate; part of the directory that pinned maps live in.
pub const LAYOUT_VERSION: u32 = 3;
