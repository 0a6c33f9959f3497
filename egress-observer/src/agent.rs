//! The agent: everything wired together. The place to start reading.
//!
//! One loop owns all state. It turns once a second, when the configuration changes, and when a scrape
//! asks; never for a connection.

use std::{
    fs, io, mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use egress_observer_common::{FlowKey, Shared};
use jiff::Timestamp;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, sleep},
};
use tracing::{error, info, warn};

use crate::{
    attribution::{self, Known, Source},
    cgroup::{Cgroups, Place},
    cli::{AgentArgs, DEFAULT_API_SOCKET, Switch},
    dns,
    finding::{self, Finding},
    flow::{Flow, Ledger},
    http::{self, Pulse, Request, What},
    kernel::{self, Kernel, Sizes, preflight},
    kubernetes::Watches,
    metrics::{Metrics, Writer, health::Health, workloads},
    names::{Asker, Limits, Names},
    readable::Readable,
    record::{Record, RecordError, Recorder, Rotation},
    source::{self, Arrived, ObjectSource, Reload},
};
use egress_observer_istio::{
    view::live::Live,
    vocabulary::{Actor, DnsResult, Reason},
};

/// How often counters are read when nobody asks.
const TURN: Duration = Duration::from_secs(1);
/// How often attempts and proofs that nobody else ends are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Between two looks at DNS answers that cannot wait for the next turn: a flood of them must not
/// keep the agent busy.
const PAUSE: Duration = Duration::from_millis(50);
/// How often what is long gone is forgotten.
const PRUNE: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: AgentArgs) -> Result<()> {
    // Before anything else, so that bad input is what is reported.
    let mut source = ObjectSource::open(&args)?;
    let cluster = source.known()?;
    // Before anything is attached: an address that is taken is the commonest mistake.
    let listener = http::bind(args.metrics_address)
        .await
        .with_context(|| format!("cannot serve on --metrics-address {}", args.metrics_address))?;
    let api = api(args.api_socket.as_deref())?;
    let mut agent = Agent::start(&args, cluster)?;
    // After: what happens before the cluster is known waits in the kernel.
    agent.watches = source.watch().await?;
    let (send, mut requests) = mpsc::channel(16);
    let pulse = Arc::new(Pulse::default());
    let servers = [Some(listener), api].into_iter().flatten();
    let servers: Vec<_> = servers
        .map(|listener| tokio::spawn(http::serve(listener, Arc::clone(&pulse), send.clone())))
        .collect();

    let mut answers = answers(&agent).context("waiting for DNS answers")?;
    let mut terminate = signal(SignalKind::terminate()).context("handling SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("handling SIGINT")?;
    let mut turn = tokio::time::interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);

    pulse.set_waiting(agent.waits_for());
    info!(address = %args.metrics_address, "serving");
    loop {
        pulse.beat();
        tokio::select! {
            _ = turn.tick() => agent.turn()?,
            Some(request) = requests.recv() => agent.answer(request),
            Some(()) = answers.recv() => agent.listen(Instant::now()),
            arrived = source.next() => {
                agent.take(arrived?);
                pulse.set_waiting(agent.waits_for());
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    for server in servers {
        server.abort();
    }
    agent.end();
    info!(pinned = agent.kernel.pinned, "stopping");
    Ok(())
}

/// Tells when the buffer of DNS answers has become half full, and not too often.
fn answers(agent: &Agent) -> io::Result<mpsc::Receiver<()>> {
    let mut half_full = agent.kernel.answers.events().and_then(Readable::new)?;
    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        while half_full.wait().await.is_ok() && send.send(()).await.is_ok() {
            sleep(PAUSE).await;
        }
    });
    Ok(receive)
}

/// The API's socket. Without a setting it is where it can be.
fn api(path: Option<&Path>) -> Result<Option<http::Listener>> {
    let given = path.is_some();
    let path = path.unwrap_or(Path::new(DEFAULT_API_SOCKET));
    if path == Path::new("none") {
        return Ok(None);
    }
    match http::bind_api(path) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if given => Err(error)
            .with_context(|| format!("cannot serve the API on --api-socket {}", path.display())),
        Err(error) => {
            warn!(path = %path.display(), %error, "there is no API: its socket cannot be made");
            Ok(None)
        }
    }
}

