//! What a kernel test stands on: a network, pods, an agent, and jobs that connect.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use egress_observer_common::LAYOUT_VERSION;
use egress_observer_fake_apiserver::ApiServer;
use egress_observer_tests::{
    agent::{self, Agent, AgentSettings, Objects},
    bpffs::Bpffs,
    cgroup::{Driver, NodeCgroup},
    envoy::Policy,
    istio::Capture,
    manifests::{self, Manifests},
    metrics::Scrape,
    network::{HTTPBIN, Network},
    pod::{APP, Mesh, PROXY, Pod, PodPlace, Runtime, User},
    run::Run,
    wait,
};
use serde_json::Value;

/// A server outside the cluster, and a port that it listens on.
pub(crate) const OUTSIDE: &str = "198.18.0.10:80";
/// The same by IPv6.
pub(crate) const OUTSIDE_V6: &str = "[2001:db8:18::10]:80";
/// A port there that nobody listens on.
pub(crate) const CLOSED: &str = "198.18.0.10:81";

/// How long counters may take to arrive at what is expected.
const SETTLE: Duration = Duration::from_secs(10);

/// Connections of one workload by `protocol path verdict reason`.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Everything of one test. Fields are dropped in this order.
pub(crate) struct Bed {
    agent: Option<Agent>,
    jobs: Vec<Job>,
    pods: Vec<Pod>,
    manifests: Manifests,
    bpffs: Bpffs,
    pub(crate) network: Network,
    pub(crate) cgroup: NodeCgroup,
    pub(crate) run: Run,
}

impl Bed {
    /// A network with a server outside, and no pods.
    pub(crate) fn new() -> Result<Self> {
        let run = Run::start()?;
        let cgroup = NodeCgroup::create(&run)?;
        let network = Network::create(&run)?;
        let bpffs = Bpffs::mount(&run)?;
        let manifests = Manifests::create(&run.dir().join("manifests"))?;
        manifests.write("mesh.yaml", &[manifests::mesh_config(Policy::AllowAny)])?;
        std::fs::write(run.dir().join("resolv.conf"), "")?;
        let mut bed = Self {
            agent: None,
            jobs: Vec::new(),
            pods: Vec::new(),
            manifests,
            bpffs,
            network,
            cgroup,
            run,
        };
        bed.network.ext().ip(&format!(
            "addr replace {}/32 dev lo\naddr replace {}/128 dev lo nodad\n",
            HTTPBIN.v4, HTTPBIN.v6
        ))?;
        let mut server = bed.network.ext().command(TRAFFIC);
        server.args(["sink", OUTSIDE, OUTSIDE_V6]);
        bed.jobs.push(Job::start(server)?);
        Ok(bed)
    }

    /// Makes a pod; a sink stands for its sidecar, if it has one.
    pub(crate) fn pod(&mut self, workload: &str, mesh: Mesh) -> Result<()> {
        let mut place = PodPlace {
            run: &self.run,
            network: &mut self.network,
            cgroup: &self.cgroup,
            driver: Driver::Systemd,
            runtime: &Runtime::Processes,
            resolv_conf: &self.run.dir().join("resolv.conf"),
        };
        let pod = Pod::create(&mut place, "shop", workload, mesh)?;
        self.manifests
            .write(&format!("{workload}.yaml"), &[manifests::pod(&pod)])?;
        if pod.mesh.capture().is_some() {
            let sink = [TRAFFIC, "sink", "0.0.0.0:15001", "[::]:15001"];
            self.jobs
                .push(Job::start(pod.command(PROXY, User::PROXY, &sink)?)?);
        }
        self.pods.push(pod);
        Ok(())
    }

    /// Runs a job as long as the bed stands.
    pub(crate) fn add_job(&mut self, command: Command) -> Result<()> {
        self.jobs.push(Job::start(command)?);
        Ok(())
    }

    /// Ends the sinks that stand for sidecars; the servers outside stay.
    pub(crate) fn end_jobs_of_pods(&mut self) {
        self.jobs.truncate(1);
    }

    /// A pod whose every outbound connection is captured.
    pub(crate) fn captured_pod(&mut self, workload: &str) -> Result<()> {
        self.pod(workload, Mesh::Injected(Capture::default()))
    }

    pub(crate) fn get(&self, workload: &str) -> Result<&Pod> {
        let found = self.pods.iter().find(|pod| pod.workload == workload);
        found.with_context(|| format!("no pod {workload}"))
    }

