//! Node and agent of the story.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::step::NAMESPACE;
use crate::{
    agent::{Agent, AgentSettings, Objects},
    cgroup::Driver,
    istio::Capture,
    network::{POD_CIDR, SERVICE_CIDR},
    node::Node,
    oci::{self, spec::Access},
    pod::{Mesh, Runtime},
};

/// What the operator has declared before.
const SERVICE_ENTRIES: &str = include_str!("service-entries.yaml");

/// What the story is played with.
#[derive(Clone, Copy, Debug)]
pub struct Cast<'a> {
    /// The agent, which is also the command that predicts.
    pub binary: &'a Path,
    pub envoy: &'a Path,
    /// The agent's image and DaemonSet; then the agent and all pods are containers.
    pub pods: Option<oci::agent::AgentPodSettings<'a>>,
}

/// The node of the story, with its pods but without sidecars and agent.
pub fn make_node(envoy: &Path) -> Result<Node> {
    make_node_with(envoy, Runtime::Processes)
}

pub(super) fn make_node_with(envoy: &Path, runtime: Runtime) -> Result<Node> {
    let mut node = Node::create_with(envoy, Driver::Systemd, runtime)?;
    node.apply("service-entries.yaml", NAMESPACE, SERVICE_ENTRIES)?;
    let cluster_only = Capture::only_ranges([SERVICE_CIDR, POD_CIDR]);
    for (workload, mesh) in [
        ("sleep", Mesh::Injected(Capture::default())),
        ("ranges", Mesh::Injected(cluster_only)),
        ("broken", Mesh::WithoutRules(Capture::default())),
        ("plain", Mesh::Plain),
    ] {
        node.add_pod(NAMESPACE, workload, mesh)?;
    }
    Ok(node)
}

/// Starts the agent on a node, after its pods. It records what it finds.
pub fn start_agent(node: &Node, binary: &Path) -> Result<Agent> {
    let record = make_record_file(node)?;
    let settings = AgentSettings {
        binary,
        objects: Objects::Manifests(node.manifests()),
        pin_dir: &node.pin_dir(),
        cgroup: &node.agent_cgroup()?,
        more: &[
            "--record",
            &record.to_string_lossy(),
            "--record-interval",
            "1",
        ],
    };
    Agent::start(node.run(), settings)
}

/// The same in a container.
pub(super) fn start_agent_pod(
    node: &mut Node,
    settings: &oci::agent::AgentPodSettings<'_>,
) -> Result<Agent> {
    let record = make_record_file(node)?;
    let record_arguments = [
        format!("--record={}", record.display()),
        "--record-interval=1".to_owned(),
    ];
    let mut daemon_set = settings.daemon_set.clone();
    oci::agent::add_arguments(&mut daemon_set, record_arguments)?;
    if settings.api_server.is_some() {
        oci::agent::add_arguments(&mut daemon_set, ["--start-jitter=0".to_owned()])?;
    } else {
        oci::agent::add_manifests(&mut daemon_set, node.manifests())?;
    }
    oci::agent::add_directory(&mut daemon_set, &record_dir(node), Access::ReadWrite)?;
    node.start_agent_pod(&oci::agent::AgentPodSettings {
        daemon_set: &daemon_set,
        ..*settings
    })
}

/// Where the story's agent records.
pub fn record_file(node: &Node) -> PathBuf {
    record_dir(node).join("record.jsonl")
}

fn record_dir(node: &Node) -> PathBuf {
    node.run().dir().join("record")
}

fn make_record_file(node: &Node) -> Result<PathBuf> {
    let dir = record_dir(node);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(record_file(node))
}