/// What writes findings to a file, if that is asked for.
fn recorder(args: &AgentArgs) -> Result<Option<Recorder>, RecordError> {
    let Some(path) = &args.record else {
        return Ok(None);
    };
    let rotation = Rotation {
        max_bytes: args.record_max_bytes,
        n_old: args.record_files,
    };
    let interval = Duration::from_secs(args.record_interval.into());
    let pending = Record::new(args.max_findings as usize);
    Recorder::start(path, rotation, pending, interval).map(Some)
}

/// All state.
struct Agent {
    kernel: Kernel,
    cgroups: Cgroups,
    cluster: Live,
    /// None where files say what there is.
    watches: Option<Watches>,
    /// How long connections of pods that are not known wait for them.
    patience: Duration,
    ledger: Ledger,
    names: Names,
    metrics: Metrics,
    /// What the API tells.
    recent: Record,
    recorder: Option<Recorder>,
    health: Health,
    swept: Instant,
    pruned: Instant,
}

impl Agent {
    /// Attaches and learns the cgroups.
    fn start(args: &AgentArgs, (cluster, reload): (Live, Option<Reload>)) -> Result<Self> {
        let health = Health::new().context("making the metrics")?;
        note(&health, &cluster, reload.unwrap_or_default());
        let missing: Vec<_> = preflight::check()
            .into_iter()
            .map(|missing| missing.to_string())
            .collect();
        if !missing.is_empty() {
            bail!(
                "this node lacks what is needed:\n  {}",
                missing.join("\n  ")
            );
        }
        if args.capture_ports.len() > 4 {
            bail!(
                "--capture-ports: {} ports, at most 4 are possible",
                args.capture_ports.len()
            );
        }
        let recorder = recorder(args)?;
        let root = cgroup_root(args.cgroup_root.as_deref())?;
        let pins = args.pin_dir.as_path() != Path::new("none");
        let mut kernel = Kernel::start(&kernel::Options {
            cgroup: root.clone(),
            pin_dir: pins.then(|| args.pin_dir.clone()),
            btf: args.btf.clone(),
            sizes: Sizes {
                flows: args.max_flows,
                attempts: args.max_attempts,
                proofs: args.max_proofs,
                answers: args.dns_buffer,
            },
            capture_ports: args.capture_ports.clone(),
            dns: args.dns == Switch::On,
        })?;
        // After: what comes and goes from here on is told of.
        let cgroups = Cgroups::new(&root, kernel.cgroups.take())?;
        let now = Instant::now();
        Ok(Self {
            kernel,
            cgroups,
            cluster,
            watches: None,
            patience: Duration::from_secs(args.attribution_wait.into()),
            ledger: Ledger::new(Duration::from_secs(args.flow_idle)),
            names: Names::new(Limits {
                in_all: args.dns_max_names as usize,
                per_pod: args.dns_max_names_per_pod as usize,
                keep: Duration::from_secs(args.dns_keep.into()),
            }),
            recent: Record::new(args.max_findings as usize),
            recorder,
            metrics: Metrics::new(args.metrics_destinations, args.metrics_max_destinations),
            health,
            swept: now,
            pruned: now,
        })
    }

    /// What is due every second.
    fn turn(&mut self) -> Result<()> {
        let now = Instant::now();
        if now - self.swept >= SWEEP {
            self.swept = now;
            self.ledger.sweep(&self.kernel.tables, now);
            if let Some((program, _)) = self.kernel.attached().find(|(_, attached)| !attached) {
                bail!(
                    "{program} is not attached any more: its cgroup was removed, or somebody \
                     detached it; start the agent again"
                );
            }
        }
        self.collect(now);
        if let Some(recorder) = &mut self.recorder {
            recorder.turn(now);
        }
        if now - self.pruned >= PRUNE {
            self.pruned = now;
            let in_use = self.kernel.tables.cgroups();
            self.cgroups.prune(now, |id| in_use.contains(&id));
            self.names.prune(now);
            let running = self.cgroups.pods();
            let runs = |uid: &str| running.contains(uid);
            self.cluster.prune(now, self.patience, runs);
            let workloads = self.cluster.snapshot().workloads();
            self.metrics.prune(&workloads, now);
        }
        Ok(())
    }

