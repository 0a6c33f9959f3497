//! What the kernel keeps for each thread by itself: its network namespace, and the owner of the
//! sockets that it makes. The only unsafe calls of this crate.
#![expect(
    unsafe_code,
    reason = "system calls that the standard library does not have"
)]

use std::{
    fs::File,
    io::{Error, Result},
    os::fd::AsRawFd as _,
    path::Path,
};

use anyhow::Context as _;

/// Moves the calling thread, and programs that it starts, into a network namespace.
pub(crate) fn enter(netns: &Path) -> anyhow::Result<()> {
    let file = File::open(netns).with_context(|| format!("cannot open {}", netns.display()))?;
    // SAFETY: setns takes a descriptor, which `file` keeps open, and touches no memory of ours.
    let outcome = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    if outcome != 0 {
        return Err(Error::last_os_error()).context("cannot enter a network namespace");
    }
    Ok(())
}

/// Makes a socket that belongs to a user and a group: the rules compare the file system ids of its
/// creator.
pub(crate) fn owned_by<T>(uid: u32, gid: u32, make: impl FnOnce() -> Result<T>) -> Result<T> {
    set(uid, gid)?;
    let made = make();
    set(0, 0)?;
    made
}

/// These calls say what was before, and change nothing when they may not.
fn set(uid: u32, gid: u32) -> Result<()> {
    // SAFETY: setfsgid takes a number and changes the calling thread's credentials only.
    unsafe { libc::setfsgid(gid) };
    // SAFETY: as above.
    unsafe { libc::setfsuid(uid) };
    // SAFETY: as above; this is how to ask what the id is now.
    let gid_now = unsafe { libc::setfsgid(gid) };
    // SAFETY: as above.
    let uid_now = unsafe { libc::setfsuid(uid) };
    let wanted = (uid.cast_signed(), gid.cast_signed());
    if (uid_now, gid_now) == wanted {
        Ok(())
    } else {
        Err(Error::other("cannot take on the owner of a socket"))
    }
}
