//! Raw tracepoints `cgroup_mkdir` and `cgroup_rmdir`: a cgroup comes or goes.
//!
//! The kernel (`kernel/cgroup/cgroup.c`) calls the first before the directory can be seen, so before
//! anything can run in it, and the second when nothing does any more, each with the cgroup and its
//! path from the root of its hierarchy. A container's name is thus on its way to the user side before
//! the container can connect, and stays there however short its life is.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_probe_read_kernel, generated::bpf_probe_read_kernel_str},
    programs::RawTracePointContext,
};
use core::{arch::asm, slice};
use egress_observer_common::{CGROUP_PATH_LEN, CgroupScratch, SharedWord};

use crate::{settings, tables};

/// `hierarchy_id` of the default hierarchy, cgroup v2 (`cgroup_setup_root`). Others have the same ids.
const V2: u32 = 0;
/// How far below the agent's cgroup root cgroups are followed. Runtimes nest about ten deep.
const LEVELS: u32 = 32;

/// Hands on that a cgroup was made.
#[inline(always)]
pub(crate) fn made(ctx: &RawTracePointContext) {
    let cgroup = ctx.arg(0);
    let Some(above) = above(cgroup) else { return };
    let Some(id) = id(cgroup) else { return };
    let Some(scratch) = tables::EO_SCRATCH.get_ptr_mut(0) else {
        return;
    };
    // The kernel calls with interrupts off (`TRACE_CGROUP_PATH`): nobody else has this CPU's now.
    // SAFETY: a value of the table.
    unsafe { (&raw mut (*scratch).id).write(id) };
    // SAFETY: as above.
    unsafe { (&raw mut (*scratch).above).write(above) };
    // SAFETY: as above; no reference is made.
    let to = unsafe { &raw mut (*scratch).path };
    let path: *const u8 = ctx.arg(1);
    // SAFETY: a buffer of the length given; a bad address is an error.
    let len = unsafe { bpf_probe_read_kernel_str(to.cast(), CGROUP_PATH_LEN as u32, path.cast()) };
    if len <= 1 {
        return;
    }
    // Without the 0 at the end.
    let mut len = len as usize - 1;
    // So that the verifier knows, too; the compiler would leave it out.
    // SAFETY: changes a register only.
    unsafe { asm!("{len} &= {mask}", len = inout(reg) len, mask = const CGROUP_PATH_LEN - 1) };
    let head = size_of::<CgroupScratch>() - CGROUP_PATH_LEN;
    // SAFETY: all of it was just written.
    let record = unsafe { slice::from_raw_parts(scratch.cast::<u8>(), head + len) };
    hand_on(record);
}

/// Hands on that a cgroup was removed.
#[inline(always)]
pub(crate) fn removed(ctx: &RawTracePointContext) {
    let cgroup = ctx.arg(0);
    if is_v2(cgroup)
        && let Some(id) = id(cgroup)
    {
        hand_on(&id.to_ne_bytes());
    }
}

/// How many names of its path lead to the agent's cgroup root; `None` if it is not below that.
#[inline(always)]
fn above(cgroup: *const u8) -> Option<u64> {
    if !is_v2(cgroup) {
        return None;
    }
    let level: u32 = field(cgroup, settings::EO_CGROUP_LEVEL.get())?;
    let mut ancestor = cgroup;
    for depth in 1..=LEVELS {
        // `self` is the part of a cgroup by which its parent knows it.
        let parent: *const u8 = field(ancestor, settings::EO_CGROUP_PARENT.get())?;
        ancestor = field(parent, settings::EO_CSS_CGROUP.get())?;
        if id(ancestor)? == settings::EO_ROOT_ID.get() {
            return Some(u64::from(level.wrapping_sub(depth)));
        }
    }
    None
}

#[inline(always)]
fn is_v2(cgroup: *const u8) -> bool {
    let root: Option<*const u8> = field(cgroup, settings::EO_CGROUP_ROOT.get());
    root.and_then(|root| field(root, settings::EO_ROOT_HIERARCHY.get())) == Some(V2)
}

/// The id of a `struct cgroup`.
#[inline(always)]
fn id(cgroup: *const u8) -> Option<u64> {
    let node: *const u8 = field(cgroup, settings::EO_CGROUP_KN.get())?;
    field(node, settings::EO_KERNFS_ID.get())
}

/// The field of type `T` at `offset` of a kernel structure.
#[inline(always)]
fn field<T>(base: *const u8, offset: u32) -> Option<T> {
    let at = base.wrapping_add(offset as usize).cast();
    // SAFETY: the helper checks the address; settings are loaded with the offsets of this kernel, or
    // the program is not loaded.
    unsafe { bpf_probe_read_kernel(at) }.ok()
}

#[inline(always)]
fn hand_on(record: &[u8]) {
    // The user side looks before it needs a name: nobody is woken.
    let done = tables::EO_CGROUPS.output::<[u8]>(record, u64::from(BPF_RB_NO_WAKEUP));
    if done.is_err() {
        tables::note(SharedWord::CgroupsLost);
    }
}
