//! The kernel side, loaded and attached: programs, links, tables.
//!
//! Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN ([`preflight`]). With a BPF file system, links and
//! tables stay in the kernel when the process ends, and the next agent takes them over: programs
//! are replaced in place, so that no connection goes uncounted meanwhile.

mod pins;
pub mod preflight;
mod sys;
mod tables;
mod types;

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel,
    maps::MapError,
    programs::{
        CgroupAttachMode, Program, ProgramError,
        links::{FdLink, LinkError, PinnedLink},
    },
};
use egress_observer_common::{MAX_SLOTS, names};
use thiserror::Error;
use tracing::{info, warn};

pub use self::tables::{Counts, SlotView, Tables};
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
        source: Box<ProgramError>,
    },
    /// A link cannot be kept.
    #[error("cannot pin the link of `{name}`")]
    Link {
        /// The program.
        name: &'static str,
        /// Why.
        source: Box<LinkError>,
    },
    /// A pin cannot be made.
    #[error("cannot pin `{name}`")]
    Pin {
        /// The program.
        name: &'static str,
        /// Why.
        source: aya::pin::PinError,
    },
    /// The pin directory cannot be used.
    #[error("cannot use the pin directory {path}")]
    Pins {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
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
}

impl Sizes {
    /// A pinned table keeps its size.
    fn adopt(&mut self, name: &str, entries: u32) {
        let size = match name {
            names::SLOTS => &mut self.flows,
            names::ATTEMPTS => &mut self.attempts,
            names::PROOFS => &mut self.proofs,
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
    /// Table sizes.
    pub sizes: Sizes,
    /// At most four ports that the mesh redirects to.
    pub capture_ports: Vec<u16>,
}

/// The attached programs.
pub struct Kernel {
    /// Their tables.
    pub tables: Tables,
    /// Whether links and tables outlive the process.
    pub pinned: bool,
    /// Whether sockets tell their owner; else the calling task stands for it.
    pub knows_owners: bool,
    /// Keeps the programs loaded, and, where nothing is pinned, attached.
    _ebpf: Ebpf,
    _links: Vec<PinnedLink>,
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
        let mut sizes = options.sizes;
        if let Some(pins) = &pins {
            pins.adopt_tables(&mut sizes)?;
            let here = cgroup.metadata().map(|metadata| metadata.ino()).ok();
            if pins.attached_to().is_some_and(|there| Some(there) != here) {
                warn!(cgroup = %options.cgroup.display(), "moving the programs to another cgroup");
                pins.remove_links();
            }
        }
        let (mut ebpf, knows_owners) = load(options, &sizes, pins.as_ref())?;
        let mut links = Vec::new();
        for name in names::PROGRAMS {
            let attached = attach(
                &mut ebpf,
                name,
                cgroup.as_fd(),
                &options.cgroup,
                pins.as_ref(),
            )?;
            links.extend(attached);
        }
        let tables = Tables::take(&mut ebpf)?;
        sys::give_memory_back();
        info!(cgroup = %options.cgroup.display(), pinned = pins.is_some(), knows_owners, "attached");
        Ok(Self {
            tables,
            pinned: pins.is_some(),
            knows_owners,
            _ebpf: ebpf,
            _links: links,
        })
    }
}

/// Removes everything that is pinned under `dir`: the programs stop, and what they counted is gone.
/// False if nothing was there.
pub fn uninstall(dir: &Path) -> Result<bool, KernelError> {
    if !dir.exists() {
        return Ok(false);
    }
    pins::remove(dir)
        .map(|()| true)
        .map_err(|source| KernelError::Pins {
            path: dir.to_owned(),
            source,
        })
}

/// Loads with the kernel's types, and once more without them if the verifier does not agree.
fn load(
    options: &Options,
    sizes: &Sizes,
    pins: Option<&Pins>,
) -> Result<(Ebpf, bool), KernelError> {
    let offsets = types::offsets(Path::new("/sys/kernel/btf/vmlinux"))
        .inspect_err(|error| warn!(%error, "socket owners are taken from the calling task"))
        .ok();
    if let Some(offsets) = offsets {
        match load_with(options, sizes, pins, Some(&offsets)) {
            Ok(ebpf) => return Ok((ebpf, true)),
            Err(error @ KernelError::Program { .. }) => {
                let error = anyhow::Error::from(error);
                warn!("{error:#}; trying again without the kernel's types");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((load_with(options, sizes, pins, None)?, false))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "programs of any other of aya's thirty kinds are not ours"
)]
fn load_with(
    options: &Options,
    sizes: &Sizes,
    pins: Option<&Pins>,
    offsets: Option<&types::Offsets>,
) -> Result<Ebpf, KernelError> {
    let mut settings: Vec<(&str, u32)> = vec![
        ("EO_MAX_SLOTS", sizes.flows.min(MAX_SLOTS)),
        ("EO_ATTEMPT_MASK", sizes.attempts - 1),
        ("EO_ATTEMPT_BITS", sizes.attempts.trailing_zeros()),
        ("EO_PROOF_MASK", sizes.proofs - 1),
        ("EO_EPHEMERAL_LOW", ephemeral_low()),
        ("EO_KERNEL_TYPES", offsets.is_some().into()),
    ];
    settings.extend(offsets.into_iter().flatten());
    const PORTS: [&str; 4] = [
        "EO_CAPTURE_PORT_0",
        "EO_CAPTURE_PORT_1",
        "EO_CAPTURE_PORT_2",
        "EO_CAPTURE_PORT_3",
    ];
    let ports = options
        .capture_ports
        .iter()
        .copied()
        .map(u32::from)
        .chain(std::iter::repeat(0));
    settings.extend(PORTS.into_iter().zip(ports));

    let mut loader = EbpfLoader::new();
    // No program is relocated against the kernel's types, and reading all of them costs MiB.
    loader
        .btf(None)
        .verifier_log_level(VerifierLogLevel::DISABLE);
    for (name, value) in &settings {
        loader.override_global(name, value, true);
    }
    loader
        .map_max_entries(names::FLOWS, sizes.flows)
        .map_max_entries(names::SLOTS, sizes.flows)
        .map_max_entries(names::FREE_SLOTS, sizes.flows)
        .map_max_entries(names::ATTEMPTS, sizes.attempts)
        .map_max_entries(names::PROOFS, sizes.proofs);
    if let Some(pins) = pins {
        for name in names::TABLES {
            loader.map_pin_path(name, pins.path(name));
        }
    }
    let mut ebpf = loader
        .load(OBJECT)
        .map_err(|error| KernelError::Load(Box::new(error)))?;
    for name in names::PROGRAMS {
        let program = program(&mut ebpf, name)?;
        match program {
            Program::CgroupSockAddr(program) => program.load(),
            Program::SockOps(program) => program.load(),
            _ => return Err(KernelError::NotInObject { name }),
        }
        .map_err(|source| KernelError::Program {
            name,
            source: Box::new(source),
        })?;
    }
    Ok(ebpf)
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Program, KernelError> {
    ebpf.program_mut(name)
        .ok_or(KernelError::NotInObject { name })
}

/// Attaches a loaded program, behind its pinned link if there is one. Returns a link that was
/// pinned just now.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "programs of any other of aya's thirty kinds are not ours"
)]
fn attach(
    ebpf: &mut Ebpf,
    name: &'static str,
    cgroup: BorrowedFd<'_>,
    path: &Path,
    pins: Option<&Pins>,
) -> Result<Option<PinnedLink>, KernelError> {
    let program = program(ebpf, name)?;
    let fd = program
        .fd()
        .map_err(|source| KernelError::Program {
            name,
            source: Box::new(source),
        })?
        .as_fd();
    if pins.is_some_and(|pins| pins.replace(name, fd)) {
        return Ok(None);
    }
    let failed = |source| KernelError::Attach {
        name,
        cgroup: path.to_owned(),
        source: Box::new(source),
    };
    let link = |source| KernelError::Link {
        name,
        source: Box::new(source),
    };
    let mode = CgroupAttachMode::Single;
    let taken: FdLink = match program {
        Program::CgroupSockAddr(program) => {
            let id = program.attach(cgroup, mode).map_err(failed)?;
            let Some(_) = pins else { return Ok(None) };
            program
                .take_link(id)
                .map_err(failed)?
                .try_into()
                .map_err(link)?
        }
        Program::SockOps(program) => {
            let id = program.attach(cgroup, mode).map_err(failed)?;
            let Some(_) = pins else { return Ok(None) };
            program
                .take_link(id)
                .map_err(failed)?
                .try_into()
                .map_err(link)?
        }
        _ => return Err(KernelError::NotInObject { name }),
    };
    let Some(pins) = pins else { return Ok(None) };
    taken
        .pin(pins.path(name))
        .map(Some)
        .map_err(|source| KernelError::Pin { name, source })
}

/// Lowest port that the kernel hands out by itself.
fn ephemeral_low() -> u32 {
    const DEFAULT: u32 = 32_768;
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(DEFAULT)
}
