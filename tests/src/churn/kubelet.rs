//! The threads that make it happen: one announces pods at an even pace, some run them, one tells the
//! API server later what became of them.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    ChurnPlan,
    figures::{Made, Spread},
    life::{Fate, Life},
    node::{self, FullNode},
    objects::PodStage,
};
use crate::{pod::APP, wait};

/// A pod waits up to 0.2 s for its start and lives for some hundredths: at 2,000 a minute five are
/// under way, and more where the machine is slow.
const RUNNERS: usize = 32;
/// From a container's cgroup to its first process. runc, the quickest of runtimes, takes 70 ms from
/// one to the other end of a start.
const SETUP: Duration = Duration::from_millis(30);
/// How often threads look for the end.
const LOOK: Duration = Duration::from_millis(100);
/// How long the kernel may take to let go of an ended process.
const RELEASE: Duration = Duration::from_secs(5);

/// A pod that is to start, and when.
struct Start {
    life: Life,
    due: Instant,
}

/// What the API server is to be told of a pod, and when.
struct Word {
    life: Life,
    due: Instant,
    what: News,
}

#[derive(Clone, Copy)]
enum News {
    Is(PodStage),
    Deleted,
}

/// What became of a pod.
struct Lived {
    workload: String,
    /// How much later than planned it started.
    late: Duration,
    /// How long its container's cgroup was there.
    stayed: Duration,
}

/// Lets pods come and go; `look` is called at the plan's interval until the last one is deleted.
pub(super) fn run(
    node: &FullNode,
    plan: ChurnPlan,
    mut look: impl FnMut() -> Result<()>,
) -> Result<Made> {
    let (start, starts) = mpsc::channel();
    let (tell, words) = mpsc::channel();
    let starts = Mutex::new(starts);
    let stop = &AtomicBool::new(false);
    let begin = Instant::now();
    thread::scope(|scope| {
        let teller = scope.spawn(move || stopping(stop, tell_all(node, &words, stop)));
        let runners: Vec<_> = (0..RUNNERS)
            .map(|_| {
                let (starts, tell) = (&starts, tell.clone());
                scope.spawn(move || stopping(stop, run_all(node, starts, &tell, stop)))
            })
            .collect();
        let pacer = scope.spawn(move || stopping(stop, announce(node, plan, &start, &tell, stop)));
        let mut next = begin + plan.interval;
        let mut looked = Ok(());
        while looked.is_ok() && !teller.is_finished() {
            thread::sleep(LOOK);
            if Instant::now() >= next {
                next += plan.interval;
                looked = stopping(stop, look());
            }
        }
        let (mut lived, mut failed) = (Vec::new(), Vec::new());
        failed.extend(looked.err());
        failed.extend(joined(pacer.join()).err());
        for runner in runners {
            match joined(runner.join()) {
                Ok(some) => lived.extend(some),
                Err(error) => failed.push(error),
            }
        }
        failed.extend(joined(teller.join()).err());
        wait::check_interrupt()?;
        match failed.pop() {
            Some(error) => Err(error),
            None => Ok(made(&lived, plan)),
        }
    })
}

/// With the first failure all threads end.
fn stopping<T>(stop: &AtomicBool, result: Result<T>) -> Result<T> {
    if result.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    result
}

fn joined<T>(result: thread::Result<Result<T>>) -> Result<T> {
    match result {
        Ok(result) => result,
        Err(_) => bail!("a thread of the churn panicked"),
    }
}

fn is_over(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed) || wait::interrupted()
}

