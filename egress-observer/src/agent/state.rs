//! All state of the agent, and what becomes of it at each turn of the loop.

use std::{
    mem,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use bytes::Bytes;
use egress_observer_common::SharedWord;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::error;

use crate::{
    attribution::{self, Arrivals, FlowOwner},
    cgroup::{CgroupPlace, Cgroups},
    dns,
    finding::{self, Finding},
    flow::{CountedFlow, Ledger},
    http::{AgentRequest, What},
    kernel::Kernel,
    kubernetes::Watches,
    metrics::{Metrics, Writer, health::Health, workloads},
    names::{NameAsker, PodNames},
    record::{Record, Recorder},
    source::{self, Arrived},
};
use egress_observer_istio::{
    injection::pod::Pod,
    view::live::Live,
    vocabulary::{Actor, DnsResult, Reason},
};

/// How often attempts and proofs that nobody else ends are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How often what is long gone is forgotten.
const PRUNE: Duration = Duration::from_secs(60);

/// All state.
pub(super) struct AgentState {
    pub(super) kernel: Kernel,
    pub(super) cgroups: Cgroups,
    pub(super) cluster: Live,
    /// None where files say what there is.
    pub(super) watches: Option<Watches>,
    /// How long connections of pods that are not known wait for them.
    pub(super) patience: Duration,
    pub(super) ledger: Ledger,
    pub(super) names: PodNames,
    pub(super) metrics: Metrics,
    /// What the API tells.
    pub(super) recent: Record,
    pub(super) recorder: Option<Recorder>,
    pub(super) health: Health,
    pub(super) swept: Instant,
    pub(super) pruned: Instant,
}

impl AgentState {
    /// What is due every second.
    pub(super) fn turn(&mut self) -> Result<()> {
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
            self.cluster
                .prune(now, self.patience, |uid| running.contains(uid));
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
        let lost = self.kernel.tables.shared(SharedWord::CgroupsLost);
        self.cgroups.refresh(lost, now);
    }

    fn collect_known(&mut self, now: Instant, known: Arrivals) {
        let mut flows = Vec::new();
        let Self {
            kernel,
            cgroups,
            cluster,
            ledger,
            patience,
            ..
        } = self;
        ledger.collect(
            &mut kernel.tables,
            now,
            |key, waited| {
                let source = attribution::attribute(cluster.snapshot(), cgroups, key);
                attribution::wait_for(&source, known, waited, *patience)
            },
            |flow| flows.push(flow),
        );
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
                None => self.health.flows.host_connections(flow.n),
            }
        }
    }

    /// What is known of the cluster. What files do not say is not going to arrive.
    fn known(&self) -> Arrivals {
        let (max_flows, ..) = self.kernel.tables.sizes();
        let Some(watches) = &self.watches else {
            return Arrivals::NOTHING_ARRIVES;
        };
        Arrivals {
            settled: watches.settled(),
            pods: watches.pods_known(),
            room: self.ledger.n_flows() * 2 < max_flows as usize,
        }
    }

    /// New cgroups, and DNS answers to names.
    pub(super) fn listen(&mut self, now: Instant) {
        self.follow_cgroups(now);
        let Self {
            kernel,
            cgroups,
            names,
            health,
            ..
        } = self;
        kernel.answers.drain(|head, message| {
            let Some(CgroupPlace::Pod { uid, container }) = cgroups.place(head.cgroup) else {
                health.names.dns_answer(DnsResult::NotAttributed);
                return;
            };
            let learnt = dns::parse(message).map(|answer| {
                names.learn(uid, container.as_deref(), &answer, now);
                DnsResult::Named
            });
            health
                .names
                .dns_answer(learnt.unwrap_or_else(|other| other));
        });
    }

    fn judge(&mut self, flow: &CountedFlow, now: Instant) -> Option<Finding> {
        let snapshot = self.cluster.snapshot();
        let source = attribution::attribute(snapshot, &self.cgroups, &flow.key);
        let names = match &source {
            FlowOwner::Pod {
                pod,
                container,
                role,
            } => {
                let of_proxy = role.actor == Actor::Proxy;
                let asker = NameAsker {
                    pod: &pod.uid,
                    container: *container,
                    alike: &|other| of_proxy || !is_proxy(pod, other),
                };
                self.names.of(&asker, flow.ip(), now)
            }
            FlowOwner::Node | FlowOwner::Unknown(_) => Vec::new(),
        };
        let finding = finding::judge(snapshot, &source, names, flow)?;
        if let Some(cause) = source.lacks()
            && matches!(
                finding.kind.reason,
                Reason::NotAttributed | Reason::NotSynced
            )
        {
            self.health.flows.unattributed(cause, flow.n);
        }
        Some(finding)
    }

    /// Counts and records what is left.
    pub(super) fn end(&mut self) {
        let now = Instant::now();
        if self.kernel.pinned {
            // The next agent goes on with what waits.
            self.collect(now);
        } else {
            self.collect_known(now, Arrivals::NOTHING_ARRIVES);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.write(now);
        }
    }

    pub(super) fn answer(&mut self, AgentRequest { what, answer }: AgentRequest) {
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
        self.health.kernel.attached(self.kernel.attached());
        self.health
            .update(&self.kernel.tables, &self.ledger, &self.metrics);
        self.health.names.known(&self.names);
        self.health.flows.waiting(self.ledger.held());
        if let Some(watches) = &self.watches {
            self.health.cluster.watches(watches.each(start));
        }
        self.health
            .export
            .findings(&self.recent, self.recorder.as_ref());
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
        self.health.export.scraped(start.elapsed());
    }

    /// Takes in what arrived about the cluster.
    pub(super) fn take(&mut self, arrived: Arrived) {
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
                    self.health.cluster.changed(!unreadable);
                }
            }
            Arrived::Files(Ok(mut reload)) => {
                let changes = mem::take(&mut reload.changes);
                self.cluster.apply(changes, now);
                source::note(&self.health.cluster, &self.cluster, reload);
            }
            Arrived::Files(Err(problem)) => {
                self.health.cluster.reloaded(None, false);
                let problem = anyhow::Error::from(problem);
                error!("{problem:#}; the last configuration stays in place");
            }
        }
    }

    /// What has to be known before the agent is ready; nothing if it is.
    pub(super) fn waits_for(&self) -> Option<String> {
        let waiting = self.watches.as_ref()?.waiting();
        (!waiting.is_empty()).then(|| format!("not listed yet: {}", waiting.join(", ")))
    }
}

fn is_proxy(pod: &Pod, container: Option<&str>) -> bool {
    pod.role(container, u32::MAX, u32::MAX).actor == Actor::Proxy
}
