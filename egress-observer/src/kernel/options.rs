//! How the kernel side is loaded and attached: what the operator asks for.

use std::path::PathBuf;

use egress_observer_common::{
    Entries,
    maps::BpfMap,
    programs::{CGROUP_PROGRAMS, CgroupProgram, EO_DNS},
};
use tracing::warn;

/// Entries of the maps that the operator may size.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Flows, and slots.
    pub flows: u32,
    /// Attempts under way: a power of two.
    pub attempts: u32,
    /// Loopback connections waiting for their listener: a power of two, at least 4.
    pub proofs: u32,
    /// Bytes for DNS answers that were not read yet: a power of two, whole pages.
    pub answers: u32,
}

impl Sizes {
    /// The size that a map has, if it is the operator's to choose.
    pub(super) fn of(&mut self, map: &BpfMap) -> Option<&mut u32> {
        match map.entries {
            Entries::Flows => Some(&mut self.flows),
            Entries::Attempts => Some(&mut self.attempts),
            Entries::Proofs => Some(&mut self.proofs),
            Entries::AnswerBytes => Some(&mut self.answers),
            Entries::Fixed(_) => None,
        }
    }

    /// A pinned map keeps its size.
    pub(super) fn adopt(&mut self, map: &BpfMap, entries: u32) {
        if let Some(size) = self.of(map)
            && *size != entries
        {
            warn!(
                table = map.name,
                entries,
                asked = *size,
                "a pinned table keeps its size"
            );
            *size = entries;
        }
    }
}

/// How to load and attach.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Where to attach.
    pub cgroup: PathBuf,
    /// Where to pin; `None` not to.
    pub pin_dir: Option<PathBuf>,
    /// The running kernel's type information.
    pub btf: PathBuf,
    /// Sizes of the maps.
    pub sizes: Sizes,
    /// At most four ports that the mesh redirects to.
    pub capture_ports: Vec<u16>,
    /// Whether DNS answers are looked for.
    pub dns: bool,
}

impl KernelOptions {
    /// The programs to attach to the cgroup.
    pub(super) fn programs(&self) -> impl Iterator<Item = CgroupProgram> {
        CGROUP_PROGRAMS
            .into_iter()
            .filter(|program| self.dns || *program != EO_DNS)
    }
}