    /// Counters to findings to metrics.
    fn collect(&mut self, now: Instant) {
        // What is new is known before it is asked for, but for what starts just now: that waits.
        self.follow_cgroups(now);
        self.collect_known(now, self.known());
    }

    fn follow_cgroups(&mut self, now: Instant) {
        let lost = self.kernel.tables.shared(Shared::CgroupsLost);
        self.cgroups.refresh(lost, now);
    }

    fn collect_known(&mut self, now: Instant, known: Known) {
        let mut flows = Vec::new();
        let Self {
            kernel,
            cgroups,
            cluster,
            ledger,
            patience,
            ..
        } = self;
        let hold = |key: &FlowKey, waited| {
            let source = attribution::attribute(cluster.snapshot(), cgroups, key);
            attribution::wait_for(&source, known, waited, *patience)
        };
        ledger.collect(&mut kernel.tables, now, hold, |flow| flows.push(flow));
        // A connection cannot be older than its cgroup, nor than the answer that it owes its address
        // to: what is read after the counters knows all of them.
        self.listen(now);
        let time = Timestamp::now();
        for flow in flows {
            match self.judge(&flow, now) {
                Some(finding) => {
                    self.metrics.record(&finding, time, now);
                    if let Some(recorder) = &mut self.recorder {
                        recorder.add(finding.clone(), time, now);
                    }
                    self.recent.add(finding, time);
                }
                None => self.health.host_connections(flow.n),
            }
        }
    }

    /// What is known of the cluster. What files do not say is not going to arrive.
    fn known(&self) -> Known {
        let (max_flows, ..) = self.kernel.tables.sizes();
        let Some(watches) = &self.watches else {
            return Known::NOTHING_ARRIVES;
        };
        Known {
            settled: watches.settled(),
            pods: watches.pods_known(),
            room: self.ledger.n_flows() * 2 < max_flows as usize,
        }
    }

    /// New cgroups, and DNS answers to names.
    fn listen(&mut self, now: Instant) {
        self.follow_cgroups(now);
        let Self {
            kernel,
            cgroups,
            names,
            health,
            ..
        } = self;
        kernel.answers.drain(|head, message| {
            let Some(Place::Pod { uid, container }) = cgroups.place(head.cgroup) else {
                health.dns_answer(DnsResult::NotAttributed);
                return;
            };
            let learnt = dns::parse(message).map(|answer| {
                names.learn(uid, container.as_deref(), &answer, now);
                DnsResult::Named
            });
            health.dns_answer(learnt.unwrap_or_else(|other| other));
        });
    }

    fn judge(&mut self, flow: &Flow, now: Instant) -> Option<Finding> {
        let snapshot = self.cluster.snapshot();
        let source = attribution::attribute(snapshot, &self.cgroups, &flow.key);
        let names = match &source {
            Source::Pod {
                pod,
                container,
                role,
            } => {
                let of_proxy = role.actor == Actor::Proxy;
                let is_proxy =
                    |other: Option<&str>| pod.role(other, u32::MAX, u32::MAX).actor == Actor::Proxy;
                let asker = Asker {
                    pod: &pod.uid,
                    container: *container,
                    alike: &|other| of_proxy || !is_proxy(other),
                };
                self.names.of(&asker, flow.ip(), now)
            }
            Source::Node | Source::Unknown(_) => Vec::new(),
        };
        let finding = finding::assess(snapshot, &source, names, flow)?;
        if let Some(cause) = source.lacks()
            && matches!(finding.reason, Reason::NotAttributed | Reason::NotSynced)
        {
            self.health.unattributed(cause, flow.n);
        }
        Some(finding)
    }

    /// Counts and records what is left.
    fn end(&mut self) {
        let now = Instant::now();
        if self.kernel.pinned {
            // The next agent goes on with what waits.
            self.collect(now);
        } else {
            self.collect_known(now, Known::NOTHING_ARRIVES);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.write(now);
        }
    }

