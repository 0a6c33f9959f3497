//! What can go wrong between the agent and the kernel.

use std::{io, path::PathBuf};

use aya::{maps::MapError, programs::ProgramError};
use thiserror::Error;

use super::preflight::MissingOnNode;

/// What went wrong between us and the kernel.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The machine lacks something.
    #[error("{0}")]
    Missing(#[from] MissingOnNode),
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
