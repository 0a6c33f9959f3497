//! Where it happens: the pods that stay, two network namespaces for those that do not, a server
//! outside, the API server.
//!
//! A namespace for each pod would take longer to make than a pod lives here, and the agent does not
//! look at namespaces: pods with a sidecar share one with Istio's rules, pods without share another.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::life::{Life, namespaces};
use super::objects::{PodStage, Templates, containers};
use crate::agent::{Agent, AgentSettings, Objects};
use crate::bench::job::Job;
use crate::cgroup::{NodeCgroup, command_in};
use crate::envoy::Policy;
use crate::istio::Capture;
use crate::manifests;
use crate::network::{HTTPBIN, Network, PodNetwork};
use crate::pod::PROXY;
use crate::rules::Family;
use crate::run::Run;
use egress_observer_fake_apiserver::{ApiServer, Options};

/// What the API server's own bookmarks take: one a minute, as with the real one.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// Fields are dropped in this order: first what uses, then what is used.
#[derive(Debug)]
pub(super) struct FullNode {
    /// For no other reason than that threads share the node.
    _sinks: Mutex<Vec<Job>>,
    pub(super) api: ApiServer,
    pub(super) templates: Templates,
    plain: PodNetwork,
    injected: PodNetwork,
    _network: Network,
    pub(super) cgroup: NodeCgroup,
    run: Run,
    traffic: PathBuf,
    /// Where every pod connects to.
    to: String,
}

impl FullNode {
    pub(super) fn create(traffic: &Path, standing: u32) -> Result<Self> {
        let run = Run::start()?;
        let cgroup = NodeCgroup::create(&run)?;
        let mut network = Network::create(&run)?;
        let plain = network.add_pod(&run, "plain")?;
        let injected = network.add_pod(&run, "injected")?;
        let templates = Templates::read()?;
        let api = api_server()?;
        let first = Life::standing(0);
        for n in 0..standing.max(1) {
            let life = Life::standing(n.into());
            for dir in cgroups(&life) {
                cgroup.child(&dir)?;
            }
            api.apply(templates.pod(&life, PodStage::Running))?;
        }
        let capture = Capture {
            // As the recorded pod has it.
            exclude_ranges: vec!["10.79.3.0/24".to_owned()],
            ..Capture::default()
        };
        capture.apply(&injected.netns, Family::V4)?;
        let to = format!("{}:80", HTTPBIN.v4);
        let mut outside = network.ext().command(&traffic.to_string_lossy());
        outside.args(["sink", &to]);
        let sidecar = cgroup.dir().join(container(&first, PROXY));
        let mut proxy = command_in(&sidecar, "nsenter");
        proxy.args(injected.netns.nsenter_args());
        proxy.arg(traffic).args(["sink", "0.0.0.0:15001"]);
        let mut sinks = Vec::new();
        for (what, command) in [("the server outside", outside), ("the sidecar", proxy)] {
            let mut sink = Job::start(what, command)?;
            sink.line()?;
            sinks.push(sink);
        }
        Ok(Self {
            _sinks: Mutex::new(sinks),
            api,
            templates,
            plain,
            injected,
            _network: network,
            cgroup,
            run,
            traffic: traffic.to_owned(),
            to,
        })
    }

    /// Starts the agent as it is shipped, and waits until it knows the node.
    pub(super) fn start_agent(&self, binary: &Path) -> Result<Agent> {
        let kubeconfig = self.run.dir().join("kubeconfig");
        self.api.kubeconfig(&kubeconfig)?;
        let root = self.cgroup.dir().to_string_lossy();
        let settings = AgentSettings {
            binary,
            objects: Objects::Api(&kubeconfig),
            pin_dir: Path::new("none"),
            cgroup: &self.cgroup.child(Path::new("system.slice"))?,
            more: &["--cgroup-root", &root],
        };
        Agent::start(&self.run, settings)
    }

    /// A process of a container that connects once.
    pub(super) fn client(&self, life: &Life, cgroup: &Path) -> Command {
        let network = if life.injected {
            &self.injected
        } else {
            &self.plain
        };
        let mut command = network.netns.command(&self.traffic.to_string_lossy());
        command.args(["burst", &self.to, "--count", "1", "--cgroup"]);
        command.arg(cgroup);
        command
    }
}

/// A pod's cgroups in the order in which they are made, below the node's: its own, its sandbox's,
/// its containers'.
pub(super) fn cgroups(life: &Life) -> Vec<PathBuf> {
    let sandbox = ["sandbox"].iter().chain(containers(life));
    let mut all = vec![life.shape.pod(&life.uid)];
    all.extend(sandbox.map(|name| container(life, name)));
    all
}

/// The cgroup of a container.
pub(super) fn container(life: &Life, name: &str) -> PathBuf {
    let pod = life.shape.pod(&life.uid);
    pod.join(life.shape.container(&life.container_id(name)))
}

fn api_server() -> Result<ApiServer> {
    let api = ApiServer::start(Options {
        bookmark_interval: BOOKMARKS,
        ..Options::default()
    })?;
    for name in namespaces() {
        api.apply(manifests::namespace(name, true))?;
    }
    for service in manifests::cluster_services() {
        api.apply(service)?;
    }
    api.apply(manifests::mesh_config(Policy::AllowAny))?;
    api.apply(manifests::injector_config())
        .context("cannot fill the API server")?;
    Ok(api)
}
