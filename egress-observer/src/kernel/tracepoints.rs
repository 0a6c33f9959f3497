//! The programs that are told of cgroups, at their tracepoints.
//!
//! They are a help that the agent can do without: a kernel without tracepoints, or one that lets no
//! program read its memory (lockdown), is no reason not to count.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use aya::{
    Ebpf,
    programs::{ProgramError, RawTracePoint},
};
use egress_observer_common::names;
use thiserror::Error;

use super::{KernelError, pins::Pins, sys};

/// Each program, and where it goes (`include/trace/events/cgroup.h`).
const TRACEPOINTS: [(&str, &CStr); 2] = [
    (names::CGROUP_MADE, c"cgroup_mkdir"),
    (names::CGROUP_REMOVED, c"cgroup_rmdir"),
];

/// Why the kernel does not tell.
#[derive(Debug, Error)]
pub(super) enum TracepointError {
    #[error("cannot load the eBPF program `{name}`")]
    Load {
        name: &'static str,
        source: ProgramError,
    },
    #[error("cannot attach `{name}` to its tracepoint")]
    Attach {
        name: &'static str,
        source: io::Error,
    },
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Loads and attaches both. There is one of each at any time, and for a moment two, when there was
/// one before: the link of a tracepoint takes no other program. What both tell is the same.
pub(super) fn start(
    ebpf: &mut Ebpf,
    pins: Option<&Pins>,
) -> Result<Vec<(&'static str, OwnedFd)>, TracepointError> {
    let attach = |(name, tracepoint)| {
        let link = open(ebpf, name, tracepoint)?;
        if let Some(pins) = pins {
            pins.remove_link(name);
            pins.keep(name, link.as_fd())?;
        }
        Ok((name, link))
    };
    TRACEPOINTS.into_iter().map(attach).collect()
}

/// Detaches what an agent before this one left.
pub(super) fn stop(pins: &Pins) {
    for (name, _) in TRACEPOINTS {
        pins.remove_link(name);
    }
}

fn open(
    ebpf: &mut Ebpf,
    name: &'static str,
    tracepoint: &CStr,
) -> Result<OwnedFd, TracepointError> {
    let failed = |source| TracepointError::Load { name, source };
    let program = ebpf
        .program_mut(name)
        .ok_or(KernelError::NotInObject { name })?;
    let program: &mut RawTracePoint = program.try_into().map_err(failed)?;
    program.load().map_err(failed)?;
    let program = program.fd().map_err(failed)?.as_fd();
    sys::open_tracepoint(program, tracepoint)
        .map_err(|source| TracepointError::Attach { name, source })
}
