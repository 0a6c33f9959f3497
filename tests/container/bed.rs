//! The image unpacked, and the DaemonSet it is run from.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use egress_observer_tests::{
    agent::Agent,
    node::Node,
    oci::{
        agent::{self, AgentPodSettings, HostCgroups},
        image::{self, Image},
    },
    run::Run,
};
use serde_json::Value;

pub(crate) fn envoy() -> PathBuf {
    given("EGRESS_OBSERVER_ENVOY")
}

/// A path from the environment, where `cargo xtask test` puts it.
fn given(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"))
        .into()
}

/// What a node starts the agent from. Keep it as long as the agent.
pub(crate) struct Delivery {
    pub(crate) image: Image,
    pub(crate) daemon_set: Value,
    /// Serves the node's objects.
    api_server: PathBuf,
    _run: Run,
}

impl Delivery {
    pub(crate) fn unpack() -> Result<Self> {
        let run = Run::start()?;
        Ok(Self {
            image: Image::unpack(&image::archive(), &run.dir().join("image"))?,
            daemon_set: daemon_set()?,
            api_server: given("EGRESS_OBSERVER_FAKE_APISERVER"),
            _run: run,
        })
    }

    pub(crate) fn settings(&self) -> AgentPodSettings<'_> {
        AgentPodSettings {
            image: &self.image,
            daemon_set: &self.daemon_set,
            api_server: Some(&self.api_server),
            cgroups: HostCgroups::Node,
        }
    }

    /// Starts the agent on a node.
    pub(crate) fn start_agent(&self, node: &mut Node) -> Result<Agent> {
        self.start_agent_that_sees(HostCgroups::Node, node)
    }

    pub(crate) fn start_agent_that_sees(
        &self,
        cgroups: HostCgroups,
        node: &mut Node,
    ) -> Result<Agent> {
        let mut daemon_set = self.daemon_set.clone();
        agent::add_arguments(&mut daemon_set, ["--start-jitter=0".to_owned()])?;
        node.start_agent_pod(&AgentPodSettings {
            daemon_set: &daemon_set,
            cgroups,
            ..self.settings()
        })
    }

    /// The binary in the image, for the commands that need no node.
    pub(crate) fn binary(&self) -> PathBuf {
        let path = Path::new(&self.image.entrypoint[0]);
        self.image
            .rootfs
            .join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// The DaemonSet that the chart makes. It is in the kustomize base, which `cargo xtask deploy lint`
/// compares with the chart.
fn daemon_set() -> Result<Value> {
    daemon_set_in(include_str!("../../deploy/kustomize/base/manifests.yaml"))
}

/// The DaemonSet among other objects.
pub(crate) fn daemon_set_in(manifests: &str) -> Result<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(manifests).context("manifests.yaml")?;
    objects
        .into_iter()
        .find(|object| object["kind"] == "DaemonSet")
        .context("manifests.yaml has no DaemonSet")
}