    fn answer(&mut self, Request { what, answer }: Request) {
        match what {
            What::Metrics => self.scrape(answer),
            What::Findings => {
                self.collect(Instant::now());
                let mut text = Vec::new();
                match self.recent.write(&mut text) {
                    // Whoever asked may be gone.
                    Ok(()) => drop(answer.send(Bytes::from(text))),
                    Err(error) => error!(%error, "cannot write the findings"),
                }
            }
        }
    }

    /// Answers a scrape with everything up to this moment.
    fn scrape(&mut self, answer: oneshot::Sender<Bytes>) {
        let start = Instant::now();
        self.collect(start);
        self.health.attached(self.kernel.attached());
        self.health
            .update(&self.kernel.tables, &self.ledger, &self.metrics);
        self.health.names(&self.names);
        self.health.waiting(self.ledger.held());
        if let Some(watches) = &self.watches {
            self.health.watches(watches.each(start));
        }
        self.health.findings(&self.recent, self.recorder.as_ref());
        let mut out = Writer::default();
        self.metrics.write(&mut out);
        workloads::write(self.cluster.snapshot(), &mut out);
        let mut text = out.finish();
        match self.health.write() {
            Ok(health) => text.push_str(&health),
            Err(error) => error!(%error, "cannot write the agent's own metrics"),
        }
        // Whoever asked may be gone; then nobody was told.
        if answer.send(Bytes::from(text)).is_ok() {
            self.ledger.told(&self.kernel.tables);
        }
        self.health.scraped(start.elapsed());
    }

    /// Takes in what arrived about the cluster.
    fn take(&mut self, arrived: Arrived) {
        let now = Instant::now();
        let of_configuration = arrived.of_configuration();
        if of_configuration {
            // What happened so far happened under the last one.
            self.collect(now);
        }
        match arrived {
            Arrived::Messages(messages) => {
                let Self {
                    cluster,
                    watches: Some(watches),
                    ..
                } = self
                else {
                    return;
                };
                source::take(cluster, watches, messages, now);
                if of_configuration {
                    let unreadable = cluster.snapshot().mesh_is_unreadable();
                    self.health.changed(!unreadable);
                }
            }
            Arrived::Files(Ok(mut reload)) => {
                let changes = mem::take(&mut reload.changes);
                self.cluster.apply(changes, now);
                note(&self.health, &self.cluster, reload);
            }
            Arrived::Files(Err(problem)) => {
                self.health.reloaded(None, false);
                let problem = anyhow::Error::from(problem);
                error!("{problem:#}; the last configuration stays in place");
            }
        }
    }

    /// What has to be known before the agent is ready; nothing if it is.
    fn waits_for(&self) -> Option<String> {
        let waiting = self.watches.as_ref()?.waiting();
        (!waiting.is_empty()).then(|| format!("not listed yet: {}", waiting.join(", ")))
    }
}

/// Notes what was read from files.
fn note(health: &Health, cluster: &Live, reload: Reload) {
    let mut counts = reload.counts;
    counts.config_maps = cluster.n_config_maps();
    let readable = counts.unreadable.is_empty() && !cluster.snapshot().mesh_is_unreadable();
    health.reloaded(Some(&counts), readable);
}

/// The cgroup to attach to: the one given, or the one that the mount table leads to.
fn cgroup_root(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        if !path.join("cgroup.procs").exists() {
            return Err(preflight::Missing::NotACgroup {
                path: path.to_owned(),
            }
            .into());
        }
        return Ok(path.to_owned());
    }
    let table = fs::read_to_string("/proc/self/mountinfo").context("reading the mount table")?;
    let root = preflight::cgroup_root(&table)?;
    if let Some(dir) = preflight::pods_in_v1(&table, &root) {
        warn!(
            cgroup_v1 = %dir.display(),
            "the kubelet keeps its pods in cgroup v1: their connections cannot be told from the \
             node's own; boot with cgroup v2"
        );
    }
    if preflight::is_without_pods(&root) {
        warn!(
            cgroup = %root.display(),
            "this is a part of the cgroups only, and no pod is in it: mount the host's \
             /sys/fs/cgroup into the container"
        );
    }
    Ok(preflight::pod_root(&root))
}
