//! The agent's pod while it runs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, Result};

use super::runc::RuncContainer;
use crate::{
    http::{Answer, parse_answer},
    network::PodNetwork,
    process::output,
};

/// The agent's pod. Its address is reached from the node, as Prometheus and the kubelet reach it.
#[derive(Debug)]
pub struct AgentPod {
    pub container: RuncContainer,
    pub(super) network: PodNetwork,
    pub(super) node: PathBuf,
}

impl AgentPod {
    /// One GET from the node's network.
    pub(crate) fn get(&self, address: SocketAddr, path: &str) -> Result<Answer> {
        let mut curl = Command::new("nsenter");
        curl.arg(format!("--net={}", self.node.display()))
            .args(["--", "curl", "--silent", "--show-error", "--include"])
            .args(["--http1.0", "--noproxy", "*", "--max-time", "5"])
            .arg(format!("http://{address}{path}"));
        let text = output(&mut curl)?;
        parse_answer(&text).with_context(|| format!("{address}{path} answers no HTTP:\n{text}"))
    }

    /// The pod's address.
    pub fn ip(&self) -> Ipv4Addr {
        self.network.v4
    }
}
