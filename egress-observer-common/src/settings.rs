//! The table of settings: constants in the programs that the agent fills in before it loads them.
//!
//! [`settings!`](crate::settings) holds the rows. Here they become constants, which the agent fills
//! in by; in the eBPF crate they become the statics that the programs read.

use crate::maps::Entries;

/// The rows, handed to the macro that is named: values as `NAME: type = default`, and fields of the
/// kernel's structures, whose offsets are filled in, as `NAME: structure.field.field`. Whoever asks
/// for them imports [`Entries`].
#[macro_export]
macro_rules! settings {
    ($with:ident) => {
        $with! {
            values {
                /// Entries of the map of attempts, a power of two, less one.
                EO_ATTEMPT_MASK: u32 = Entries::Attempts.in_object() - 1;
                /// Their logarithm: how many low bits of a cookie are the index.
                EO_ATTEMPT_BITS: u32 = Entries::Attempts.in_object().trailing_zeros();
                /// Entries of the map of proofs, a power of two, less one.
                EO_PROOF_MASK: u32 = Entries::Proofs.in_object() - 1;
                /// Slots there are.
                EO_MAX_SLOTS: u32 = Entries::Flows.in_object();
                /// First capture port.
                EO_CAPTURE_PORT_0: u32 = 15_001;
                /// Second capture port, 0 for none.
                EO_CAPTURE_PORT_1: u32 = 0;
                /// Third capture port, 0 for none.
                EO_CAPTURE_PORT_2: u32 = 0;
                /// Fourth capture port, 0 for none.
                EO_CAPTURE_PORT_3: u32 = 0;
                /// Lowest port that the kernel hands out by itself (`net.ipv4.ip_local_port_range`).
                EO_EPHEMERAL_LOW: u32 = 32_768;
                /// Id of the cgroup that the user side reads below.
                EO_ROOT_ID: u64 = 1;
                /// Half of the bytes of the buffer of DNS answers.
                EO_HALF_OF_ANSWERS: u32 = Entries::AnswerBytes.in_object() / 2;
                /// 1 if the offsets below are those of this kernel, 0 if they are not known.
                EO_KERNEL_TYPES: u32 = 0;
            }
            offsets {
                EO_SOCK_SOCKET: sock.sk_socket;
                EO_SOCK_CGROUP: sock.sk_cgrp_data.cgroup;
                EO_SOCK_ERR: sock.sk_err;
                EO_SOCKET_FILE: socket.file;
                EO_FILE_CRED: file.f_cred;
                EO_CRED_FSUID: cred.fsuid;
                EO_CRED_FSGID: cred.fsgid;
                EO_CGROUP_KN: cgroup.kn;
                EO_CGROUP_LEVEL: cgroup.level;
                EO_CGROUP_PARENT: cgroup.self.parent;
                EO_CSS_CGROUP: cgroup_subsys_state.cgroup;
                EO_CGROUP_ROOT: cgroup.root;
                EO_ROOT_HIERARCHY: cgroup_root.hierarchy_id;
                EO_KERNFS_ID: kernfs_node.id;
                EO_SOCK_OPS_SKB: bpf_sock_ops_kern.skb;
                EO_SKB_IIF: sk_buff.skb_iif;
            }
        }
    };
}

/// A setting whose value the agent knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BpfSetting<T> {
    /// Its name in the object.
    pub name: &'static str,
    /// What the object has before it is filled in.
    pub default: T,
}

/// A setting whose value is where a field is, in bytes: it differs from kernel to kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldOffset {
    /// Its name in the object.
    pub name: &'static str,
    /// The structure.
    pub structure: &'static str,
    /// The field in it, by the names that lead there.
    pub fields: &'static [&'static str],
}

macro_rules! constants {
    (
        values { $($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)* }
        offsets { $($offset:ident: $structure:ident$(.$field:tt)+;)* }
    ) => {
        $(
            $(#[$doc])*
            pub const $name: BpfSetting<$type> = BpfSetting {
                name: stringify!($name),
                default: $default,
            };
        )*

        /// The names of all values, and how many bytes each has.
        pub const VALUES: &[(&str, usize)] = &[$((stringify!($name), size_of::<$type>())),*];

        /// Every offset; all are `u32`.
        pub const OFFSETS: &[FieldOffset] = &[$(FieldOffset {
            name: stringify!($offset),
            structure: stringify!($structure),
            fields: &[$(stringify!($field)),+],
        }),*];
    };
}

settings!(constants);

/// Settings of the ports that connections are redirected to.
pub const CAPTURE_PORTS: [BpfSetting<u32>; 4] = [
    EO_CAPTURE_PORT_0,
    EO_CAPTURE_PORT_1,
    EO_CAPTURE_PORT_2,
    EO_CAPTURE_PORT_3,
];
