//! Whose socket it is: the cgroup and the user that the kernel itself goes by.
//!
//! Both are properties of the socket, not of the caller: netfilter's `owner` match (`xt_owner.c`)
//! compares `sk->sk_socket->file->f_cred->{fsuid,fsgid}`, and cgroup programs run for
//! `sk->sk_cgrp_data.cgroup`. With the kernel's type information they are plain loads that the
//! verifier checks; without it the calling task has to stand for them.

use aya_ebpf::{
    bindings::bpf_sock,
    helpers::{bpf_get_current_cgroup_id, bpf_get_current_uid_gid, generated::bpf_skc_to_tcp_sock},
};

use crate::settings;

/// Stands for the owner of a socket that no file, and so no user, belongs to.
const NOBODY: u32 = u32::MAX;

/// Who a connection is counted for.
pub(crate) struct SocketOwner {
    pub(crate) cgroup: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Reads the field of type `T` at `offset` of a kernel structure.
///
/// # Safety
/// `base` comes from a helper, or from another such load, and `offset` is that of a field of type
/// `T` in its structure. The verifier checks both; a bad pointer reads as 0.
#[inline(always)]
unsafe fn field<T>(base: *const u8, offset: u32) -> T {
    // SAFETY: the caller's promise.
    let at = unsafe { base.add(offset as usize) };
    // SAFETY: as above; volatile, so that the load keeps its size.
    unsafe { core::ptr::read_volatile(at.cast()) }
}

/// The `struct tcp_sock`, which begins with its `struct sock`, or null for other sockets.
#[inline(always)]
pub(crate) fn tcp_sock(sk: *mut bpf_sock) -> *const u8 {
    // SAFETY: `sk` comes from the context and is not null; the helper checks the rest.
    unsafe { bpf_skc_to_tcp_sock(sk.cast()) }
        .cast_const()
        .cast()
}

/// `sk->sk_err`, or `None` where the kernel's types are not known.
#[inline(always)]
pub(crate) fn socket_error(sk: *mut bpf_sock) -> Option<u32> {
    if settings::EO_KERNEL_TYPES.get() == 0 || sk.is_null() {
        return None;
    }
    let tcp = tcp_sock(sk);
    if tcp.is_null() {
        return None;
    }
    // SAFETY: `tcp` begins with a `struct sock`.
    Some(unsafe { field(tcp, settings::EO_SOCK_ERR.get()) })
}

/// The owner of a TCP socket.
#[inline(always)]
pub(crate) fn of_tcp(sk: *mut bpf_sock) -> SocketOwner {
    if settings::EO_KERNEL_TYPES.get() == 0 {
        return of_caller();
    }
    let tcp = tcp_sock(sk);
    if tcp.is_null() {
        return of_caller();
    }
    // SAFETY: `tcp` begins with a `struct sock`.
    let cgroup: *const u8 = unsafe { field(tcp, settings::EO_SOCK_CGROUP.get()) };
    // SAFETY: a `struct cgroup`.
    let node: *const u8 = unsafe { field(cgroup, settings::EO_CGROUP_KN.get()) };
    // SAFETY: a `struct kernfs_node`.
    let cgroup: u64 = unsafe { field(node, settings::EO_KERNFS_ID.get()) };
    // SAFETY: `tcp` begins with a `struct sock`.
    let socket: *const u8 = unsafe { field(tcp, settings::EO_SOCK_SOCKET.get()) };
    if socket.is_null() {
        return SocketOwner {
            cgroup,
            uid: NOBODY,
            gid: NOBODY,
        };
    }
    // SAFETY: a `struct socket`.
    let file: *const u8 = unsafe { field(socket, settings::EO_SOCKET_FILE.get()) };
    if file.is_null() {
        return SocketOwner {
            cgroup,
            uid: NOBODY,
            gid: NOBODY,
        };
    }
    // SAFETY: a `struct file`.
    let cred: *const u8 = unsafe { field(file, settings::EO_FILE_CRED.get()) };
    // SAFETY: a `struct cred`.
    let uid = unsafe { field(cred, settings::EO_CRED_FSUID.get()) };
    // SAFETY: a `struct cred`.
    let gid = unsafe { field(cred, settings::EO_CRED_FSGID.get()) };
    SocketOwner { cgroup, uid, gid }
}

/// The calling task in the owner's place: the same unless a socket was handed on or made before a
/// change of user. For UDP always: no helper gives its kernel structure, and no rule needs it.
#[inline(always)]
pub(crate) fn of_caller() -> SocketOwner {
    let ids = bpf_get_current_uid_gid();
    // SAFETY: reads the current task.
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    SocketOwner {
        cgroup,
        uid: ids as u32,
        gid: (ids >> 32) as u32,
    }
}
