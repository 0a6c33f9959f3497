//! The cluster's API server, as pods of a node reach it: a process in the node's network that
//! serves the node's manifests.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;

use crate::{
    manifests::Manifests,
    network::{NODE_IP, Network},
    process::Process,
    run::Run,
};

const PORT: u16 = 6443;
/// Making a certificate takes most of it.
const READY: Duration = Duration::from_secs(20);

/// A running API server. Dropping it ends it.
#[derive(Debug)]
pub struct Api {
    _process: Process,
    credentials: PathBuf,
}

impl Api {
    /// Starts `binary`, a `fake-apiserver`.
    pub fn start(
        run: &Run,
        network: &Network,
        manifests: &Manifests,
        binary: &Path,
    ) -> Result<Self> {
        let credentials = run.dir().join("api-server");
        let mut command = network.node().command(&binary.to_string_lossy());
        command
            .arg("--manifests")
            .arg(manifests.dir())
            .arg("--credentials")
            .arg(&credentials)
            .arg("--log")
            .arg(run.dir().join("requests.jsonl"))
            .args(["--listen", &format!("{NODE_IP}:{PORT}")]);
        let mut process = Process::spawn("api-server", command, &run.logs())?;
        let log = run.logs().join("api-server.log");
        process.until_ready(READY, || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Ok(said.contains("\"ready\":true"))
        })?;
        Ok(Self {
            _process: process,
            credentials,
        })
    }

    /// In the node's network, which every pod's leads to.
    pub fn address(&self) -> (Ipv4Addr, u16) {
        (NODE_IP, PORT)
    }

    /// The directory that a pod has in `/var/run/secrets/kubernetes.io/serviceaccount`.
    pub fn service_account(&self) -> PathBuf {
        self.credentials.join("serviceaccount")
    }
}
