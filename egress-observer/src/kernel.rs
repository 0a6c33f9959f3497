//! The kernel side, loaded and attached: programs, links, tables.
//!
//! Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN ([`preflight`]). With a BPF file system, links and
//! tables stay in the kernel when the process ends, and the next agent takes them over: programs
//! are replaced in place, so that no connection goes uncounted meanwhile.

mod answers;
mod cgroups;
mod load;
mod pins;
pub mod preflight;
mod sys;
mod tables;
mod tracepoints;
mod types;

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use aya::{Ebpf, maps::MapError, programs::ProgramError};
use egress_observer_common::names;
use thiserror::Error;
use tracing::{info, warn};

pub use self::{
    answers::Answers,
    cgroups::CgroupRecords,
    tables::{Counts, SlotView, Tables},
};
use self::{pins::Pins, preflight::Missing};

/// The eBPF object; empty in a build without it.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/egress-observer-ebpf"));

/// What went wrong between us and the kernel.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The machine lacks something.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// The object does not hold what it should.
    #[error("the eBPF object has no table or program `{name}`")]
    NotInObject {
        /// Its name.
        name: &'static str,
    },
    /// The object cannot be loaded.
    #[error("cannot create the eBPF tables")]
    Load(#[source] Box<aya::EbpfError>),
    /// The verifier refused a program, or the kernel cannot run it.
    #[error("cannot load the eBPF program `{name}`")]
    Program {
        /// Its name.
        name: &'static str,
        /// Why.
        source: Box<ProgramError>,
    },
    /// A program cannot be attached.
    #[error(
        "cannot attach `{name}` to the cgroup {cgroup}; another tool may hold it exclusively, or \
         the container sees it read-only"
    )]
    Attach {
        /// The program.
        name: &'static str,
        /// The cgroup.
        cgroup: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link cannot be kept.
    #[error("cannot pin the link of `{name}`")]
    Pin {
        /// The program.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The pin directory cannot be used.
    #[error("cannot use the pin directory {path}")]
    Pins {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent runs with the same pin directory.
    #[error(
        "the pin directory {path} is in use by another agent: stop it, or give this one another \
         --pin-dir"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There can be no pins.
    #[error("{path} is not in a BPF file system: no agent has pinned anything there")]
    NotBpfFs {
        /// The directory.
        path: PathBuf,
    },
    /// The cgroup cannot be opened.
    #[error("cannot open the cgroup {path}")]
    Cgroup {
        /// Its directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A table does not work.
    #[error("table `{name}`")]
    Table {
        /// Its name.
        name: &'static str,
        /// Why.
        source: MapError,
    },
    /// A table cannot be mapped into memory.
    #[error("cannot map the table `{name}` into memory")]
    Map {
        /// Its name.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Entries of the tables.
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
    /// A pinned table keeps its size.
    fn adopt(&mut self, name: &str, entries: u32) {
        let size = match name {
            names::SLOTS => &mut self.flows,
            names::ATTEMPTS => &mut self.attempts,
            names::PROOFS => &mut self.proofs,
            names::ANSWERS => &mut self.answers,
            _ => return,
        };
        if *size != entries {
            warn!(
                table = name,
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
pub struct Options {
    /// Where to attach.
    pub cgroup: PathBuf,
    /// Where to pin; `None` not to.
    pub pin_dir: Option<PathBuf>,
    /// The running kernel's type information.
    pub btf: PathBuf,
    /// Table sizes.
    pub sizes: Sizes,
    /// At most four ports that the mesh redirects to.
    pub capture_ports: Vec<u16>,
    /// Whether DNS answers are looked for.
    pub dns: bool,
}

impl Options {
    /// The programs to attach to the cgroup.
    fn programs(&self) -> impl Iterator<Item = &'static str> {
        let dns = self.dns;
        let asked_for = move |name: &&str| dns || *name != names::DNS;
        names::CGROUP_PROGRAMS.into_iter().filter(asked_for)
    }
}

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
    links: Vec<(&'static str, OwnedFd)>,
}

impl Kernel {
    /// Loads, or takes over, and attaches.
    pub fn start(options: &Options) -> Result<Self, KernelError> {
        if OBJECT.is_empty() {
            return Err(Missing::Object.into());
        }
        let cgroup = File::open(&options.cgroup).map_err(|source| KernelError::Cgroup {
            path: options.cgroup.clone(),
            source,
        })?;
        let pins = match &options.pin_dir {
            Some(dir) => Pins::open(dir)?,
            None => None,
        };
        let metadata = cgroup.metadata().map_err(|source| KernelError::Cgroup {
            path: options.cgroup.clone(),
            source,
        })?;
        let root = metadata.ino();
        let mut sizes = options.sizes;
        if let Some(pins) = &pins {
            pins.adopt_tables(&mut sizes)?;
            if pins.attached_to().is_some_and(|there| there != root) {
                warn!(cgroup = %options.cgroup.display(), "moving the programs to another cgroup");
                pins.remove_links();
            }
        }
        let (mut ebpf, knows_owners) = load::load(options, &sizes, pins.as_ref(), root)?;
        // First: what connects has been told of.
        let told = if knows_owners {
            follow_cgroups(&mut ebpf, pins.as_ref())
        } else {
            Vec::new()
        };
        if let Some(pins) = &pins {
            if !options.dns {
                pins.remove_link(names::DNS);
            }
            if told.is_empty() {
                tracepoints::stop(pins);
            }
        }
        let attached = options.programs().map(|name| {
            attach(&ebpf, name, cgroup.as_fd(), &options.cgroup, pins.as_ref())
                .map(|link| (name, link))
        });
        let mut links = attached.collect::<Result<Vec<_>, _>>()?;
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

    /// Each program, and whether it is attached: not if its cgroup is gone. A tracepoint never goes.
    pub fn attached(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let attached = |name, link: &OwnedFd| {
            !names::CGROUP_PROGRAMS.contains(&name) || sys::link_cgroup(link.as_fd()).is_some()
        };
        self.links
            .iter()
            .map(move |(name, link)| (*name, attached(name, link)))
    }
}

/// Lets the kernel tell of cgroups. No links if it does not.
fn follow_cgroups(ebpf: &mut Ebpf, pins: Option<&Pins>) -> Vec<(&'static str, OwnedFd)> {
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

/// Attaches a loaded program, behind its pinned link if there is one.
fn attach(
    ebpf: &Ebpf,
    name: &'static str,
    cgroup: BorrowedFd<'_>,
    path: &Path,
    pins: Option<&Pins>,
) -> Result<OwnedFd, KernelError> {
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
    if let Some(link) = pins.and_then(|pins| pins.replace(name, program)) {
        return Ok(link);
    }
    let link = sys::create_link(program, cgroup, attach_type(name)).map_err(|source| {
        KernelError::Attach {
            name,
            cgroup: path.to_owned(),
            source,
        }
    })?;
    if let Some(pins) = pins {
        pins.keep(name, link.as_fd())?;
    }
    Ok(link)
}

/// `enum bpf_attach_type` (`linux/bpf.h`).
fn attach_type(name: &str) -> u32 {
    match name {
        names::CONNECT4 => 10,
        names::CONNECT6 => 11,
        names::SENDMSG4 => 14,
        names::SENDMSG6 => 15,
        names::DNS => 0,
        _ => 3,
    }
}
