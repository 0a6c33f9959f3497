//! The links that hold programs at the cgroup, and the programs behind them.

use std::{
    fs::File,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use aya::Ebpf;
use egress_observer_common::programs::{CGROUP_PROGRAMS, CgroupProgram};

use super::{error::KernelError, pins::Pins, sys};

/// A program that is attached as long as this is open, or pinned.
#[derive(Debug)]
pub(super) struct Link {
    /// The program.
    pub(super) name: &'static str,
    pub(super) fd: OwnedFd,
}

impl Link {
    /// False if its cgroup is gone. A tracepoint never goes.
    pub(super) fn is_attached(&self) -> bool {
        let at_cgroup = CGROUP_PROGRAMS
            .iter()
            .any(|program| program.name == self.name);
        !at_cgroup || sys::link_cgroup(self.fd.as_fd()).is_some()
    }
}

/// Attaches a loaded program, behind its pinned link if there is one.
pub(super) fn attach(
    ebpf: &Ebpf,
    program: CgroupProgram,
    cgroup: &File,
    path: &Path,
    pins: Option<&Pins>,
) -> Result<Link, KernelError> {
    let CgroupProgram {
        name, attach_type, ..
    } = program;
    let program = ebpf
        .program(name)
        .ok_or(KernelError::NotInObject { name })?;
    let program = program
        .fd()
        .map_err(|source| KernelError::Program {
            name,
            source: Box::new(source),
        })?
        .as_fd();
    if let Some(fd) = pins.and_then(|pins| pins.replace(name, program)) {
        return Ok(Link { name, fd });
    }
    let fd = sys::create_link(program, cgroup.as_fd(), attach_type).map_err(|source| {
        KernelError::Attach {
            name,
            cgroup: path.to_owned(),
            source,
        }
    })?;
    if let Some(pins) = pins {
        pins.keep(name, fd.as_fd())?;
    }
    Ok(Link { name, fd })
}
