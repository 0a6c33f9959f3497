//! The agent as it is shipped: the real binary, its metrics over HTTP, its end by SIGTERM.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    cgroup::command_in,
    http::{self, Answer},
    manifests::NODE,
    metrics::Scrape,
    network::{POD_CIDR, POD_CIDR_V6, SERVICE_CIDR},
    oci::agent_pod::AgentPod,
    process::Process,
    run::Run,
    wait,
};

/// Loading and verifying the programs takes most of it.
const READY: Duration = Duration::from_secs(30);

/// From a changed file to its effect.
const RELOADED: Duration = Duration::from_secs(15);
/// Grows when the agent has read manifests.
const RELOADS: &str = "egress_observer_config_reloads_total";

/// What the agent is started with.
#[derive(Clone, Copy, Debug)]
pub struct AgentSettings<'a> {
    pub binary: &'a Path,
    pub objects: Objects<'a>,
    pub pin_dir: &'a Path,
    /// The cgroup it runs in; it watches all of them whatever its own is.
    pub cgroup: &'a Path,
    /// More arguments, after the others.
    pub more: &'a [&'a str],
}

/// Where the agent's objects come from.
#[derive(Clone, Copy, Debug)]
pub enum Objects<'a> {
    /// A directory of files.
    Manifests(&'a Path),
    /// An API server, by a kubeconfig file.
    Api(&'a Path),
}

/// A running agent. Dropping it ends it; [`Agent::stop`] also checks how it ended.
#[derive(Debug)]
pub struct Agent {
    /// Of a container, the runc that awaits it.
    process: Process,
    address: SocketAddr,
    /// Nothing for a process of the machine.
    pod: Option<AgentPod>,
}

impl Agent {
    /// Starts the agent and waits until it says that it is ready.
    pub fn start(run: &Run, settings: AgentSettings<'_>) -> Result<Self> {
        Self::start_until(run, settings, "/readyz")
    }

    /// Starts the agent and waits until it answers, whatever it knows by then.
    pub fn start_unready(run: &Run, settings: AgentSettings<'_>) -> Result<Self> {
        Self::start_until(run, settings, "/livez")
    }

    fn start_until(run: &Run, settings: AgentSettings<'_>, path: &str) -> Result<Self> {
        if !settings.binary.is_file() {
            bail!(
                "there is no agent at {}: `cargo xtask build`",
                settings.binary.display()
            );
        }
        let address = free_address()?;
        let mut command = command_in(settings.cgroup, settings.binary);
        command.arg("agent");
        match settings.objects {
            Objects::Manifests(dir) => {
                let ranges = [POD_CIDR, POD_CIDR_V6, SERVICE_CIDR].join(",");
                command.arg("--manifests").arg(dir);
                command.args(["--cluster-cidrs", &ranges]);
            }
            Objects::Api(file) => {
                command.arg("--kubeconfig").arg(file);
                command.args(["--node-name", NODE, "--start-jitter", "0"]);
            }
        }
        command
            .args(["--metrics-address", &address.to_string()])
            .arg("--pin-dir")
            .arg(settings.pin_dir)
            .arg("--api-socket")
            .arg(run.dir().join(format!("agent-{}.sock", address.port())))
            .args(settings.more);
        let process = Process::spawn("agent", command, &run.logs())?;
        Self::once_it_answers(process, address, None, path)
    }

    /// Waits until an agent that was started in a container is ready.
    pub(crate) fn in_pod(process: Process, address: SocketAddr, pod: AgentPod) -> Result<Self> {
        Self::once_it_answers(process, address, Some(pod), "/readyz")
    }

    fn once_it_answers(
        mut process: Process,
        address: SocketAddr,
        pod: Option<AgentPod>,
        path: &str,
    ) -> Result<Self> {
        process.until_ready(READY, || {
            let answer = get_from(pod.as_ref(), address, path);
            Ok(answer.is_ok_and(|answer| answer.status == 200))
        })?;
        Ok(Self {
            process,
            address,
            pod,
        })
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// An error with its last words when it has ended.
    pub fn check_running(&mut self) -> Result<()> {
        self.process.check_running()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its pod, if it is in a container.
    pub fn pod(&self) -> Option<&AgentPod> {
        self.pod.as_ref()
    }

    /// The metrics address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people and Prometheus look.
    pub fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// One scrape. Series that appear twice and anything malformed are errors.
    pub fn scrape(&mut self) -> Result<Scrape> {
        self.process.check_running()?;
        let answer = get_from(self.pod.as_ref(), self.address, "/metrics")?;
        if answer.status != 200 {
            bail!("/metrics answers {}:\n{}", answer.status, answer.body);
        }
        Scrape::parse(&answer.body)
    }

    /// Changes manifests and waits until it has read them.
    pub fn read_changed<T>(&mut self, change: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.scrape()?.sum(RELOADS, &[]);
        let changed = change()?;
        let reloaded = wait::until("the agent reads changed manifests", RELOADED, || {
            Ok((self.scrape()?.sum(RELOADS, &[]) > before).then_some(()))
        });
        reloaded.with_context(|| format!("the agent's log:\n{}", self.log()))?;
        Ok(changed)
    }

    /// SIGTERM; an agent that was asked to stop exits with 0.
    pub fn stop(self) -> Result<()> {
        // A pod has to be there until its process has ended.
        let Self {
            process, pod: _pod, ..
        } = self;
        let log = process.log();
        let status = process.terminate()?;
        if !status.success() {
            bail!("the agent ended with {status} after SIGTERM; its log:\n{log}");
        }
        Ok(())
    }
}

/// The agent to test: `EGRESS_OBSERVER_BIN`, else what `cargo xtask build` made.
pub fn binary() -> PathBuf {
    let given = std::env::var_os("EGRESS_OBSERVER_BIN").map(PathBuf::from);
    given.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/egress-observer")
    })
}

/// One GET, from where the agent is reached.
fn get_from(pod: Option<&AgentPod>, address: SocketAddr, path: &str) -> Result<Answer> {
    match pod {
        Some(pod) => pod.get(address, path),
        None => http::get(address, path),
    }
}

/// A port that is free now. Another process may take it before the agent does; then the agent
/// says so and the run fails.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.local_addr().context("no free port")
}
