//! Constants that the user side fills in before it loads the programs. The verifier sees them as
//! known numbers and drops the branches they rule out.

use core::ptr::{addr_of, read_volatile};

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident / $get:ident: $type:ty = $default:expr;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        static $name: $type = $default;

        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $get() -> $type {
            // SAFETY: an initialised static; volatile, so that the compiler does not settle the
            // value that the user side overrides in the object.
            unsafe { read_volatile(addr_of!($name)) }
        }
    )*};
}

settings! {
    /// Entries of the table of attempts, a power of two, less one.
    EO_ATTEMPT_MASK / attempt_mask: u32 = 0xffff;
    /// Its logarithm: how many low bits of a cookie are the index.
    EO_ATTEMPT_BITS / attempt_bits: u32 = 16;
    /// Entries of the table of proofs, a power of two, less one.
    EO_PROOF_MASK / proof_mask: u32 = 0xffff;
    /// Slots there are.
    EO_MAX_SLOTS / max_slots: u32 = 65_536;
    /// First capture port.
    EO_CAPTURE_PORT_0 / capture_port_0: u32 = 15_001;
    /// Second capture port, 0 for none.
    EO_CAPTURE_PORT_1 / capture_port_1: u32 = 0;
    /// Third capture port, 0 for none.
    EO_CAPTURE_PORT_2 / capture_port_2: u32 = 0;
    /// Fourth capture port, 0 for none.
    EO_CAPTURE_PORT_3 / capture_port_3: u32 = 0;
    /// Lowest port that the kernel hands out by itself (`net.ipv4.ip_local_port_range`).
    EO_EPHEMERAL_LOW / ephemeral_low: u32 = 32_768;

    /// Id of the cgroup that the user side reads below.
    EO_ROOT_ID / root_id: u64 = 1;
    /// Half of the bytes of the buffer of DNS answers.
    EO_HALF_OF_ANSWERS / half_of_answers: u32 = 0x4_0000;

    /// 1 if the offsets below are those of this kernel, 0 if they are not known.
    EO_KERNEL_TYPES / kernel_types: u32 = 0;
    /// `struct sock`: `sk_socket`.
    EO_SOCK_SOCKET / sock_socket: u32 = 0;
    /// `struct sock`: `sk_cgrp_data.cgroup`.
    EO_SOCK_CGROUP / sock_cgroup: u32 = 0;
    /// `struct sock`: `sk_err`.
    EO_SOCK_ERR / sock_err: u32 = 0;
    /// `struct socket`: `file`.
    EO_SOCKET_FILE / socket_file: u32 = 0;
    /// `struct file`: `f_cred`.
    EO_FILE_CRED / file_cred: u32 = 0;
    /// `struct cred`: `fsuid`.
    EO_CRED_FSUID / cred_fsuid: u32 = 0;
    /// `struct cred`: `fsgid`.
    EO_CRED_FSGID / cred_fsgid: u32 = 0;
    /// `struct cgroup`: `kn`.
    EO_CGROUP_KN / cgroup_kn: u32 = 0;
    /// `struct cgroup`: `level`.
    EO_CGROUP_LEVEL / cgroup_level: u32 = 0;
    /// `struct cgroup`: `self.parent`.
    EO_CGROUP_PARENT / cgroup_parent: u32 = 0;
    /// `struct cgroup_subsys_state`: `cgroup`.
    EO_CSS_CGROUP / css_cgroup: u32 = 0;
    /// `struct cgroup`: `root`.
    EO_CGROUP_ROOT / cgroup_root: u32 = 0;
    /// `struct cgroup_root`: `hierarchy_id`.
    EO_ROOT_HIERARCHY / root_hierarchy: u32 = 0;
    /// `struct bpf_sock_ops_kern`: `skb`.
    EO_SOCK_OPS_SKB / sock_ops_skb: u32 = 0;
    /// `struct sk_buff`: `skb_iif`.
    EO_SKB_IIF / skb_iif: u32 = 0;
    /// `struct kernfs_node`: `id`.
    EO_KERNFS_ID / kernfs_id: u32 = 0;
}

/// True if connections are redirected to this port.
#[inline(always)]
pub(crate) fn is_capture_port(port: u32) -> bool {
    port != 0
        && (port == capture_port_0()
            || port == capture_port_1()
            || port == capture_port_2()
            || port == capture_port_3())
}
