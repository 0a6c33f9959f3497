//! The table of programs: each one's name and hook, once.
//!
//! The entry points of the eBPF crate have these names and stand in these sections; a test compares
//! the object with the table.

use core::ffi::CStr;

/// A program that is attached to a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupProgram {
    /// Its name in the object, of its pinned link and in metrics.
    pub name: &'static str,
    /// Its section in the object, which says what kind of program it is.
    pub section: &'static str,
    /// Where it is attached: `enum bpf_attach_type` (`linux/bpf.h`).
    pub attach_type: u32,
}

/// A program at a raw tracepoint; it needs the kernel's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracepointProgram {
    /// Its name in the object, of its pinned link and in metrics.
    pub name: &'static str,
    /// Its section in the object.
    pub section: &'static str,
    /// The tracepoint (`include/trace/events/cgroup.h`).
    pub tracepoint: &'static CStr,
}

/// Sees `connect()` of `AF_INET` sockets; its link also tells which cgroup all are attached to.
pub const EO_CONNECT4: CgroupProgram = CgroupProgram {
    name: "eo_connect4",
    section: "cgroup/connect4",
    attach_type: 10,
};
/// Sees DNS answers; it may be switched off.
pub const EO_DNS: CgroupProgram = CgroupProgram {
    name: "eo_dns",
    section: "cgroup_skb/ingress",
    attach_type: 0,
};

/// Every program that is attached to a cgroup.
pub const CGROUP_PROGRAMS: [CgroupProgram; 6] = [
    EO_CONNECT4,
    CgroupProgram {
        name: "eo_connect6",
        section: "cgroup/connect6",
        attach_type: 11,
    },
    CgroupProgram {
        name: "eo_sendmsg4",
        section: "cgroup/sendmsg4",
        attach_type: 14,
    },
    CgroupProgram {
        name: "eo_sendmsg6",
        section: "cgroup/sendmsg6",
        attach_type: 15,
    },
    CgroupProgram {
        name: "eo_sock_ops",
        section: "sockops",
        attach_type: 3,
    },
    EO_DNS,
];

/// Every program at a tracepoint.
pub const TRACEPOINT_PROGRAMS: [TracepointProgram; 2] = [
    TracepointProgram {
        name: "eo_cgroup_made",
        section: "raw_tp/cgroup_mkdir",
        tracepoint: c"cgroup_mkdir",
    },
    TracepointProgram {
        name: "eo_cgroup_removed",
        section: "raw_tp/cgroup_rmdir",
        tracepoint: c"cgroup_rmdir",
    },
];

/// The names of all programs.
pub fn names() -> impl Iterator<Item = &'static str> {
    let at_cgroups = CGROUP_PROGRAMS.into_iter().map(|program| program.name);
    let at_tracepoints = TRACEPOINT_PROGRAMS.into_iter().map(|program| program.name);
    at_cgroups.chain(at_tracepoints)
}
