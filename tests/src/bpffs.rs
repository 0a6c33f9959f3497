//! A private bpffs for the agent's pins. Unmounting it removes every pin, and with the links the
//! programs are detached.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{mounts, process::output, run::Run};

/// A bpffs in the run's directory. Dropping it unmounts it.
#[derive(Debug)]
pub struct Bpffs {
    dir: PathBuf,
}

impl Bpffs {
    pub fn mount(run: &Run) -> Result<Self> {
        let dir = run.dir().join("bpf");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        output(Command::new("mount").args(["-t", "bpf", "bpf"]).arg(&dir))
            .context("cannot mount a bpffs (does this kernel have CONFIG_BPF_SYSCALL?)")?;
        Ok(Self { dir })
    }

    /// What stands for a node's `/sys/fs/bpf`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What to give the agent as `--pin-dir`.
    pub fn pin_dir(&self) -> PathBuf {
        self.dir.join("egress-observer")
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        drop(mounts::unmount(&self.dir));
    }
}
