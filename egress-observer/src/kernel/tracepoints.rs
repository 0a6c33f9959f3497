//! The programs that are told of cgroups, at their tracepoints.
//!
//! They are a help that the agent can do without: a kernel without tracepoints, or one that lets no
//! program read its memory (lockdown), is no reason not to count.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use aya::{
    Ebpf,
    programs::{Program, ProgramError, RawTracePoint},
};
use egress_observer_common::programs::{TRACEPOINT_PROGRAMS, TracepointProgram};
use thiserror::Error;

use super::{error::KernelError, links::Link, pins::Pins, sys};

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
pub(super) fn start(ebpf: &mut Ebpf, pins: Option<&Pins>) -> Result<Vec<Link>, TracepointError> {
    let mut links = Vec::new();
    for program in TRACEPOINT_PROGRAMS {
        let name = program.name;
        let fd = open(ebpf, program)?;
        if let Some(pins) = pins {
            pins.remove_link(name);
            pins.keep(name, fd.as_fd())?;
        }
        links.push(Link { name, fd });
    }
    Ok(links)
}

/// Detaches what an agent before this one left.
pub(super) fn stop(pins: &Pins) {
    for program in TRACEPOINT_PROGRAMS {
        pins.remove_link(program.name);
    }
}

fn open(ebpf: &mut Ebpf, program: TracepointProgram) -> Result<OwnedFd, TracepointError> {
    let name = program.name;
    let loaded = load(ebpf, name)?;
    sys::open_tracepoint(loaded, program.tracepoint)
        .map_err(|source| TracepointError::Attach { name, source })
}

fn load<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<BorrowedFd<'a>, TracepointError> {
    let program = ebpf
        .program_mut(name)
        .ok_or(KernelError::NotInObject { name })?;
    verify(program).map_err(|source| TracepointError::Load { name, source })
}

fn verify(program: &mut Program) -> Result<BorrowedFd<'_>, ProgramError> {
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    Ok(program.fd()?.as_fd())
}
