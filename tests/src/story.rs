//! The story the product starts from, played on the simulated node: a pod cannot reach the
//! outside, and every way out changes what the mesh sees.
//!
//! Each step makes one connection with a real client and compares what the agent's metrics say
//! about it with what must have happened. Before each, `explain` says from the manifests alone what
//! it will be. In the end the operator declares what was blocked ([`Fix`]).

mod fix;
mod observed;
mod predicted;
mod stage;
mod step;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    agent::{Agent, Objects, Settings},
    cgroup::Driver,
    istio::Capture,
    metrics::Scrape,
    network::{POD_CIDR, SERVICE_CIDR},
    node::Node,
    oci::{self, spec::Access},
    pod::{Mesh, Runtime},
};

pub use self::fix::{Change, Fix, Judged};
pub use self::observed::Observed;
pub use self::step::{Saw, Step, Wanted, fix_steps, steps};
use self::{observed::count, stage::Stage};

/// Complete: every connection is in exactly one of its series.
pub const CONNECTIONS: &str = "egress_observer_connections_total";
/// The same connections by destination.
pub const DESTINATIONS: &str = "egress_observer_destination_connections_total";

/// The namespace of the story's pods.
pub const NAMESPACE: &str = "shop";
/// What the operator has declared before.
const SERVICE_ENTRIES: &str = include_str!("story/service-entries.yaml");

/// A step that was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub step: Step,
    /// The verdict that `explain` gave before.
    pub predicted: String,
    pub saw: Saw,
    /// Nothing, when the agent did not count exactly one connection; `complaint` says what it
    /// counted.
    pub observed: Option<Observed>,
    pub complaint: Option<String>,
}

impl Row {
    fn new(
        step: Step,
        predicted: String,
        saw: Saw,
        observed: std::result::Result<Observed, String>,
    ) -> Self {
        let (observed, mut complaints) = match observed {
            Ok(observed) => {
                let complaints = step.wanted.complaints(&observed, step.service());
                (Some(observed), complaints)
            }
            Err(complaint) => (None, vec![complaint]),
        };
        if saw != step.client {
            complaints.push(format!("the client should have seen {}", step.client));
        }
        if predicted != step.predicted() {
            complaints.push(format!("explain should have said {}", step.predicted()));
        }
        Self {
            step,
            predicted,
            saw,
            observed,
            complaint: (!complaints.is_empty()).then(|| complaints.join("; ")),
        }
    }

    pub fn is_right(&self) -> bool {
        self.complaint.is_none()
    }
}

/// The story when it is over, with node and agent still running.
#[derive(Debug)]
pub struct Played {
    pub rows: Vec<Row>,
    pub fix: Fix,
    /// TCP connections of the sidecars to the outside that the agent counted as their own.
    pub n_proxy_upstream: u64,
    /// Taken after the last step.
    pub scrape: Scrape,
    pub agent: Agent,
    pub node: Node,
}

impl Played {
    /// Whether everything was as it must be.
    pub fn is_right(&self) -> bool {
        self.n_proxy_upstream == self.n_forwarded()
            && self.rows.iter().all(Row::is_right)
            && self.fix.is_right()
    }

    /// Each connection that a sidecar forwards makes one of its own.
    pub fn n_forwarded(&self) -> u64 {
        let ends_there = ["blocked", "unreachable"];
        let forwarded = |row: &&Row| {
            let wanted = &row.step.wanted;
            wanted.path == "captured" && !ends_there.contains(&wanted.verdict)
        };
        let rows = self.rows.iter().chain(&self.fix.rows);
        rows.filter(forwarded).map(|_| 1).sum()
    }
}

/// What the story is played with.
#[derive(Clone, Copy, Debug)]
pub struct Cast<'a> {
    /// The agent, which is also the command that predicts.
    pub binary: &'a Path,
    pub envoy: &'a Path,
    /// The agent's image and DaemonSet; then the agent and all pods are containers.
    pub pods: Option<oci::agent::Settings<'a>>,
}

/// Plays the whole story with mere processes; `say` gets a line for every stage.
pub fn play(binary: &Path, envoy: &Path, say: &mut dyn FnMut(&str)) -> Result<Played> {
    let cast = Cast {
        binary,
        envoy,
        pods: None,
    };
    play_with(cast, say)
}

/// Plays the whole story.
pub fn play_with(cast: Cast<'_>, say: &mut dyn FnMut(&str)) -> Result<Played> {
    let mut stage = Stage::set(cast, say)?;
    let rows = steps().into_iter().map(|step| stage.play(step));
    let rows = rows.collect::<Result<_>>()?;
    let fix = fix::play(&mut stage)?;
    let Stage {
        node, mut agent, ..
    } = stage;
    let scrape = agent.scrape()?;
    let upstream = [
        ("verdict", "proxy_upstream"),
        ("actor", "proxy"),
        ("protocol", "tcp"),
        ("scope", "external"),
    ];
    let n_proxy_upstream = count(scrape.sum(CONNECTIONS, &upstream));
    Ok(Played {
        rows,
        fix,
        n_proxy_upstream,
        scrape,
        agent,
        node,
    })
}

/// The node of the story, with its pods but without sidecars and agent.
pub fn make_node(envoy: &Path) -> Result<Node> {
    make_node_with(envoy, Runtime::Processes)
}

fn make_node_with(envoy: &Path, runtime: Runtime) -> Result<Node> {
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
    let settings = Settings {
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
fn start_agent_pod(node: &mut Node, settings: &oci::agent::Settings<'_>) -> Result<Agent> {
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
    node.start_agent_pod(&oci::agent::Settings {
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
