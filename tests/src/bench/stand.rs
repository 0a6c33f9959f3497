//! Where it is measured: one pod without a sidecar, a server and a client in it, and what can be
//! attached to its cgroup.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{hooks::Hook, job::Job, machine::Machine, plan::Binaries};
use crate::{
    agent::{Agent, AgentSettings, Objects},
    cgroup::{Driver, NodeCgroup},
    envoy::Policy,
    manifests::{self, Manifests},
    network::Network,
    pod::{APP, Mesh, Pod, PodPlace, Runtime, User},
    run::Run,
};

/// The workload of the pod.
pub(super) const WORKLOAD: &str = "bench";
/// Of the server, on every address of the loopback device.
const PORT: u16 = 7000;
/// The programs need not be readable by others than the one who built them.
const ROOT: User = User { uid: 0, gid: 0 };
/// Flows held open at a time: fewer than descriptors and places in a queue of connections.
const HELD: u32 = 500;

/// Fields are dropped in this order: first what uses, then what is used.
#[derive(Debug)]
pub(super) struct Stand<'a> {
    binaries: &'a Binaries,
    _server: Job,
    pod: Pod,
    manifests: Manifests,
    _network: Network,
    hooked: PathBuf,
    agent_cgroup: PathBuf,
    _cgroup: NodeCgroup,
    run: Run,
    client_cpu: u32,
}

/// What one client saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connects {
    /// Nanoseconds of connect().
    pub(super) p50_ns: f64,
    pub(super) p99_ns: f64,
    /// Of socket, connect, close, one after the other.
    pub(super) per_second: f64,
}

impl<'a> Stand<'a> {
    pub(super) fn create(binaries: &'a Binaries, machine: &Machine) -> Result<Self> {
        let run = Run::start()?;
        let cgroup = NodeCgroup::create(&run)?;
        let mut network = Network::create(&run).context("cannot make the network")?;
        let manifests = Manifests::create(&run.dir().join("manifests"))?;
        let resolv_conf = run.dir().join("resolv.conf");
        fs::write(&resolv_conf, "").context("cannot write resolv.conf")?;
        let mut place = PodPlace {
            run: &run,
            network: &mut network,
            cgroup: &cgroup,
            driver: Driver::Systemd,
            runtime: &Runtime::Processes,
            resolv_conf: &resolv_conf,
        };
        let pod = Pod::create(&mut place, "shop", WORKLOAD, Mesh::Plain)?;
        let objects = [
            manifests::mesh_config(Policy::AllowAny),
            manifests::pod(&pod),
        ];
        manifests.write("bench.yaml", &objects)?;
        // Beside the pods, lest what it serves is counted with what is measured.
        let agent_cgroup = cgroup.child(Path::new("system.slice/egress-observer.service"))?;
        let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).to_string();
        let sink = ["sink", &listen];
        let mut server = Job::start(
            "the server",
            on_cpu(&pod, machine.server_cpu, &binaries.traffic, &sink)?,
        )?;
        server.line()?;
        Ok(Self {
            binaries,
            _server: server,
            pod,
            manifests,
            _network: network,
            hooked: cgroup.dir().join("kubepods.slice"),
            agent_cgroup,
            _cgroup: cgroup,
            run,
            client_cpu: machine.client_cpu,
        })
    }

    /// Starts the agent as it is shipped, unpinned: its programs go with it.
    pub(super) fn agent(&self) -> Result<Agent> {
        let root = self.hooked.to_string_lossy();
        let settings = AgentSettings {
            binary: &self.binaries.agent,
            objects: Objects::Manifests(self.manifests.dir()),
            pin_dir: Path::new("none"),
            cgroup: &self.agent_cgroup,
            more: &["--cgroup-root", &root, "--metrics-destinations", "all"],
        };
        Agent::start(&self.run, settings)
    }

    /// Attaches programs that do nothing.
    pub(super) fn empty_programs(&self, hooks: &[Hook]) -> Result<Job> {
        let mut command = Command::new(&self.binaries.bare_bpf);
        command.arg("empty").arg(&self.hooked);
        command.args(hooks.iter().map(|hook| hook.name));
        let mut job = Job::start("the empty programs", command)?;
        job.line()?;
        Ok(job)
    }

    /// Has the kernel count the runs of programs, until the job ends.
    pub(super) fn statistics(&self) -> Result<Job> {
        let mut command = Command::new(&self.binaries.bare_bpf);
        command.arg("stats");
        let mut job = Job::start("the kernel's statistics", command)?;
        job.line()?;
        Ok(job)
    }

    /// Makes `count` connections to one destination, one after the other.
    pub(super) fn connect(&self, count: u32) -> Result<Connects> {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)).to_string();
        let said = self.client(&["time", &to, "--count", &count.to_string()])?;
        Ok(Connects {
            p50_ns: number(&said, "/connect_ns/p50")?,
            p99_ns: number(&said, "/connect_ns/p99")?,
            per_second: number(&said, "/per_second")?,
        })
    }

    /// Makes one connection to each of `count` destinations, on consecutive addresses of the
    /// loopback device. Closed connections stay in the agent's tables for minutes.
    pub(super) fn connect_to_each(&self, count: u32) -> Result<()> {
        for from in (0..count).step_by(HELD as usize) {
            let first = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + from);
            let first = SocketAddr::from((first, PORT)).to_string();
            let n = HELD.min(count - from).to_string();
            let args = ["hold", &first, "--destinations", &n, "--count", &n];
            self.client(&args)?;
        }
        Ok(())
    }

    /// Runs a client to its end.
    fn client(&self, args: &[&str]) -> Result<Value> {
        let command = on_cpu(&self.pod, self.client_cpu, &self.binaries.traffic, args)?;
        let mut job = Job::start("the client", command)?;
        let said = job.line()?;
        job.finish()?;
        Ok(said)
    }
}

fn number(said: &Value, pointer: &str) -> Result<f64> {
    let number = said.pointer(pointer).and_then(Value::as_f64);
    number.with_context(|| format!("the client says no {pointer}: {said}"))
}

/// `traffic` in the pod's container, on one CPU.
fn on_cpu(pod: &Pod, cpu: u32, traffic: &Path, args: &[&str]) -> Result<Command> {
    let (cpu, traffic) = (cpu.to_string(), traffic.to_string_lossy());
    let mut argv = vec!["taskset", "--cpu-list", &cpu, &traffic];
    argv.extend(args);
    pod.command(APP, ROOT, &argv)
}
