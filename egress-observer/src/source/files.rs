//! Objects from files and directories, read again when they change.

use std::{io, path::PathBuf};

use anyhow::Result;
use ipnet::IpNet;
use tracing::{info, warn};

use super::reload::{KnownObjects, Reload};
use crate::config_watch::ConfigWatch;
use egress_observer_istio::manifests::{self, ManifestError};

/// Where they are, and what they had so far.
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    pub(super) cluster_cidrs: Vec<IpNet>,
    watch: ConfigWatch,
    known: KnownObjects,
}

impl Files {
    pub(super) fn open(paths: Vec<PathBuf>, cluster_cidrs: Vec<IpNet>) -> Result<Self> {
        Ok(Self {
            // Before the files are read, so that no change is missed.
            watch: ConfigWatch::new(&paths)?,
            paths,
            cluster_cidrs,
            known: KnownObjects::default(),
        })
    }

    /// Waits until something changed. May be dropped and called anew without missing anything.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        self.watch.changed().await
    }

    /// Reads everything. What cannot be read is named in the log.
    pub(super) fn read(&mut self) -> Result<Reload, ManifestError> {
        let reading = manifests::read(&self.paths)?;
        for unreadable in &reading.unreadable {
            warn!("{unreadable}: passed over");
        }
        info!("configuration: {}", reading.tally);
        Ok(self.known.take(reading))
    }
}
