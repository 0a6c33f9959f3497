//! The atomic operations of eBPF. The target has no `AtomicU64`, and the compiler's intrinsics
//! change from one version to the next; the assembler's words do not.
//!
//! All need the v3 instruction set, which kernels run since 5.12.

use core::arch::asm;

/// Adds one.
#[inline(always)]
pub(crate) fn increment(cell: *mut u64) {
    // SAFETY: `cell` points into a table's value, which lives as long as the program runs; the
    // verifier refuses the program otherwise.
    unsafe {
        asm!("lock *(u64 *)({cell} + 0) += {one}", cell = in(reg) cell, one = in(reg) 1_u64);
    }
}

/// Adds one and returns what was there.
#[inline(always)]
pub(crate) fn fetch_increment(cell: *mut u64) -> u64 {
    let mut value = 1_u64;
    // SAFETY: as in `increment`.
    unsafe {
        asm!(
            "{value} = atomic_fetch_add((u64 *)({cell} + 0), {value})",
            cell = in(reg) cell,
            value = inout(reg) value,
        );
    }
    value
}

/// Puts `value` there and returns what was there.
#[inline(always)]
pub(crate) fn swap(cell: *mut u64, value: u64) -> u64 {
    let mut value = value;
    // SAFETY: as in `increment`.
    unsafe {
        asm!(
            "{value} = xchg_64({cell} + 0, {value})",
            cell = in(reg) cell,
            value = inout(reg) value,
        );
    }
    value
}

/// Puts `new` there if `current` is there. True if it was.
#[inline(always)]
pub(crate) fn replace(cell: *mut u64, current: u64, new: u64) -> bool {
    let found: u64;
    // SAFETY: as in `increment`.
    unsafe {
        asm!(
            "r0 = cmpxchg_64({cell} + 0, r0, {new})",
            cell = in(reg) cell,
            new = in(reg) new,
            inout("r0") current => found,
        );
    }
    found == current
}