/// Announces pods at an even pace.
fn announce(
    node: &FullNode,
    plan: ChurnPlan,
    start: &Sender<Start>,
    tell: &Sender<Word>,
    stop: &AtomicBool,
) -> Result<()> {
    let begin = Instant::now();
    let gap = Duration::from_secs(60) / plan.starts_per_minute;
    for n in 0.. {
        let due = begin + gap * n;
        if due >= begin + plan.duration || is_over(stop) {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let life = Life::short(n.into());
        let scheduled = News::Is(PodStage::Scheduled);
        match life.heard_after {
            None => say(node, &life, scheduled)?,
            Some(after) => send(tell, &life, due + after, scheduled),
        }
        let due = due + life.start;
        // Nobody is left to start it after a failure, which is told elsewhere.
        drop(start.send(Start { life, due }));
    }
    Ok(())
}

/// Runs one pod after the other.
fn run_all(
    node: &FullNode,
    starts: &Mutex<Receiver<Start>>,
    tell: &Sender<Word>,
    stop: &AtomicBool,
) -> Result<Vec<Lived>> {
    let mut all = Vec::new();
    while !is_over(stop) {
        // Those who wait for the lock wait for a start just as well.
        let start = starts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv_timeout(LOOK);
        match start {
            Ok(start) => all.push(live(node, start, tell)?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(all)
}

/// A pod's life on the node.
fn live(node: &FullNode, Start { life, due }: Start, tell: &Sender<Word>) -> Result<Lived> {
    thread::sleep(due.saturating_duration_since(Instant::now()));
    let late = Instant::now().saturating_duration_since(due);
    let dirs = node::cgroups(&life);
    for dir in &dirs {
        node.cgroup.child(dir)?;
    }
    let started = Instant::now();
    thread::sleep(SETUP);
    let app = node.cgroup.dir().join(node::container(&life, APP));
    connect(node, &life, &app).with_context(|| format!("in pod {}", life.name))?;
    // Innermost first, the application's container before all others.
    for dir in dirs.iter().rev() {
        remove(&node.cgroup.dir().join(dir))?;
    }
    let ended = Instant::now();
    report(&life, (due, started, ended), tell);
    Ok(Lived {
        workload: life.workload(),
        late,
        stayed: ended - started,
    })
}

/// Has a process in the container connect exactly once.
fn connect(node: &FullNode, life: &Life, cgroup: &Path) -> Result<()> {
    let mut command = node.client(life, cgroup);
    let output = command.output().context("cannot start a client")?;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !output.status.success() || said["connected"] != 1 {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("a client ended with {}: {said} {words}", output.status);
    }
    Ok(())
}

/// An ended process is in its cgroup until the kernel is done with it.
fn remove(dir: &Path) -> Result<()> {
    let begin = Instant::now();
    loop {
        match fs::remove_dir(dir) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy && begin.elapsed() < RELEASE => {
                thread::sleep(Duration::from_millis(1));
            }
            removed => {
                return removed.with_context(|| format!("cannot remove {}", dir.display()));
            }
        }
    }
}

/// What the API server will be told, as late as a kubelet is.
fn report(life: &Life, (due, started, ended): (Instant, Instant, Instant), tell: &Sender<Word>) {
    // Nothing is told of a pod before the pod itself.
    let announced = due - life.start;
    let heard = announced + life.heard_after.unwrap_or_default();
    let last = match life.fate {
        Fate::Forced => {
            return send(tell, life, ended.max(heard), News::Deleted);
        }
        Fate::Untold => {
            let at = (ended + life.status).max(heard);
            send(tell, life, at, News::Is(PodStage::Evicted));
            at
        }
        Fate::Told => {
            let running = (started + life.status).max(heard);
            let at = (ended + life.status).max(running) + LOOK;
            send(tell, life, running, News::Is(PodStage::Running));
            send(tell, life, at, News::Is(PodStage::Succeeded));
            at
        }
    };
    send(tell, life, last + life.deletion, News::Deleted);
}

fn send(tell: &Sender<Word>, life: &Life, due: Instant, what: News) {
    let life = life.clone();
    // Nobody is left to tell it after a failure, which is told elsewhere.
    drop(tell.send(Word { life, due, what }));
}

/// Tells the API server everything in time.
fn tell_all(node: &FullNode, words: &Receiver<Word>, stop: &AtomicBool) -> Result<()> {
    let mut pending = BTreeMap::new();
    let mut order = 0_u64;
    let mut open = true;
    while !is_over(stop) && (open || !pending.is_empty()) {
        let now = Instant::now();
        let next = pending.first_key_value().map(|((due, _), _)| *due);
        let next = next.unwrap_or(now + LOOK).min(now + LOOK);
        if open {
            match words.recv_timeout(next.saturating_duration_since(now)) {
                Ok(word) => {
                    order += 1;
                    pending.insert((word.due, order), word);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
        } else {
            thread::sleep(next.saturating_duration_since(now));
        }
        let now = Instant::now();
        while let Some(first) = pending.first_entry().filter(|first| first.key().0 <= now) {
            let word = first.remove();
            say(node, &word.life, word.what)?;
        }
    }
    Ok(())
}

fn say(node: &FullNode, life: &Life, what: News) -> Result<()> {
    match what {
        News::Is(stage) => node.api.apply(node.templates.pod(life, stage)),
        News::Deleted => node.api.delete("pods", life.namespace, &life.name),
    }
    .with_context(|| format!("cannot tell the API server of pod {}", life.name))
}

fn made(lived: &[Lived], plan: ChurnPlan) -> Made {
    let mut by_workload = BTreeMap::new();
    for pod in lived {
        *by_workload.entry(pod.workload.clone()).or_insert(0) += 1;
    }
    Made {
        standing: plan.standing,
        by_workload,
        seconds: plan.duration.as_secs_f64(),
        late: Spread::of(lived.iter().map(|pod| pod.late)),
        stayed: Spread::of(lived.iter().map(|pod| pod.stayed)),
    }
}
