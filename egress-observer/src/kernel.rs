//! The kernel side, loaded and attached: programs, links, tables.
//!
//! Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN ([`preflight`]). With a BPF file system, links and
//! tables stay in the kernel when the process ends, and the next agent takes them over: programs
//! are replaced in place, so that no connection goes uncounted meanwhile.

mod answers;
mod cgroups;
mod error;
mod links;
mod load;
mod mapping;
mod options;
mod pins;
pub mod preflight;
mod sys;
mod tables;
mod take;
mod tracepoints;
mod types;

use std::{fs::File, os::unix::fs::MetadataExt as _, path::Path};

use aya::Ebpf;
use egress_observer_common::programs::EO_DNS;
use tracing::{info, warn};

pub use self::{
    answers::Answers,
    cgroups::CgroupRecords,
    error::KernelError,
    options::{KernelOptions, Sizes},
    tables::{SlotCounts, SlotView, Tables},
};
use self::{links::Link, pins::Pins};

/// The attached programs.
pub struct Kernel {
    /// Their tables.
    pub tables: Tables,
    /// What they tell of DNS.
    pub answers: Answers,
    /// What they tell of cgroups, if this kernel lets them.
    pub cgroups: Option<CgroupRecords>,
    /// Whether links and tables outlive the process.
    pub pinned: bool,
    /// Whether sockets tell their owner; else the calling task stands for it.
    pub knows_owners: bool,
    /// Keeps the programs open, so that `/proc/<pid>/fdinfo` tells how long they ran.
    _ebpf: Ebpf,
    /// Keeps other agents away from the pins.
    _pins: Option<Pins>,
    /// Keeps the programs attached where nothing is pinned.
    links: Vec<Link>,
}

impl Kernel {
    /// Loads, or takes over, and attaches.
    pub fn start(options: &KernelOptions) -> Result<Self, KernelError> {
        load::check()?;
        let (cgroup, root) = open_cgroup(&options.cgroup)?;
        let pins = match &options.pin_dir {
            Some(dir) => Pins::open(dir)?,
            None => None,
        };
        let mut sizes = options.sizes;
        if let Some(pins) = &pins {
            pins.adopt_tables(&mut sizes)?;
            if pins.attached_to().is_some_and(|there| there != root) {
                warn!(cgroup = %options.cgroup.display(), "moving the programs to another cgroup");
                pins.remove_links();
            }
        }
        let (mut ebpf, knows_owners) = load::load(options, sizes, pins.as_ref(), root)?;
        // First: what connects has been told of.
        let told = if knows_owners {
            follow_cgroups(&mut ebpf, pins.as_ref())
        } else {
            Vec::new()
        };
        if let Some(pins) = &pins {
            if !options.dns {
                pins.remove_link(EO_DNS.name);
            }
            if told.is_empty() {
                tracepoints::stop(pins);
            }
        }
        let mut links = Vec::new();
        for program in options.programs() {
            let path = &options.cgroup;
            links.push(links::attach(&ebpf, program, &cgroup, path, pins.as_ref())?);
        }
        let tables = Tables::take(&mut ebpf)?;
        let answers = Answers::take(&mut ebpf)?;
        let cgroups = CgroupRecords::take(&mut ebpf)?;
        let cgroups = (!told.is_empty()).then_some(cgroups);
        links.extend(told);
        sys::give_memory_back();
        info!(
            cgroup = %options.cgroup.display(), pinned = pins.is_some(), knows_owners,
            told_of_cgroups = cgroups.is_some(), "attached"
        );
        Ok(Self {
            tables,
            answers,
            cgroups,
            pinned: pins.is_some(),
            knows_owners,
            _ebpf: ebpf,
            _pins: pins,
            links,
        })
    }

    /// Each program, and whether it is attached.
    pub fn attached(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.links
            .iter()
            .map(|link| (link.name, link.is_attached()))
    }
}

/// Opens the cgroup to attach to; its id is the number of its directory.
fn open_cgroup(path: &Path) -> Result<(File, u64), KernelError> {
    File::open(path)
        .and_then(|cgroup| cgroup.metadata().map(|metadata| (cgroup, metadata.ino())))
        .map_err(|source| KernelError::Cgroup {
            path: path.to_owned(),
            source,
        })
}

/// Lets the kernel tell of cgroups. No links if it does not.
fn follow_cgroups(ebpf: &mut Ebpf, pins: Option<&Pins>) -> Vec<Link> {
    match tracepoints::start(ebpf, pins) {
        Ok(links) => links,
        Err(error) => {
            let error = anyhow::Error::from(error);
            warn!("{error:#}; new cgroups are looked for in the file system");
            Vec::new()
        }
    }
}

/// Removes everything that is pinned under `dir`: the programs stop, and what they counted is gone.
/// False if nothing was there.
pub fn uninstall(dir: &Path) -> Result<bool, KernelError> {
    pins::uninstall(dir)
}
