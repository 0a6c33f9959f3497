//! The story the product starts from, played on the simulated node: a pod cannot reach the
//! outside, and every way out changes what the mesh sees.
//!
//! Each step makes one connection with a real client and compares what the agent's metrics say
//! about it with what must have happened. Before each, `explain` says from the manifests alone what
//! it will be.

mod observed;
mod predicted;
mod step;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::agent::{Agent, Settings};
use crate::cgroup::Driver;
use crate::envoy::{Policy, Protocol, Service};
use crate::istio::Capture;
use crate::metrics::Scrape;
use crate::network::{HTTPBIN, POD_CIDR, SERVICE_CIDR};
use crate::node::Node;
use crate::pod::Mesh;
use crate::wait;

pub use self::observed::Observed;
use self::observed::{count, observe};
use self::predicted::predict;
pub use self::step::{Saw, Step, Wanted, steps};

/// Complete: every connection is in exactly one of its series.
pub const CONNECTIONS: &str = "egress_observer_connections_total";
/// The same connections by destination.
pub const DESTINATIONS: &str = "egress_observer_destination_connections_total";
/// Grows when the agent has read changed manifests.
const RELOADS: &str = "egress_observer_config_reloads_total";

/// The namespace of the story's pods.
pub const NAMESPACE: &str = "shop";
/// From a changed file to its effect.
const RELOADED: Duration = Duration::from_secs(15);

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
    pub fn is_right(&self) -> bool {
        self.complaint.is_none()
    }
}

/// The story when it is over, with node and agent still running.
#[derive(Debug)]
pub struct Played {
    pub rows: Vec<Row>,
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
        self.n_proxy_upstream == self.n_forwarded() && self.rows.iter().all(Row::is_right)
    }

    /// Each connection that a sidecar forwards makes one of its own.
    pub fn n_forwarded(&self) -> u64 {
        let forwarded =
            |row: &&Row| row.step.wanted.path == "captured" && row.step.wanted.verdict != "blocked";
        self.rows.iter().filter(forwarded).map(|_| 1).sum()
    }
}

/// Plays the whole story; `say` gets a line for every stage.
pub fn play(agent: &Path, envoy: &Path, say: &mut dyn FnMut(&str)) -> Result<Played> {
    say("making the node: network, servers, DNS, pods");
    let mut node = make_node(envoy)?;
    let mut policy = Policy::RegistryOnly;
    say(&format!(
        "starting the sidecars, outboundTrafficPolicy {}",
        policy.as_str()
    ));
    node.set_policy(policy)?;
    for workload in ["sleep", "ranges", "broken"] {
        node.start_sidecar(NAMESPACE, workload, policy)?;
    }
    say("starting the agent");
    let binary = agent;
    let mut agent = start_agent(&node, binary)?;

    let mut rows = Vec::new();
    for step in steps() {
        if step.policy != policy {
            policy = step.policy;
            say(&format!(
                "outboundTrafficPolicy becomes {}",
                policy.as_str()
            ));
            change_policy(&mut node, &mut agent, policy)?;
        }
        say(&format!(
            "{NAMESPACE}/{}: {}",
            step.workload,
            step.command_line()
        ));
        rows.push(play_step(binary, &node, &mut agent, step)?);
    }
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
        n_proxy_upstream,
        scrape,
        agent,
        node,
    })
}

/// The node of the story, with its pods but without sidecars and agent.
pub fn make_node(envoy: &Path) -> Result<Node> {
    let httpbin = Service {
        host: HTTPBIN.host.to_owned(),
        addresses: vec![HTTPBIN.v4.to_string()],
        ports: vec![(80, Protocol::Http), (443, Protocol::Https)],
    };
    let mut node = Node::create(envoy, Driver::Systemd, vec![httpbin])?;
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

/// Starts the agent on a node, after its pods.
pub fn start_agent(node: &Node, binary: &Path) -> Result<Agent> {
    let settings = Settings {
        binary,
        manifests: node.manifests(),
        pin_dir: &node.pin_dir(),
        cgroup: &node.agent_cgroup()?,
        more: &[],
    };
    Agent::start(node.run(), settings)
}

/// The operator edits the mesh's configuration, the agent reads it again, and istiod reconfigures
/// the sidecars (here: they start again).
fn change_policy(node: &mut Node, agent: &mut Agent, policy: Policy) -> Result<()> {
    let before = agent.scrape()?.sum(RELOADS, &[]);
    node.set_policy(policy)?;
    for workload in ["sleep", "ranges"] {
        node.start_sidecar(NAMESPACE, workload, policy)?;
    }
    wait::until(
        "the agent reads the changed manifests again",
        RELOADED,
        || Ok((agent.scrape()?.sum(RELOADS, &[]) > before).then_some(())),
    )
    .with_context(|| format!("the agent's log:\n{}", agent.log()))
}

fn play_step(binary: &Path, node: &Node, agent: &mut Agent, step: Step) -> Result<Row> {
    let predicted = predict(binary, node, &step)?;
    let before = agent.scrape()?;
    let saw = step.ask(node)?;
    let (observed, mut complaints) = match observe(agent, &before, &step)? {
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
    let complaint = (!complaints.is_empty()).then(|| complaints.join("; "));
    Ok(Row {
        step,
        predicted,
        saw,
        observed,
        complaint,
    })
}