    /// Starts the agent; once the pods are there, so that it knows them from the start.
    pub(crate) fn start_agent(&mut self, more: &[&str]) -> Result<()> {
        let manifests = self.manifests.dir().to_owned();
        self.start(Objects::Manifests(&manifests), more, Agent::start)
    }

    /// Starts an agent that asks an API server; `start` says what is waited for.
    pub(crate) fn start_agent_with(
        &mut self,
        api: &ApiServer,
        more: &[&str],
        start: fn(&Run, AgentSettings<'_>) -> Result<Agent>,
    ) -> Result<()> {
        let kubeconfig = self.run.dir().join("kubeconfig");
        api.kubeconfig(&kubeconfig)?;
        self.start(Objects::Api(&kubeconfig), more, start)
    }

    fn start(
        &mut self,
        objects: Objects<'_>,
        more: &[&str],
        start: fn(&Run, AgentSettings<'_>) -> Result<Agent>,
    ) -> Result<()> {
        let root = self.cgroup.dir().to_string_lossy().into_owned();
        let mut args = vec!["--metrics-destinations", "all"];
        if !more.contains(&"--cgroup-root") {
            args.extend(["--cgroup-root", &root]);
        }
        args.extend(more);
        let settings = AgentSettings {
            binary: &agent::binary(),
            objects,
            pin_dir: &self.bpffs.pin_dir(),
            cgroup: &self.cgroup.child(Path::new("system.slice"))?,
            more: &args,
        };
        self.agent = Some(start(&self.run, settings)?);
        Ok(())
    }

    /// Writes objects, as somebody applies them.
    pub(crate) fn apply(&self, file: &str, objects: &[Value]) -> Result<()> {
        self.manifests.write(file, objects)
    }

    /// The object of a pod.
    pub(crate) fn object(&self, workload: &str) -> Result<Value> {
        Ok(manifests::pod(self.get(workload)?))
    }

    /// The directory for `--manifests`.
    pub(crate) fn manifests(&self) -> &Path {
        self.manifests.dir()
    }

    pub(crate) fn pin_dir(&self) -> PathBuf {
        self.bpffs.pin_dir()
    }

    /// Below it, where the agent's own layout has its pins.
    pub(crate) fn pins(&self) -> PathBuf {
        self.pin_dir().join(format!("v{LAYOUT_VERSION}"))
    }

    pub(crate) fn agent(&mut self) -> Result<&mut Agent> {
        self.agent.as_mut().context("the agent was not started")
    }

    /// Takes the agent out, to end it.
    pub(crate) fn take_agent(&mut self) -> Result<Agent> {
        self.agent.take().context("the agent was not started")
    }

    pub(crate) fn scrape(&mut self) -> Result<Scrape> {
        self.agent()?.scrape()
    }

    /// Connections of a workload so far.
    pub(crate) fn counts(&mut self, workload: &str) -> Result<Counts> {
        Ok(counts_in(&self.scrape()?, workload))
    }

    /// Waits until the workload's connections are as expected, all of them and no other; nothing
    /// may have been lost. Looks once more, lest something is counted late.
    pub(crate) fn expect<const N: usize>(
        &mut self,
        workload: &str,
        expected: [(&str, u64); N],
    ) -> Result<()> {
        self.expect_counts(workload, &expected)?;
        self.expect_nothing_lost()
    }

    /// The same where something is to be lost.
    pub(crate) fn expect_counts(&mut self, workload: &str, expected: &[(&str, u64)]) -> Result<()> {
        let expected: Counts = expected
            .iter()
            .map(|(labels, n)| ((*labels).to_owned(), *n))
            .collect();
        let arrived = wait::until("connections are as expected", SETTLE, || {
            Ok((self.counts(workload)? == expected).then_some(()))
        });
        let found = self.counts(workload)?;
        ensure!(
            found == expected,
            "of {workload}\nexpected {expected:#?}\nfound {found:#?}"
        );
        arrived
    }

    /// Waits until so many of the workload's connections have these labels, whatever others have.
    pub(crate) fn expect_among(&mut self, workload: &str, labels: &str, n: u64) -> Result<()> {
        let arrived = wait::until("connections are as expected", SETTLE, || {
            Ok((self.counts(workload)?.get(labels) == Some(&n)).then_some(()))
        });
        let found = self.counts(workload)?;
        ensure!(
            found.get(labels) == Some(&n),
            "of {workload}\nexpected {n} {labels}\nfound {found:#?}"
        );
        arrived
    }

    pub(crate) fn expect_nothing_lost(&mut self) -> Result<()> {
        self.expect_no_connection_lost()?;
        let answers = [("source", "dns_buffer")];
        let scrape = self.scrape()?;
        let lost = scrape.sum("egress_observer_events_lost_total", &answers);
        ensure!(lost == 0.0, "{lost} DNS answers lost\n{}", scrape.text);
        Ok(())
    }

    /// Whatever became of DNS answers.
    pub(crate) fn expect_no_connection_lost(&mut self) -> Result<()> {
        let scrape = self.scrape()?;
        for family in [
            "flows_lost_total",
            "events_lost_total",
            "unmatched_accepts_total",
        ] {
            let lost = scrape
                .select(&format!("egress_observer_{family}"), &[])
                .filter(|sample| sample.label("source") != "dns_buffer")
                .map(|sample| sample.value)
                .sum::<f64>();
            ensure!(lost == 0.0, "{family} is {lost}\n{}", scrape.text);
        }
        Ok(())
    }

    /// Runs a Python program in a pod's container to its end, as an ordinary user.
    pub(crate) fn python(&self, workload: &str, program: &str) -> Result<()> {
        self.python_as(workload, User::APP, program)
    }

    pub(crate) fn python_as(&self, workload: &str, user: User, program: &str) -> Result<()> {
        let program = format!("{PYTHON_PROLOGUE}\n{program}");
        let output = self
            .get(workload)?
            .exec(APP, user, &[PYTHON, "-c", &program])?;
        if !output.status.success() {
            bail!(
                "{}\nof the program\n{program}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// Starts a traffic job in a pod's container.
    pub(crate) fn start_traffic(&self, workload: &str, args: &[&str]) -> Result<Job> {
        let argv: Vec<&str> = [TRAFFIC].iter().chain(args).copied().collect();
        Job::start(self.get(workload)?.command(APP, User::APP, &argv)?)
    }
}

pub(crate) fn counts_in(scrape: &Scrape, workload: &str) -> Counts {
    let mut counts = Counts::new();
    for sample in scrape
        .select(
            "egress_observer_connections_total",
            &[("source_workload", workload)],
        )
        .filter(|sample| sample.label("actor") == "app")
    {
        let labels = ["protocol", "path", "verdict", "reason"].map(|name| sample.label(name));
        *counts.entry(labels.join(" ")).or_default() += sample.value as u64;
    }
    counts
}

/// The program that makes connections.
pub(crate) const TRAFFIC: &str = env!("CARGO_BIN_EXE_traffic");
/// The distribution's own: a pod has no other.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Names that every Python program here starts with.
pub(crate) const PYTHON_PROLOGUE: &str = "
import errno, os, socket, struct, sys, time
OUT, OUT6, CLOSED = ('198.18.0.10', 80), ('2001:db8:18::10', 80), ('198.18.0.10', 81)
MAPPED = ('::ffff:198.18.0.10', 80)
def tcp(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM)
def udp(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_DGRAM)
";

/// A traffic job under way. Dropping it ends it.
pub(crate) struct Job {
    child: Child,
    /// Its end is the job's end, for one that holds something open.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    first: Option<Value>,
}

impl Job {
    /// Starts it. A job that holds something open says so first: [`Job::line`].
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the output is piped")?;
        let mut job = Self {
            child,
            input,
            output: BufReader::new(output),
            first: None,
        };
        let text = format!("{command:?}");
        if ["\"sink\"", "\"echo\"", "\"deaf\""]
            .iter()
            .any(|job| text.contains(job))
        {
            job.line()?;
        }
        Ok(job)
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(
            !line.is_empty(),
            "a job ended without a word: {:?}",
            self.child.wait()?
        );
        let value: Value = serde_json::from_str(&line)?;
        self.first.get_or_insert_with(|| value.clone());
        Ok(value)
    }

    /// Waits for what it says, ends it, and checks how it ended.
    pub(crate) fn finish(mut self) -> Result<Value> {
        let said = match &self.first {
            None => self.line()?,
            // It said that it is there; now it says what it saw.
            Some(_) => {
                self.end_input()?;
                self.line()?
            }
        };
        self.end_input()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "a job ended with {status}");
        Ok(said)
    }

    /// Waits until it holds everything, ends it, and checks how it ended.
    pub(crate) fn finish_held(mut self) -> Result<()> {
        self.line()?;
        self.end_input()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "a job ended with {status}");
        Ok(())
    }

    fn end_input(&mut self) -> Result<()> {
        if let Some(mut input) = self.input.take() {
            input.flush()?;
        }
        Ok(())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.input = None;
        // Its cgroup and network go next: it has to be gone.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
