//! The agent: everything wired together. The place to start reading.
//!
//! One loop owns all state. It turns once a second, when a cgroup is made, when the configuration
//! changes, and when a scrape asks; never for a connection.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ipnet::IpNet;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::MissedTickBehavior,
};
use tracing::{error, info, warn};

use crate::{
    cgroup::Cgroups,
    cli::AgentArgs,
    cluster::{ObjectCounts, Snapshot},
    config_watch::ConfigWatch,
    finding,
    flow::Ledger,
    http::{self, Pulse, ScrapeRequest},
    kernel::{self, Kernel, Sizes, preflight},
    metrics::{Metrics, Writer, health::Health},
    readable::Readable,
};

/// How often counters are read when nobody asks.
const TURN: Duration = Duration::from_secs(1);
/// How often attempts and proofs that nobody else ends are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How often what is long gone is forgotten.
const PRUNE: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: AgentArgs) -> Result<()> {
    // Watched before it is read, so that no change is missed; read before anything else, so that
    // bad input is what is reported.
    let mut config = ConfigWatch::new(&args.manifests)?;
    let (snapshot, objects) = Snapshot::from_files(&args.manifests, &args.cluster_cidrs)?;
    // Before anything is attached: an address that is taken is the commonest mistake.
    let listener = http::bind(args.metrics_address)
        .await
        .with_context(|| format!("cannot serve on --metrics-address {}", args.metrics_address))?;
    let mut agent = Agent::start(&args, snapshot, objects)?;
    let (send, mut scrapes) = mpsc::channel(16);
    let pulse = Arc::new(Pulse::default());
    let server = tokio::spawn(http::serve(listener, Arc::clone(&pulse), send));

    let mut made = agent
        .cgroups
        .events()
        .and_then(Readable::new)
        .context("watching cgroups")?;
    let mut terminate = signal(SignalKind::terminate()).context("handling SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("handling SIGINT")?;
    let mut turn = tokio::time::interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);

    pulse.set_ready();
    info!(address = %args.metrics_address, "serving");
    loop {
        pulse.beat();
        tokio::select! {
            _ = turn.tick() => agent.turn()?,
            Some(scrape) = scrapes.recv() => agent.scrape(scrape),
            ready = made.wait() => {
                ready.context("watching cgroups")?;
                agent.cgroups.refresh(Instant::now());
            }
            changed = config.changed() => {
                changed.context("watching the configuration")?;
                agent.reload();
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    server.abort();
    info!(pinned = agent.kernel.pinned, "stopping");
    Ok(())
}

/// All state.
struct Agent {
    kernel: Kernel,
    cgroups: Cgroups,
    snapshot: Snapshot,
    ledger: Ledger,
    metrics: Metrics,
    health: Health,
    manifests: Vec<PathBuf>,
    cluster_cidrs: Vec<IpNet>,
    swept: Instant,
    pruned: Instant,
}

impl Agent {
    /// Learns the cgroups and attaches.
    fn start(args: &AgentArgs, snapshot: Snapshot, objects: ObjectCounts) -> Result<Self> {
        let health = Health::new().context("making the metrics")?;
        health.reloaded(Some(objects));
        info!(?objects, "configuration read");
        warn_of_nameless(&snapshot);
        if args.cluster_cidrs.is_empty() {
            warn!(
                "no --cluster-cidrs: Services, and pods of other nodes, count as destinations \
                 outside the cluster"
            );
        }
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
        let root = cgroup_root(args.cgroup_root.as_deref())?;
        let pins = args.pin_dir.as_path() != Path::new("none");
        // Cgroups first, so that no connection is counted for one that could have been known.
        let cgroups = Cgroups::new(&root)?;
        let kernel = Kernel::start(&kernel::Options {
            cgroup: root,
            pin_dir: pins.then(|| args.pin_dir.clone()),
            btf: args.btf.clone(),
            sizes: Sizes {
                flows: args.max_flows,
                attempts: args.max_attempts,
                proofs: args.max_proofs,
            },
            capture_ports: args.capture_ports.clone(),
        })?;
        let now = Instant::now();
        Ok(Self {
            kernel,
            cgroups,
            snapshot,
            ledger: Ledger::new(Duration::from_secs(args.flow_idle)),
            metrics: Metrics::new(args.metrics_destinations, args.metrics_max_destinations),
            health,
            manifests: args.manifests.clone(),
            cluster_cidrs: args.cluster_cidrs.clone(),
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
        if now - self.pruned >= PRUNE {
            self.pruned = now;
            self.cgroups.prune(now);
            self.metrics.prune(&self.snapshot.workloads(), now);
        }
        Ok(())
    }

    /// Counters to findings to metrics.
    fn collect(&mut self, now: Instant) {
        // A connection cannot be older than its cgroup: what is read now knows all of them.
        self.cgroups.refresh(now);
        let Self {
            kernel,
            cgroups,
            snapshot,
            ledger,
            metrics,
            health,
            ..
        } = self;
        ledger.collect(&mut kernel.tables, now, |flow| {
            let source = finding::attribute(snapshot, cgroups, &flow.key);
            match finding::assess(snapshot, &source, &flow) {
                Some(finding) => metrics.record(&finding, now),
                None => health.host_connections(flow.n),
            }
        });
    }

    /// Answers a scrape with everything up to this moment.
    fn scrape(&mut self, answer: ScrapeRequest) {
        let start = Instant::now();
        self.collect(start);
        self.health.attached(self.kernel.attached());
        self.health
            .update(&self.kernel.tables, &self.ledger, &self.metrics);
        let mut out = Writer::default();
        self.metrics.write(&mut out);
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

    /// Reads the configuration again; what cannot be read leaves the last one in place.
    fn reload(&mut self) {
        // What happened so far happened under the last one.
        self.collect(Instant::now());
        match Snapshot::from_files(&self.manifests, &self.cluster_cidrs) {
            Ok((snapshot, objects)) => {
                warn_of_nameless(&snapshot);
                self.snapshot = snapshot;
                self.health.reloaded(Some(objects));
                info!(?objects, "configuration read");
            }
            Err(problem) => {
                self.health.reloaded(None);
                let problem = anyhow::Error::from(problem);
                error!("{problem:#}; the last configuration stays in place");
            }
        }
    }
}

/// A pod's cgroups are named by its uid.
fn warn_of_nameless(snapshot: &Snapshot) {
    for pod in snapshot.pods().filter(|pod| pod.uid.is_empty()) {
        warn!(%pod, "has no metadata.uid: its connections cannot be told");
    }
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
    Ok(preflight::pod_root(&root))
}
