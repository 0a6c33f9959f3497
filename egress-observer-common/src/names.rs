//! Names of programs and tables, as they stand in the object and under the pin directory.

/// `cgroup/connect4`.
pub const CONNECT4: &str = "eo_connect4";
/// `cgroup/connect6`.
pub const CONNECT6: &str = "eo_connect6";
/// `cgroup/sendmsg4`.
pub const SENDMSG4: &str = "eo_sendmsg4";
/// `cgroup/sendmsg6`.
pub const SENDMSG6: &str = "eo_sendmsg6";
/// `sock_ops`.
pub const SOCK_OPS: &str = "eo_sock_ops";

/// `cgroup_skb/ingress`.
pub const DNS: &str = "eo_dns";

/// Raw tracepoint `cgroup_mkdir`.
pub const CGROUP_MADE: &str = "eo_cgroup_made";
/// Raw tracepoint `cgroup_rmdir`.
pub const CGROUP_REMOVED: &str = "eo_cgroup_removed";

/// The programs that are attached to a cgroup; [`DNS`] may be switched off.
pub const CGROUP_PROGRAMS: [&str; 6] = [CONNECT4, CONNECT6, SENDMSG4, SENDMSG6, SOCK_OPS, DNS];
/// The programs at tracepoints; they need the kernel's types.
pub const TRACEPOINT_PROGRAMS: [&str; 2] = [CGROUP_MADE, CGROUP_REMOVED];

/// HASH: [`FlowKey`](crate::FlowKey) to slot index.
pub const FLOWS: &str = "EO_FLOWS";
/// ARRAY of [`Slot`](crate::Slot), mapped by the user side.
pub const SLOTS: &str = "EO_SLOTS";
/// QUEUE of slot indices that were given back.
pub const FREE_SLOTS: &str = "EO_FREE_SLOTS";
/// ARRAY of [`Ticket`](crate::Ticket): attempts under way, by socket cookie.
pub const ATTEMPTS: &str = "EO_ATTEMPTS";
/// ARRAY of [`Proof`](crate::Proof), by sequence numbers.
pub const PROOFS: &str = "EO_PROOFS";
/// ARRAY of one `[u64; N_SHARED]`, by [`Shared`](crate::Shared).
pub const SHARED: &str = "EO_SHARED";
/// SK_STORAGE: destinations that an unconnected UDP socket sent to.
pub const UDP_MEMORY: &str = "EO_UDP_MEMORY";

/// RINGBUF of DNS answers, each behind an [`AnswerHead`](crate::AnswerHead).
pub const ANSWERS: &str = "EO_ANSWERS";
/// RINGBUF of [`CgroupRecord`](crate::CgroupRecord)s.
pub const CGROUPS: &str = "EO_CGROUPS";

/// Every table that is pinned.
pub const TABLES: [&str; 9] = [
    FLOWS, SLOTS, FREE_SLOTS, ATTEMPTS, PROOFS, SHARED, UDP_MEMORY, ANSWERS, CGROUPS,
];
